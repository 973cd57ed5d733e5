# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# kernel: debian
# The stock virtio_blk driver uses a queue a processor, of as many as it is offered:
# verified I/O from all processors at once, and each queue serves its share.

# nr_hw_queues <disk>: queues that the guest's block layer uses.
nr_hw_queues()
{
	ls "/sys/block/$1/mq" | wc -l
}

# with_queues <options> <queues offered> <queues used>
with_queues()
{
	local name disk q n

	# shellcheck disable=SC2086
	echo "backing=$BACKING serial=mq $1" >$SYS/add || fail "add $1"
	name=$(cd $SYS && echo loop.*)
	disk=$(find_disk mq)
	[ -b "/dev/$disk" ] || fail "$1: no disk"
	[ "$(cat "$SYS/$name/queues")" = "$2" ] ||
		fail "$1: queues is $(cat "$SYS/$name/queues"), not $2"
	[ "$(ls -d "$SYS/$name"/vq* | wc -l)" = "$2" ] || fail "$1: not $2 directories"
	[ "$(nr_hw_queues "$disk")" = "$3" ] ||
		fail "$1: the driver uses $(nr_hw_queues "$disk") queues, not $3"
	verify "$disk"
	n=0
	for q in "$SYS/$name"/vq*; do
		[ "$(cat "$q/requests")" -lt 20 ] || n=$(( n + 1 ))
		[ "$(cat "$q/requests")" = "$(cat "$q/completed")" ] ||
			fail "$1: $q: $(cat "$q/requests") requests, $(cat "$q/completed") completed"
	done
	[ $n = "$3" ] || fail "$1: $n queues were busy, not $3"
	note "${1:-defaults}: $3 of $2 queues busy, requests: $(requests "$name")"
	remove "$name"
}

requests()
{
	cat "$SYS/$1"/vq*/requests | grep -v '^0$' | tr '\n' ' '
}

find_disk()
{
	local d

	for d in /sys/block/vd*; do
		[ "$(cat "$d/serial" 2>/dev/null)" != "$1" ] || echo "${d##*/}"
	done
}

# A job on each processor, each with a part of the disk.
verify()
{
	fio --filename="/dev/$1" --direct=1 --ioengine=libaio --iodepth=16 --rw=randrw \
		--bsrange=512-256k --size=8m --offset_increment=8m --numjobs=4 \
		--cpus_allowed=0-3 --cpus_allowed_policy=split --name=verify \
		--verify=crc32c --verify_fatal=1 --output=/tmp/fio ||
		{ cat /tmp/fio; fail "fio on $1"; }
	[ "$(grep -c 'err= 0' /tmp/fio)" = 4 ] || { cat /tmp/fio; fail "not four good jobs"; }
}

remove()
{
	local end

	end=$(( $(uptime_seconds) + 60 ))
	until echo "$1" >$SYS/remove; do
		[ "$(uptime_seconds)" -lt $end ] || fail "remove $1"
		usleep 1000
	done 2>/dev/null
}

make_disks
modprobe virtio_blk
insmod /vb/virtback.ko
[ "$(nproc)" = 4 ] || fail "this is for four processors"
for BACKING in $DISKS; do
	with_queues '' 4 4
done
BACKING=/dev/ram0
with_queues 'queues=1' 1 1
with_queues 'queues=3 queue_size=16' 3 3
with_queues 'queues=4 queue_size=1' 4 4
with_queues 'queues=64 queue_size=1024' 64 4
with_queues 'features_off=mq' 1 1
with_queues 'features_off=event_idx,indirect_desc' 4 4
rmmod virtback || fail "rmmod virtback"
remove_disks
