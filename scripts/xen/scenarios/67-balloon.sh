# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A guest whose memory shrinks and grows all the time, under a limit so low that its
# memory is unmapped all the time as well: nothing is lost, and the limit holds.

BALLOON_LIMIT=26	# MiB: 23 for one disk of two queues, and a few to keep
BALLOON_SECONDS=12

counter()
{
	cat /sys/class/virtback/dom*/"$1" || fail "no counter $1"
}

# set_memory <guest> <MiB>: what `xl mem-set` tells the guest; on Arm that fails
set_memory()
{
	xenstore-write "/local/domain/$(guest_id "$1")/memory/target" $(( $2 * 1024 )) ||
		fail "no target for the memory of $1"
}

# memory <guest>: MiB
memory()
{
	xl list "$1" | awk 'NR == 2 { print $3 }'
}

has_less()
{
	[ "$(memory b)" -le 184 ]
}

has_it_again()
{
	[ "$(memory b)" -ge 188 ]
}

load map_limit_mb=$BALLOON_LIMIT
[ "$(cat /sys/module/virtback/parameters/map_limit_mb)" = $BALLOON_LIMIT ] ||
	fail "the parameter is not what was given"
ram_disk 0
guest b "$(disk_line "$DISK" xvda w)"
[ "$(counter xen/map_limit_mb)" = $BALLOON_LIMIT ] || fail "another limit is in force"

# 32 MiB of its page cache are more than the limit. (Later INVALIDATE may be faster.)
guest_do b 'vbio write /dev/vda 32 90 1048576 32 && vbio verify /dev/vda 32 90 1048576 32'
guest_do b 'dd if=/dev/vda of=/dev/null bs=1M'
[ "$(counter xen/evictions)" -gt 0 ] || fail "nothing had to go: the limit was not reached"

guest_send b "end=\$(( \$(cut -d. -f1 /proc/uptime) + $BALLOON_SECONDS )); n=0;
	while [ \$(cut -d. -f1 /proc/uptime) -lt \$end ]; do
		n=\$(( n + 1 ));
		vbio write /dev/vda 32 \$n 1048576 32 >/tmp/out || { cat /tmp/out; exit 1; };
		vbio verify /dev/vda 32 \$n 1048576 32 >/tmp/out || { cat /tmp/out; exit 1; };
	done; echo rounds \$n"
turns=0
until grep -aq "@@$CMD rc=[0-9]" "$LOGS/guest-b.log"; do
	# It takes long to get there, and some MiB each way are enough.
	set_memory b 128
	wait_for 30 "b to have less memory" has_less
	set_memory b 192
	wait_for 30 "b to have its memory again" has_it_again
	turns=$(( turns + 1 ))
	[ $turns -lt 1000 ] || fail "the guest does not come to an end"
done
guest_output b $CMD >/tmp/out
sed 's/^/# b: /' /tmp/out
grep -aq "@@$CMD rc=0" "$LOGS/guest-b.log" || fail "I/O went wrong"
rounds=$(sed -n 's/^rounds //p' /tmp/out)
note "$turns times down and up, $(counter xen/invalidations) invalidations, $rounds rounds of I/O"
for c in maps hits evictions singles pages pages_max; do
	note "$c: $(counter xen/$c)"
done
[ $turns -ge 1 ] || fail "its memory did not change"
[ "$(counter xen/invalidations)" -gt 0 ] || fail "no INVALIDATE"
[ "$(counter xen/pages_max)" -le $(( BALLOON_LIMIT * 256 )) ] || fail "more than the limit was mapped"
[ "$(counter xen/refused)" = 0 ] || fail "there was no room for a request"
guest_sane b
blockdev --flushbufs "$DISK"
vbio verify "$DISK" 32 "$rounds" >/tmp/out || { cat /tmp/out; fail "$DISK has other data"; }

# A second disk would need more: refused, and with the reason.
mark_log
name=$(devices)
domid=${name%%.*}
! echo "domid=${domid#dom} base=0x2001000 irq=60 backing=/dev/ram1" >$SYS/add ||
	fail "a second disk is there"
log_since_mark | grep 'map_limit_mb: too low' | sed 's/^/# /' | grep . || fail "no reason in the log"
destroy b
nothing_left "$DISK"
unload
