# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Processors go and come while somebody says where busy workers may run, also on the one that
# just goes: none is left behind on it, and the disk goes on.
# kernel: debian

CPU=/sys/devices/system/cpu
END=$(( $(uptime_seconds) + 12 ))

going()
{
	local up

	read -r up _ </proc/uptime
	[ "${up%.*}" -lt $END ]
}

user()
{
	while going; do
		dd if=/dev/vda of=/dev/null bs=4k count=2000 iflag=direct 2>/dev/null || return
		echo >>/tmp/did.read
	done
}

placer()
{
	local n

	while going; do
		for n in 3 1-2 3 2 3 0; do
			! echo $n >"$d/cpus" || echo >>/tmp/did.place
		done
	done
}

make_disks
modprobe virtio_blk
insmod /vb/virtback.ko
rm -f /tmp/did.*
echo "backing=/dev/ram0 queues=4" >$SYS/add
d=$(echo $SYS/loop.*)
pids=
for who in user user user placer placer; do
	$who 2>/dev/null &
	pids="$pids $!"
done
turns=0
while going; do
	echo 0 >$CPU/cpu3/online || fail "the processor does not go"
	echo 1 >$CPU/cpu3/online || fail "the processor does not come"
	turns=$(( turns + 1 ))
done
for p in $pids; do
	wait "$p" || fail "I/O went wrong"
done
note "$turns times, $(wc -l </tmp/did.place) places, $(wc -l </tmp/did.read) reads"
[ $turns -ge 5 ] || fail "too few"
echo all >"$d/cpus"
[ "$(cat "$d/cpus")" = 0-3 ] || fail "the workers may run on $(cat "$d/cpus")"
echo "${d##*/}" >$SYS/remove
rmmod virtback
remove_disks
rm -f /tmp/did.*
