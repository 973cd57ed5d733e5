# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# The disk is an image file, sparse, on ext4: what was acknowledged is in that file after
# the file system has recovered.

# round <seed> <steps> <flush|through> <options>
round()
{
	local seed=$1 steps=$2 mode=$3

	shift 3
	begin ext4.img
	mount -t ext4 "$BACKING" /tmp/fs
	truncate -s 2M /tmp/fs/disk
	sync
	# Part of what is there when the load begins, which is where the log is cut.
	umount /tmp/fs
	load remove logged
	cp /tmp/data /tmp/start
	BACKING=$(load create logged $DATA $LOG)
	mount -t ext4 "$BACKING" /tmp/fs
	BACKING=/tmp/fs/disk
	add "$@"
	[ "$mode" = flush ] || set_cache 'write through'
	load raw logged "/dev/$DISK" "$seed" "$steps" "$mode"
	end
	umount /tmp/fs
	load remove logged
	note "${*:-no options}, $mode:"
	check image /tmp/start $LOG "$seed" "$steps" "$mode" $SCRATCH /tmp/scratch
}

module
round 21 8 flush
round 22 8 through
round 23 8 through features_off=flush
round 24 6 flush direct_io=0
round 25 6 through direct_io=0
