# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Every format of rings that a stock driver negotiates, in a guest of four vCPUs with
# four queues a disk: what was negotiated is read from the guest, and what it wrote is
# read back by it and by dom0. Then xfs on a disk that offers all it can.

BASE_OFF=in_order,order_platform,notification_data

# bits <disk>: what the guest negotiated: mq, indirect_desc, event_idx, ring_packed
bits()
{
	guest_value v "cut -c13,29,30,35 /sys/block/$1/device/features"
}

# disk <number> <backing> <features_off>
disk()
{
	echo "domid=$id base=$(( 0x2000000 + $1 * 0x200 )) irq=$(( 33 + $1 )) backing=$2" \
		"features_off=$3" >$SYS/add
}

sed 's/vcpus = 2/vcpus = 4/' "$(guest_config v -- 'device_tree = "/vb/windows.dtb"' \
	'vuart = "sbsa_uart"')" >/tmp/v4.cfg
create /tmp/v4.cfg -p
id=$(guest_id v)
load
n=0
for packed in '' ,ring_packed; do
	for indirect in '' ,indirect_desc; do
		for event in '' ,event_idx; do
			ram_disk $n
			disk $n /dev/ram$n $BASE_OFF$packed$indirect$event
			n=$(( n + 1 ))
		done
	done
done
ram_disk 8
disk 8 /dev/ram8 none
null_disk nb0 320
disk 9 /dev/nb0 $BASE_OFF
xl unpause v
guest_ready v

n=0
for d in vda vdb vdc vdd vde vdf vdg vdh; do
	want=1$(( ! (n & 2) ))$(( ! (n & 1) ))$(( ! (n & 4) ))
	bits $d
	[ "$VALUE" = $want ] || fail "$d negotiated $VALUE, not $want"
	guest_value v "ls /sys/block/$d/mq | wc -l"
	[ "$VALUE" = 4 ] || fail "$d uses $VALUE queues"
	guest_do v "vbio write /dev/$d 2 $n 8192 4 && vbio verify /dev/$d 2 $n 16384 4"
	vbio verify /dev/ram$n 2 $n 65536 1 >/tmp/out || { cat /tmp/out; fail "$d lost data"; }
	n=$(( n + 1 ))
done
guest_value v 'cut -c36,37,39,41 /sys/block/vdi/device/features'
note "of in_order, order_platform, notification_data, ring_reset: $VALUE"
guest_do v 'vbio write /dev/vdi 2 8 8192 4 && vbio verify /dev/vdi 2 8 16384 4'
guest_do v 'mkfs.xfs -q -f /dev/vdj && mount -t xfs /dev/vdj /mnt &&
	dd if=/dev/urandom of=/mnt/a bs=1M count=24 2>/dev/null && cp /mnt/a /mnt/b &&
	cp /bin/busybox /mnt/ && sync && umount /mnt && echo 3 >/proc/sys/vm/drop_caches &&
	mount -t xfs /dev/vdj /mnt && cmp /mnt/a /mnt/b && cmp /bin/busybox /mnt/busybox &&
	umount /mnt && xfs_repair -n /dev/vdj >/tmp/out 2>&1 || { cat /tmp/out; false; }'
guest_sane v
destroy v
nothing_left /dev/ram0 /dev/ram8 /dev/nb0
null_disk_remove nb0
unload
