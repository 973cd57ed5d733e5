# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# What a request costs in each mode, counted: Documentation/costs.rst is made of the
# lines that begin with "cost" (scripts/xen/costs).
# kernel: grants

# cost_of <counter of the device>...: summed, over its queues where it is one of theirs
cost_of()
{
	# shellcheck disable=SC2068
	(cd "$DEV" && cat $@) | awk '{ n += $1 } END { print n }'
}

cost_all()
{
	{
		cost_of 'vq*/requests'
		cost_of xen/traps
		cost_of xen/maps xen/map_calls xen/unmap_calls
		for c in xen/copy_calls 'vq*/bounced' 'vq*/direct' 'vq*/irqs'; do
			cost_of "$c"
		done
	} | tr '\n' ' '
}

# cost <guest> <disk> <mode> <write|verify> <size> <block size>
cost()
{
	local before after=0 maps=1 n=0

	# Until nothing new is mapped: a program gets other pages each time, but there is an
	# end of the guest's chunks. Mostly that is the third time; ten were not enough once.
	while [ $maps != 0 ]; do
		n=$((n + 1))
		[ $n -le 40 ] || fail "$3 maps without end"
		before=$(cost_all)
		maps=$(cost_of xen/maps)
		guest_do "$1" "vbio $4 /dev/$2 $5 7 $6 1"
		maps=$(( $(cost_of xen/maps) - maps ))
		after=$(cost_all)
	done
	echo "$before $after" | awk -v what="$3 $4 $6" '{
		for (i = 1; i <= 7; i++)
			d[i] = $(i + 7) - $i
		printf "# cost %s", what
		for (i = 1; i <= 7; i++)
			printf " %d", d[i]
		print ""
		# What is granted is mapped and unmapped once, or copied with three calls (of
		# a MiB 32 pages a call).
		maps = what ~ /^grant/ ? 2 : 0
		copies = what ~ /^copied.*1048576/ ? 12 : what ~ /^(grant|copied)/ ? 3 : 0
		exit d[3] > maps * d[1] || d[4] > copies * d[1] || d[2] > 3 * d[1] + 64
	}' || fail "$3 costs more than it should"
}

# costs <guest> <disk> <mode>
costs()
{
	for op in write verify; do
		cost "$1" "$2" "$3" $op 512K 4096
		cost "$1" "$2" "$3" $op 4 65536
		cost "$1" "$2" "$3" $op 16 1048576
	done
}

load
ram_disk 0
ram_disk 1
create "$(guest_config f -- 'device_tree = "/vb/virtio-node.dtb"' 'vuart = "sbsa_uart"')" -p
id=$(guest_id f)
echo "domid=$id base=0x2000000 irq=33 backing=/dev/ram0" >$SYS/add
echo "domid=$id base=0x2000200 irq=34 backing=/dev/ram1 dma=direct" >$SYS/add
xl unpause f
guest_ready f
DEV=$SYS/dom$id.2000000
costs f vda bounce
DEV=$SYS/dom$id.2000200
costs f vdb direct
guest_sane f
destroy f
nothing_left /dev/ram0 /dev/ram1

GUEST_IMAGE=/vb/Image-grants
create "$(guest_config g -- 'device_tree = "/vb/virtio-grant-node.dtb"' 'vuart = "sbsa_uart"')" -p
id=$(guest_id g)
echo 64 >/sys/module/virtback/parameters/grant_map_kb
echo "domid=$id base=0x2000000 irq=33 backing=/dev/ram0 mapping=grant" >$SYS/add
echo 0 >/sys/module/virtback/parameters/grant_map_kb
echo "domid=$id base=0x2000200 irq=34 backing=/dev/ram1 mapping=grant" >$SYS/add
xl unpause g
guest_ready g
DEV=$SYS/dom$id.2000000
costs g vda grant
[ "$(cost_of xen/maps)" = 0 ] || fail "memory that was not granted is mapped"
[ "$(cost_of xen/data_grants)" -gt 0 ] || fail "no data was mapped"
DEV=$SYS/dom$id.2000200
costs g vdb copied
[ "$(cost_of xen/data_grants)" = 0 ] || fail "data was mapped with grant_map_kb=0"
guest_sane g
destroy g
nothing_left /dev/ram0 /dev/ram1
unload
