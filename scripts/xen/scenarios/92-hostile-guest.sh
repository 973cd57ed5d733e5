# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A guest whose driver does what it likes, from all its vCPUs at once
# (scripts/xen/hostile), beside one whose I/O is verified: dom0 is as it was afterwards.

# HOSTILE_SECONDS is longer for a soak; another seed is another sequence.
HOSTILE_SECONDS=${HOSTILE_SECONDS:-5}
HOSTILE_SEED=${HOSTILE_SEED:-1}
HOSTILE_GROWTH_KB=4096	# that the second such guest may cost
HOSTILE_TICKS=20	# of 200 on each processor, that may be used when it has ended

# lives <seed>: a hostile guest, from its start to its end
lives()
{
	local id n dev lines ticks

	create "$(hostile_config h "$(disk_line /dev/nb0 xvda w)")"
	guest_ready h
	id=$(guest_id h)
	dev=$SYS/dom$id.2000000
	mark_log
	guest_send n "end=\$(( \$(cut -d. -f1 /proc/uptime) + $HOSTILE_SECONDS )); n=1;
		while [ \$(cut -d. -f1 /proc/uptime) -le \$end ]; do
			n=\$(( n + 1 ));
			vbio write /dev/vda 2 \$n >/tmp/out || { cat /tmp/out; exit 1; };
			vbio verify /dev/vda 2 \$n >/tmp/out || { cat /tmp/out; exit 1; };
		done; echo \$n rounds; cat /tmp/out"
	n=$CMD
	guest_do h "$(hostile flood) seed=$1 seconds=$HOSTILE_SECONDS; rc=\$?;
		dmesg | grep 'hostile: ' | tail -n 2; exit \$rc"
	wait_for "$WAIT" "the neighbour" grep -aq "@@$n rc=[0-9]" "$LOGS/guest-n.log"
	guest_output n "$n" | sed 's/^/# n: /'
	grep -aq "@@$n rc=0" "$LOGS/guest-n.log" || fail "the neighbour's data"

	note "dom0 counted: $(cd "$dev" && for c in bad_accesses xen/traps xen/slow_traps \
		xen/throttled xen/invalidations xen/bad xen/strays xen/maps xen/refused xen/pages_max; do
			echo "$c $(cat $c),"; done | tr '\n' ' ')"
	lines=$(log_since_mark | wc -l)
	note "$lines lines in dom0's log"
	# Ten at once and ten each five seconds; a few from the device's end.
	[ "$lines" -le $(( 20 + HOSTILE_SECONDS * 2 )) ] || fail "the log is flooded"
	[ "$lines" -gt 0 ] || fail "nothing that it did was refused"
	ticks=$(virtback_ticks)
	sleep 2
	ticks=$(( $(virtback_ticks) - ticks ))
	note "$ticks ticks used in the 2 s after it"
	[ "$ticks" -le $HOSTILE_TICKS ] || fail "dom0 is at work for a guest that does nothing"
	destroy h
	wait_for 30 "the hostile guest to be gone" guest_gone h
	wait_for 30 "its device to be gone" no_device_of "$id"
	wait_for 30 "its disk to be closed" disk_free /dev/nb0
}

no_device_of()
{
	[ -z "$(devices "$1.")" ]
}

# Processor time that threads of this module had, in ticks of 10 ms.
virtback_ticks()
{
	# Some are gone before they are read.
	{ cat /proc/[0-9]*/stat 2>/dev/null || :; } |
		awk '$2 ~ /^\((vb-|irq\/.*virtback)/ { n += $14 + $15 } END { print n + 0 }'
}

# What dom0 has in use that it cannot give up, in KiB. Free pages that its processors keep
# for themselves, which may be many, are not in MemFree.
used_kb()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^MemTotal/ { n += $2 } /^(MemFree|Cached|Buffers|SReclaimable)/ { n -= $2 }
		/^ +count:/ { n -= 4 * $2 } END { print n }' /proc/meminfo /proc/zoneinfo
}

load
null_disk nb0 32
ram_disk 1
guest n "$(disk_line /dev/ram1 xvda w)"
guest_do n 'vbio write /dev/vda 16 77'
# The first one pays for what is kept for later.
lives "$HOSTILE_SEED"
before=$(used_kb)
lives $(( HOSTILE_SEED + 1 ))
growth=$(( $(used_kb) - before ))
note "the second one left dom0 with $growth KiB less"
[ $growth -le $HOSTILE_GROWTH_KB ] || fail "dom0's memory goes"
guest_do n 'vbio write /dev/vda 8 78 && vbio verify /dev/vda 8 78'
guest_sane n

note "and the disk serves the next guest"
guest f "$(disk_line /dev/nb0 xvda w)"
guest_do f 'vbio write /dev/vda 8 5 && vbio verify /dev/vda 8 5'
guest_sane f
destroy f
destroy n
nothing_left /dev/nb0 /dev/ram1
null_disk_remove nb0
unload
