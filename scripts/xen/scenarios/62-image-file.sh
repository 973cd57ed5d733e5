# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# An image file as the disk: it grows under the guest, two devices take turns
# behind another disk under verified I/O, and a third comes when the guest runs.

ram_disk 0
ram_disk 1
modprobe ext4
/sbin/mke2fs -q -F -t ext4 /dev/ram0 || fail "no ext4 on /dev/ram0"
mount -t ext4 /dev/ram0 /mnt || fail "/dev/ram0 cannot be mounted"
truncate -s 12M /mnt/disk.img
# Two ways to one disk.
for n in vba vbb; do
	dmsetup create $n --table "0 65536 linear /dev/ram1 0"
done
dmsetup mknodes

create "$(guest_config h -- 'device_tree = "/vb/virtio-node.dtb"' \
	'vuart = "sbsa_uart"')" -p
id=$(guest_id h)
file=$SYS/dom$id.2000000 swap=$SYS/dom$id.2000200
load backing=/mnt/disk.img domid="$id" base=0x2000000 irq=33
echo "domid=$id base=0x2000200 irq=34 backing=none" >$SYS/add
[ "$(cat "$swap/state")" = empty ] || fail "the placeholder is not empty"
xl unpause h
guest_ready h
guest_do h '[ "$(cat /sys/block/vda/size)" = 24576 ] && [ ! -e /sys/block/vdb ]'
guest_do h 'mkfs.ext4 -q /dev/vda && mount -t ext4 /dev/vda /mnt &&
	dd if=/dev/urandom of=/tmp/a bs=1M count=4 2>/dev/null &&
	cp /tmp/a /mnt/a && umount /mnt && mount -t ext4 /dev/vda /mnt &&
	cmp /tmp/a /mnt/a && umount /mnt'
guest_do h 'vbio write /dev/vda 8 3 && vbio verify /dev/vda 8 3 16384'
umount /mnt 2>/dev/null && fail "the image's file system is not in use"

step "The file grows; the guest sees it"
truncate -s 20M /mnt/disk.img
guest_do h 'n=0; until [ "$(cat /sys/block/vda/size)" = 40960 ]; do
	n=$((n + 1)); [ $n -lt 100 ] || exit 1; sleep 0.1; done'
guest_do h 'vbio write /dev/vda 20 4 && vbio verify /dev/vda 20 4 16384'

step "A placeholder gets its disk"
echo /dev/mapper/vba >"$swap/backing" || fail "no backing store for the placeholder"
guest_do h 'cd /sys/bus/platform && d=$(ls devices | grep "^2000200\.") &&
	echo $d >drivers/virtio-mmio/bind && [ -e /sys/block/vdb ]'

step "Its disk is replaced under I/O"
echo /mnt/disk.img >"$swap/backing" && fail "a file in use took its place"
guest_send h 'for i in 1 2 3; do vbio write /dev/vdb 4 $i 16384 8 &&
	vbio verify /dev/vdb 4 $i 16384 8 || exit 1; done'
swaps=0
until grep -aq "@@$CMD rc=[0-9]" "$LOGS/guest-h.log"; do
	for n in vbb vba; do
		echo /dev/mapper/$n >"$swap/backing" || fail "$n did not take its place"
		[ "$(cat "$swap/backing")" = /dev/mapper/$n ] || fail "backing is wrong"
		swaps=$((swaps + 1))
	done
	sleep 0.3
done
note "$swaps replacements"
[ $swaps -ge 2 ] || fail "only $swaps replacements"
tr -d '\r' <"$LOGS/guest-h.log" | grep -q "@@$CMD rc=0" || fail "verified I/O failed"
guest_sane h
destroy h
nothing_left /dev/mapper/vba /dev/mapper/vbb
[ ! -d "$file" ] || fail "$file is still there"
umount /mnt || fail "/mnt is still in use"
dmsetup remove vba
dmsetup remove vbb
unload
