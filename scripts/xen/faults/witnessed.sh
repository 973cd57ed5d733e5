# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The guest w of rows in which it comes to an end: it does I/O on one disk and writes to
# another what was acknowledged.

# witnessed_guest [line of its configuration]
witnessed_guest()
{
	ram_disk 9
	ram_disk 10
	guest w "$(disk_line /dev/ram9 xvda w)" "$(disk_line /dev/ram10 xvdb w)" -- \
		"${1:-on_reboot = \"destroy\"}" 'on_crash = "destroy"'
	# In the guest's background, so that it takes more commands.
	guest_do w '(storm run /dev/vda /dev/vdb 1 600 >/tmp/storm 2>&1 &)'
	wait_for 60 "the guest's witness" witness_there
}

witness_there()
{
	blockdev --flushbufs /dev/ram10
	[ "$(dd if=/dev/ram10 bs=8 count=1 2>/dev/null)" = 1stormbv ] &&
		[ "$(dd if=/dev/ram10 bs=4 skip=260 count=1 2>/dev/null | tr -d '\0')" ]
}

# Other guests stay.
witnessed_gone()
{
	local d

	wait_for 30 "guest w to be gone" guest_gone w
	for d in /dev/ram9 /dev/ram10; do
		wait_for 30 "$d to be closed" disk_free $d
	done
}

witnessed_good()
{
	witnessed_gone
	/bin/storm check /dev/ram9 /dev/ram10 unknown >/tmp/out || {
		sed 's/^/# /' /tmp/out
		fail "the disk is not as the guest was told"
	}
	sed 's/^/# /' /tmp/out
}
