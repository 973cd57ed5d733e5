# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A disk that does DMA in dom0: the guest's data arrives, not something else.

load
dma_disk
guest m "$(disk_line "$DISK" xvda w)"
for bs in 512 4096 65536 524288; do
	# Some 128 requests of each size.
	size=$(( bs / 8 ))K
	[ $bs != 524288 ] || size=16
	guest_do m "vbio write /dev/vda $size $bs $bs 4 && vbio verify /dev/vda $size $bs 32768 1"
	blockdev --flushbufs "$DISK"
	vbio verify "$DISK" $size $bs 32768 1 >/tmp/out || { cat /tmp/out; fail "dom0 reads other data"; }
	sed 's/^/# dom0: /' /tmp/out
done
note "and the other way round"
vbio write "$DISK" 16 4242 65536 2 | sed 's/^/# dom0: /'
guest_do m 'vbio verify /dev/vda 16 4242 131072 4'
guest_do m 'mkfs.ext4 -q -F /dev/vda && mount -t ext4 /dev/vda /mnt &&
	cp /bin/busybox /mnt/ && sync && umount /mnt && echo 3 >/proc/sys/vm/drop_caches &&
	mount -t ext4 /dev/vda /mnt && cmp /bin/busybox /mnt/busybox && umount /mnt'
guest_sane m
destroy m
nothing_left "$DISK"
unload
