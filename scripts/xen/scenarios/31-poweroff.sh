# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A guest that powers off leaves nothing.

load
ram_disk 0
guest p "$(disk_line /dev/ram0 xvda w)"
guest_do p 'mkfs.ext4 -q -F /dev/vda && mount -t ext4 /dev/vda /mnt && echo hello >/mnt/f'
guest_send p 'umount /mnt; poweroff -f'
wait_for "$WAIT" "the guest to be gone" guest_gone p
nothing_left /dev/ram0
modprobe ext4
mount -t ext4 /dev/ram0 /mnt
[ "$(cat /mnt/f)" = hello ] || fail "the file is not on the disk"
umount /mnt
unload
