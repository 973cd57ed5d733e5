# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# What the scenarios of scripts/durability call, beside the words of scripts/smp/guest.
# For busybox's sh.

DATA=/dev/loop0
LOG=/dev/ram1
SCRATCH=/dev/ram2

# begin <image or nothing>: a device that logs, in $BACKING; what it holds at the
# beginning is in /tmp/start.
begin()
{
	losetup -d $DATA 2>/dev/null || true
	rm -f /tmp/data
	if [ -n "${1:-}" ]; then
		cp "/vb/$1" /tmp/data
	else
		truncate -s 8M /tmp/data
	fi
	cp /tmp/data /tmp/start
	losetup $DATA /tmp/data
	BACKING=$(load create logged $DATA $LOG)
	mkdir -p /tmp/fs /tmp/scratch
	# dm-log-writes has no other name for its node here.
	[ -b "$BACKING" ] || fail "no $BACKING"
}

# add <options>: a disk on top of $BACKING, in $DISK.
add()
{
	echo "backing=$BACKING $*" >$SYS/add || fail "add $*"
	NAME=$(cd $SYS && echo loop.*)
	DISK=$(cd /sys/block && echo vd*)
	[ -b "/dev/$DISK" ] || fail "no disk"
}

# The disk's cache as its driver sees it: "write back" or "write through".
cache_is()
{
	[ "$(cat "/sys/block/$DISK/cache_type")" = "$1" ] ||
		fail "the driver sees a disk that is $(cat "/sys/block/$DISK/cache_type")"
}

set_cache()
{
	echo "$1" >"/sys/block/$DISK/cache_type"
	cache_is "$1"
}

counter()
{
	cat "$SYS/$NAME"/vq*/"$1" | awk '{ n += $1 } END { print n }'
}

# end: the log is complete afterwards.
end()
{
	note "the disk: $(counter flushes) flushes, $(counter completed) requests"
	until echo "$NAME" >$SYS/remove; do
		usleep 10000
	done 2>/dev/null
}

# The module, whatever a scenario that failed has left.
module()
{
	local d

	umount /tmp/scratch 2>/dev/null || true
	umount /tmp/fs 2>/dev/null || true
	for d in "$SYS"/loop.*; do
		[ ! -e "$d" ] || echo "${d##*/} force=1" >$SYS/remove || true
	done
	umount /tmp/fs 2>/dev/null || true
	rmmod virtback 2>/dev/null || true
	load remove logged 2>/dev/null || true
	insmod /vb/virtback.ko
}
