# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A processor of dom0 goes and comes again and again while a guest does I/O: nothing is lost,
# and the workers stay where they may run.

CPUS_SECONDS=${CPUS_SECONDS:-6}
CPU1=/sys/devices/system/cpu/cpu1/online
VCPUS=8

load
ram_disk 1
guest n "$(disk_line /dev/ram1 xvda w)"
dev=$SYS/dom$(guest_id n).2000000
mark_log
guest_send n "end=\$(( \$(cut -d. -f1 /proc/uptime) + $CPUS_SECONDS )); n=1;
	while [ \$(cut -d. -f1 /proc/uptime) -le \$end ]; do
		n=\$(( n + 1 ));
		vbio write /dev/vda 4 \$n >/tmp/out || { cat /tmp/out; exit 1; };
		vbio verify /dev/vda 4 \$n >/tmp/out || { cat /tmp/out; exit 1; };
	done; echo \$n rounds; cat /tmp/out"
turns=0
until grep -aq "@@$CMD rc=[0-9]" "$LOGS/guest-n.log"; do
	echo 0 >$CPU1 || fail "the processor does not go"
	sleep 0.2
	echo 1 >$CPU1 || fail "the processor does not come"
	sleep 0.2
	turns=$(( turns + 1 ))
	[ $turns -lt 500 ] || fail "the guest does not come to an end"
done
guest_output n "$CMD" | sed 's/^/# n: /'
grep -aq "@@$CMD rc=0" "$LOGS/guest-n.log" || fail "I/O went wrong"
note "$turns times"
[ $turns -ge 3 ] || fail "too few"
[ "$(cat "$dev/cpus")" = 0-1 ] || fail "the workers may run on $(cat "$dev/cpus")"

# While it goes and comes, the interrupts of a guest's vCPUs are put on processors: a guest that
# never runs gets its first disk and loses its only one, as fast as it can be done.
f=$(tiny_config h -- 'device_tree = "/vb/virtio-node.dtb"' 'vuart = "sbsa_uart"')
sed -i "s/^vcpus.*/vcpus = $VCPUS/" "$f"
create "$f" -p
id=$(guest_id h)
rm -f /tmp/cpus-stop
{
	turns=0
	while [ ! -e /tmp/cpus-stop ] && echo 0 >$CPU1 && echo 1 >$CPU1; do
		turns=$(( turns + 1 ))
	done
	echo $turns >/tmp/cpus-turns
} &
uptime_seconds
end=$(( UPTIME + CPUS_SECONDS ))
n=0
while [ "$UPTIME" -lt $end ]; do
	echo "domid=$id base=0x2000000 irq=33 backing=none" >$SYS/add || fail "$n: no device"
	echo "dom$id.2000000 force=1" >$SYS/remove || fail "$n: it cannot be removed"
	n=$(( n + 1 ))
	uptime_seconds
done
: >/tmp/cpus-stop
wait
turns=$(cat /tmp/cpus-turns)
note "$n times a first disk, while the processor went $turns times"
[ "$n" -ge 3 ] && [ "$turns" -ge 3 ] || fail "too few"
[ "$(cat $CPU1)" = 1 ] || fail "the processor does not come"
destroy h
wait_for 30 "h to be gone" guest_gone h

# Where no processor is left that they may run on the scheduler lets them run on all.
echo 1 >"$dev/cpus"
echo 0 >$CPU1
guest_do n 'vbio write /dev/vda 4 1 && vbio verify /dev/vda 4 1'
[ "$(cat "$dev/cpus")" != 1 ] || fail "the workers may run on a processor that is not there"
! echo 1 2>/dev/null >"$dev/cpus" || fail "cpus= takes a processor that is not there"
echo 1 >$CPU1
echo 1 >"$dev/cpus"
guest_do n 'vbio write /dev/vda 4 2 && vbio verify /dev/vda 4 2'
[ "$(cat "$dev/cpus")" = 1 ] || fail "the workers may run on $(cat "$dev/cpus")"
! dmesg | sed "1,/$MARK/d" | grep 'WARNING:\|Call trace\|BUG:\|rcu:' | sed 's/^/# /' | grep . ||
	fail "dom0's kernel complained"
guest_sane n
destroy n
nothing_left /dev/ram1
unload
