# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A forced removal while the guest is paused, perhaps within an access: Xen and
# dom0 go on, and so does the guest until its next access.
# expect: \(XEN\).*(traps\.c|HSR|gpa=)

load
round=0
while [ $round -lt 3 ]; do
	round=$(( round + 1 ))
	ram_disk 0
	guest f "$(disk_line /dev/ram0 xvda w)" -- 'on_reboot = "destroy"' 'on_crash = "destroy"'
	name=$(devices "$(guest_id f).")
	guest_send f 'vbio mix /dev/vda 32 300 4096 4'
	sleep 1
	xl pause f
	note "trapped: $(cat $SYS/$name/xen/traps)"
	echo "$name force=1" >$SYS/remove || fail "forced removal"
	[ ! -e "$SYS/$name" ] || fail "$name is left"
	xl unpause f
	sleep 2
	xl destroy f 2>/dev/null || true	# it may have ended by itself
	wait_for 60 "guest f to be gone" guest_gone f
done
nothing_left /dev/ram0
unload
