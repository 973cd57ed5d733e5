# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# dma=direct on disks that do no DMA: the guest's own pages are in the bios, and a
# dead guest's memory stays until the last of them has ended, no longer.

ram_disk 0
ram_disk 1
modprobe dm-mod
dmsetup create vbslow --table "0 65536 linear /dev/ram1 0"
dmsetup mknodes
slow=/dev/mapper/vbslow
create "$(guest_config z -- 'device_tree = "/vb/virtio-node.dtb"' \
	'vuart = "sbsa_uart"')" -p
id=$(guest_id z)
load
echo "domid=$id base=0x2000000 irq=33 backing=/dev/ram0 dma=direct" >$SYS/add
echo "domid=$id base=0x2000200 irq=34 backing=$slow dma=direct reset_timeout_ms=500" >$SYS/add
[ "$(cat "$SYS/dom$id.2000000/dma")" = direct ] || fail "dma is not direct"
[ "$(cat "$SYS/dom$id.2000200/reset_timeout_ms")" = 500 ] || fail "reset_timeout_ms is not 500"
xl unpause z
guest_ready z
for bs in 512 4096 65536 1048576; do
	size=$(( bs / 8 ))K
	[ $bs -lt 65536 ] || size=4
	for d in vda vdb; do
		guest_do z "vbio write /dev/$d $size $bs $bs 4 && vbio verify /dev/$d $size $bs 32768 1"
	done
done
vbio verify /dev/ram0 4 1048576 65536 1 >/tmp/out || { cat /tmp/out; fail "dom0 reads other data"; }
guest_do z 'mkfs.ext4 -q -F /dev/vda && mount -t ext4 /dev/vda /mnt &&
	cp /bin/busybox /mnt/ && sync && umount /mnt && echo 3 >/proc/sys/vm/drop_caches &&
	mount -t ext4 /dev/vda /mnt && cmp /bin/busybox /mnt/busybox && umount /mnt'
guest_sane z
dmsetup suspend --nolockfs --noflush vbslow
guest_send z 'vbio write /dev/vdb 8 2'
sleep 2
xl destroy z || fail "xl destroy"
sleep 2
[ "$(xl list | grep -c -v "^Name\|^Domain-0")" = 1 ] ||
	fail "a dead guest's memory was given back while a disk accesses it"
note "guest destroyed, its memory kept while its disk hangs"
dmsetup resume vbslow
wait_for 5 "the end of the dead domain" no_domain "$id"
nothing_left /dev/ram0 $slow
dmsetup remove vbslow
unload
