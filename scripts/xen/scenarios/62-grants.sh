# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A guest that grants its memory works on two disks by hand, and nothing else of it is
# mapped. On disks that take no grants, and with a driver that gives none, nothing works.
# kernel: grants

# granting <name>: a paused guest whose device tree names the windows.
granting()
{
	create "$(guest_config "$1" -- 'device_tree = "/vb/virtio-grant-node.dtb"' \
		'vuart = "sbsa_uart"')" -p
	id=$(guest_id "$1")
}

# by_hand <mapping>: both of its disks, one for each format of rings. The first one has
# long data mapped; the other, with the file system, not, since that takes minutes here:
# workers of two queues that map at once wait for a lock of Xen's and for little else.
by_hand()
{
	echo 128 >/sys/module/virtback/parameters/grant_map_kb
	echo "domid=$id base=0x2000000 irq=33 backing=/dev/ram0 mapping=$1" >$SYS/add
	echo 0 >/sys/module/virtback/parameters/grant_map_kb
	echo "domid=$id base=0x2000200 irq=34 backing=/dev/ram1 mapping=$1 features_off=ring_packed" >$SYS/add
}

count()
{
	cat "$SYS/dom$id.$1/xen/$2"
}

load
ram_disk 0
ram_disk 1
GUEST_IMAGE=/vb/Image-grants
granting g
by_hand grant
[ "$(cat "$SYS/dom$id.2000000/mapping")" = grant ] || fail "mapping is wrong"
for o in dma=direct features_off=access_platform map_limit_mb=64; do
	! echo "domid=$id base=0x2000400 irq=35 backing=/dev/ram2 mapping=grant $o" \
		2>/dev/null >$SYS/add || fail "$o with grants was not refused"
done
xl unpause g
guest_ready g
guest_do g 'for d in vda vdb; do
	vbio write /dev/$d 4 3 && vbio verify /dev/$d 4 3 16384 || exit 1; done'
guest_do g 'vbio write /dev/vda 4 5 131072 4 && vbio verify /dev/vda 4 5 4096 4'
guest_do g 'mkfs.ext4 -q -F /dev/vdb && mount -t ext4 /dev/vdb /mnt &&
	dd if=/dev/urandom of=/tmp/data bs=1M count=4 2>/dev/null && cp /tmp/data /mnt/data &&
	sync && echo 3 >/proc/sys/vm/drop_caches && cmp /tmp/data /mnt/data && umount /mnt'
guest_sane g
[ "$(count 2000000 data_grants)" -gt 0 ] || fail "no data was mapped"
note "grants mapped: $(count 2000000 grants), copies: $(count 2000000 copies) and $(count 2000200 copies), pages: $(count 2000000 pages_max), maps: $(count 2000000 maps)"
for d in 2000000 2000200; do
	[ "$(count $d grants)" -gt 0 ] || fail "no ring of $d is mapped"
done
[ "$(count 2000000 copies)" -gt 0 ] || fail "nothing was copied"
[ "$(count 2000000 maps)" = 0 ] || fail "memory that was not granted is mapped"
[ "$(count 2000000 pages)" = 0 ] || fail "memory that was not granted is mapped"
blockdev --flushbufs /dev/ram0
vbio verify /dev/ram0 4 5 >/tmp/out || { cat /tmp/out; fail "/dev/ram0 has other data"; }
# Whatever is being copied when it dies.
guest_send g 'vbio write /dev/vda 16 6 65536 & vbio write /dev/vdb 16 6 65536'
sleep 2
destroy g
nothing_left /dev/ram0 /dev/ram1

# The same guest on disks that take no grants.
granting f
by_hand foreign
xl unpause f
guest_ready f
guest_do f 'dmesg | grep -i "ACCESS_PLATFORM" && ! ls /dev/vd*'
destroy f
nothing_left /dev/ram0 /dev/ram1

# Debian's driver, which knows nothing of grants, on disks that want them.
GUEST_IMAGE=/vb/Image
create "$(guest_config n -- 'device_tree = "/vb/virtio-node.dtb"' 'vuart = "sbsa_uart"')" -p
id=$(guest_id n)
by_hand grant
xl unpause n
# Its first request is never answered, so it does not come to its commands.
wait_for "$WAIT" "the rings to be refused" grep -q needs-reset "$SYS/dom$id.2000000/state"
[ "$(count 2000000 grants)" = 0 ] || fail "a ring that was not granted is mapped"
[ "$(count 2000000 copies)" = 0 ] || fail "memory that was not granted was copied"
destroy n
nothing_left /dev/ram0 /dev/ram1
unload
