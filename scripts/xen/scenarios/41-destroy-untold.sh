# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A domain is destroyed and nobody tells of it. Xen does when it has taken the domain's
# memory, which it may never have done while much of that is mapped here: so that has to be
# found out without being told.

null_disk nb0 256
create "$(guest_config k -- 'device_tree = "/vb/virtio-node.dtb"' 'vuart = "sbsa_uart"')" -p
id=$(guest_id k)
load backing="$DISK" domid="$id" base=0x2000000 irq=33 map_limit_mb=160
echo "domid=$id base=0x2000200 irq=34 backing=none" >$SYS/add
xl unpause k
guest_ready k
guest_do k 'vbio write /dev/vda 4 3 && vbio verify /dev/vda 4 3 16384'
# As much of its memory is mapped as may be.
guest_do k 'dd if=/dev/vda of=/dev/null bs=1M 2>/dev/null'
pages=$(cat "$SYS/dom$id.2000000/xen/pages")
note "$pages pages are mapped"
[ "$pages" -ge 10000 ] || fail "only $pages pages are mapped"
# The kernel hears of the end of a domain from there.
xenstored=$(cat /run/xenstored.pid)
kill -STOP "$xenstored"
rc=0
domkill "$id" || rc=$?
for _ in $(seq 300); do
	! no_device || break
	nap
done
left=$(nr_devices)
kill -CONT "$xenstored"
[ $rc = 0 ] || fail "domkill $id: $rc"
[ "$left" = 0 ] || fail "nobody found out"
# What "xl destroy" would have done before and after.
for node in "/local/domain/$id" "/local/domain/0/backend/console/$id" "/libxl/$id"; do
	xenstore-rm "$node"
done
nothing_left "$DISK"
null_disk_remove nb0
unload
