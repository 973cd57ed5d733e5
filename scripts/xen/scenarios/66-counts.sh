# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# What a request costs, counted: traps, and chunks of guest memory mapped. Also the
# first proof that the counters in sysfs move.

COUNTS_REQUESTS=512	# 2 MiB in blocks of 4 KiB, one at a time

# counts <counter>...: the sum of counters of the guest's device, 'vq*/...' of all queues
counts()
{
	for c in "$@"; do
		# shellcheck disable=SC2086
		cat /sys/class/virtback/dom*/$c || fail "no counter $c"
	done | awk '{ n += $1 } END { print n }'
}

load
null_disk nb0 32
guest c "$(disk_line /dev/nb0 xvda w)"
# As many queues as vCPUs, and the driver uses them.
guest_value c 'ls /sys/block/vda/mq | wc -l'
note "$(counts queues) queues for 2 vCPUs, the guest uses $VALUE"
[ "$(counts queues)" = 2 ] && [ "$VALUE" = 2 ] || fail "not a queue for each vCPU"
# The same buffers and requests before, so that what is counted is steady.
guest_do c 'vbio write /dev/vda 2 1 4096 1'
requests=$(counts 'vq*/requests')
traps=$(counts xen/traps)
maps=$(counts xen/maps)
guest_do c 'vbio write /dev/vda 2 2 4096 1'
requests=$(( $(counts 'vq*/requests') - requests ))
traps=$(( $(counts xen/traps) - traps ))
maps=$(( $(counts xen/maps) - maps ))
note "$requests requests one at a time: $traps traps, $maps chunks mapped"
[ "$requests" -ge $COUNTS_REQUESTS ] || fail "$requests requests counted"
# Three for each (notify, status, ACK), and a few of INVALIDATE.
[ "$traps" -ge $COUNTS_REQUESTS ] || fail "too few traps: not all are counted"
[ "$traps" -le $(( requests * 3 + 64 )) ] || fail "more than three traps a request"
# A program's pages are new ones, but a chunk is 16 pages and stays mapped.
[ "$maps" -le $(( requests / 8 )) ] || fail "memory is mapped for each request"
[ "$(counts xen/bad xen/strays bad_accesses)" = 0 ] || fail "accesses of a stock driver are refused"
guest_sane c
destroy c
null_disk_remove nb0
unload
