# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# kernel: debian
# Disks of the stock virtio_blk driver come, are written and verified, and go, on
# three backing devices at once; then the module goes.  And again.

LOADS=2
ROUNDS=3

# find_by <directories> <attribute> <value>: the entry with that value.
find_by()
{
	local d

	for d in $1; do
		[ "$(cat "$d/$2" 2>/dev/null)" != "$3" ] || echo "${d##*/}"
	done
}

verify()
{
	fio --name=verify --filename="/dev/$1" --direct=1 --ioengine=libaio \
		--iodepth=32 --rw=randrw --fsync=16 --bsrange=512-1536k --size=16m \
		--verify=crc32c --verify_fatal=1 --randseed="$2" --output="/tmp/fio.$1" ||
		{ cat "/tmp/fio.$1"; fail "fio on $1"; }
	grep -q 'err= 0' "/tmp/fio.$1" || fail "fio says nothing of $1"
}

# add_remove <backing> <round>
add_remove()
{
	local serial=${1##*/} disk name end

	echo "backing=$1 serial=$serial" >$SYS/add || fail "add $1"
	disk=$(find_by '/sys/block/vd*' serial "$serial")
	name=$(find_by "$SYS/loop.*" backing "$1")
	[ -b "/dev/$disk" ] && [ -n "$name" ] || fail "no disk of $1"
	verify "$disk" "$2"
	end=$(( $(uptime_seconds) + 60 ))
	# Whatever else looks at a new disk has it open for a moment.
	until echo "$name" >$SYS/remove; do
		[ "$(uptime_seconds)" -lt $end ] || fail "remove $name"
		usleep 1000
	done 2>/dev/null
	# Not by their names, which another disk may have by now.
	[ -z "$(find_by "$SYS/loop.*" backing "$1")" ] || fail "$name is left"
	[ -z "$(find_by '/sys/block/vd*' serial "$serial")" ] || fail "$disk is left"
}

rounds()
{
	local r=0

	while [ $r -lt $ROUNDS ]; do
		add_remove "$1" $(( $2 * ROUNDS + r ))
		r=$(( r + 1 ))
		echo >>"/tmp/rounds.${1##*/}"
	done
}

make_disks
modprobe virtio_blk
l=0
while [ $l -lt $LOADS ]; do
	insmod /vb/virtback.ko
	pids=
	for d in $DISKS; do
		rounds "$d" $l &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p" || fail "a disk failed"
	done
	rmmod virtback || fail "rmmod virtback"
	[ ! -e $SYS ] || fail "$SYS is left"
	l=$(( l + 1 ))
done
for d in $DISKS; do
	n=$(wc -l <"/tmp/rounds.${d##*/}")
	note "$d: $n rounds of add, verify, remove"
	[ "$n" = $(( LOADS * ROUNDS )) ] || fail "$d had $n rounds"
done
remove_disks
