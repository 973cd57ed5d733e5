# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# remove: refused under a living guest, unless forced.
# A window without a server makes Xen inject an abort into that guest:
# expect: \(XEN\).*(traps\.c|HSR|gpa=)

load
ram_disk 0
ram_disk 1
ram_disk 2
guest f "$(disk_line /dev/ram0 xvda w)"
guest o "$(disk_line /dev/ram1 xvda w)"
name=$(devices "$(guest_id f).")
if echo "$name" >$SYS/remove; then
	fail "$name was removed under its guest"
fi
[ -d "$SYS/$name" ] || fail "$name is gone"
guest_do f 'vbio write /dev/vda 4 4 && vbio verify /dev/vda 4 4'
guest_send f 'vbio mix /dev/vda 32 300 4096 4'
guest_send o 'vbio mix /dev/vda 16 8 4096 2'
sleep 3
echo "$name force=1" >$SYS/remove || fail "forced removal"
[ ! -e "$SYS/$name" ] || fail "$name is left"
wait_for 30 "the disk to be closed" disk_free /dev/ram0
note "the other guest goes on"
guest_do o 'vbio write /dev/vda 4 8 && vbio verify /dev/vda 4 8'
guest_sane o
destroy f
destroy o
nothing_left /dev/ram0 /dev/ram1
unload
