# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A guest that grants its memory, by the line of its configuration.
# xen: 4.20
# kernel: grants

load
ram_disk 0
ram_disk 1
GUEST_IMAGE=/vb/Image-grants
guest g "'phy:/dev/ram0,xvda,w,backendtype=standalone,specification=virtio,grant_usage=1'" \
	"'phy:/dev/ram1,xvdb,w,backendtype=standalone,specification=virtio,grant_usage=0'"
d=$SYS/dom$(guest_id g)
[ "$(cat "$d.2000000/mapping")" = grant ] || fail "mapping is wrong"
[ "$(cat "$d.2000200/mapping")" = foreign ] || fail "mapping of the other is wrong"
guest_do g 'mkfs.ext4 -q -F /dev/vda && mount -t ext4 /dev/vda /mnt &&
	dd if=/dev/urandom of=/tmp/data bs=1M count=8 2>/dev/null && cp /tmp/data /mnt/data &&
	sync && echo 3 >/proc/sys/vm/drop_caches && cmp /tmp/data /mnt/data && umount /mnt'
guest_do g 'vbio write /dev/vdb 4 3 && vbio verify /dev/vdb 4 3 16384'
guest_sane g
[ "$(cat "$d.2000000/xen/copies")" -gt 0 ] || fail "nothing was copied"
[ "$(cat "$d.2000200/xen/copies")" = 0 ] || fail "the other disk's data was copied"
destroy g
nothing_left /dev/ram0 /dev/ram1
unload
