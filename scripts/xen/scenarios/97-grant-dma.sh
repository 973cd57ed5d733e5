# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A guest that grants its memory, on a disk that does DMA in dom0: short data is copied,
# long data mapped for the disk to reach, and nothing else of the guest ever is. What a
# hung disk has of a dead guest stays until the disk has ended, no longer.
# kernel: grants

DMA_KB=64	# from so many KiB on data is mapped

count()
{
	# shellcheck disable=SC2086
	cat $SYS/dom$id.$1/$2 | awk '{ n += $1 } END { print n }'
}

# all_back: nothing is mapped but the rings
all_back()
{
	[ "$(count 2000000 xen/grants)" = "$rings" ]
}

# io <block size> <MiB>: write and verify in the guest, and in dom0; sets MAPPED, COPIED.
# One thread, as one queue: where two processors map at a time, one of them waits for a
# lock of Xen's, and an emulated one does so for its whole slice of time at each page.
io()
{
	MAPPED=$(count 2000000 xen/data_grants)
	COPIED=$(count 2000000 'vq*/bounced')
	guest_do g "vbio write /dev/vda $2 $1 $1 1 && vbio verify /dev/vda $2 $1 $1 1"
	MAPPED=$(( $(count 2000000 xen/data_grants) - MAPPED ))
	COPIED=$(( $(count 2000000 'vq*/bounced') - COPIED ))
	note "blocks of $1: $MAPPED pages mapped, $COPIED bytes copied"
	wait_for 5 "all pages to be given back" all_back
	blockdev --flushbufs "$DISK"
	vbio verify "$DISK" "$2" "$1" 32768 1 >/tmp/out || { cat /tmp/out; fail "dom0 reads other data"; }
}

load grant_map_kb=$DMA_KB
dma_disk
dma=$DISK
ram_disk 1
slow=/dev/mapper/vbslow
modprobe dm-mod
dmsetup create vbslow --table "0 65536 linear /dev/ram1 0"
dmsetup mknodes
DISK=$dma
GUEST_IMAGE=/vb/Image-grants
create "$(guest_config g -- 'device_tree = "/vb/virtio-grant-node.dtb"' 'vuart = "sbsa_uart"')" -p
id=$(guest_id g)
echo "domid=$id base=0x2000000 irq=33 backing=$DISK mapping=grant queues=1" >$SYS/add
echo "domid=$id base=0x2000200 irq=34 backing=$slow mapping=grant queues=1 reset_timeout_ms=500" >$SYS/add
xl unpause g
guest_ready g
rings=$(count 2000000 xen/grants)	# the same of both
note "$rings pages of rings are mapped"
for bs in 4096 32768; do
	io $bs 1
	[ $MAPPED = 0 ] || fail "short data was mapped"
	[ $COPIED -ge $(( 2 << 20 )) ] || fail "short data was not copied"
done
for bs in 65536 524288 1048576; do
	io $bs 4
	# There and back; a part may have found no room, or a bad alignment.
	[ $MAPPED -ge $(( 2048 / 2 )) ] || fail "long data was not mapped"
done
guest_do g 'mkfs.ext4 -q -F /dev/vda && mount -t ext4 /dev/vda /mnt &&
	dd if=/dev/urandom of=/tmp/data bs=1M count=4 2>/dev/null && cp /tmp/data /mnt/data &&
	sync && echo 3 >/proc/sys/vm/drop_caches && cmp /tmp/data /mnt/data && umount /mnt'
for c in maps pages pages_max; do
	[ "$(count 2000000 xen/$c)" = 0 ] || fail "memory that was not granted is mapped ($c)"
done
for c in map_calls unmap_calls copies copy_calls; do
	note "$c: $(count 2000000 xen/$c)"
done
guest_sane g

# The guest dies while a hung disk has its pages.
dmsetup suspend --nolockfs --noflush vbslow
guest_send g 'vbio write /dev/vdb 8 2 262144 4'
sleep 3
[ "$(count 2000200 xen/grants)" -gt "$rings" ] || fail "the hung disk has no page of the guest"
xl destroy g || fail "xl destroy"
sleep 2
[ "$(xl list | grep -c -v "^Name\|^Domain-0")" = 1 ] ||
	fail "a dead guest's memory was given back while a disk accesses it"
note "guest destroyed, its memory kept while its disk hangs"
dmsetup resume vbslow
wait_for 5 "the end of the dead domain" no_domain "$id"
nothing_left "$DISK" $slow

# And in the middle of I/O on the disk that does DMA.
rm -f "$LOGS/guest-g.log"
create "$(guest_config g -- 'device_tree = "/vb/virtio-grant-node.dtb"' 'vuart = "sbsa_uart"')" -p
id=$(guest_id g)
echo "domid=$id base=0x2000000 irq=33 backing=$DISK mapping=grant queues=1" >$SYS/add
echo "domid=$id base=0x2000200 irq=34 backing=$slow mapping=grant" >$SYS/add
xl unpause g
guest_ready g
guest_send g 'vbio mix /dev/vda 16 60 262144 4'
sleep 3
[ "$(count 2000000 xen/data_grants)" -gt 0 ] || fail "no I/O"
destroy g
nothing_left "$DISK" $slow
dmsetup remove vbslow
! dmesg | grep "virtback:.*stayed mapped\|virtback:.*refused to unmap" | sed "s/^/# /" | grep . ||
	fail "pages were lost"
unload
