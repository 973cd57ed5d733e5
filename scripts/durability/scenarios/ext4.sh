# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Files are written, grown, replaced, removed, and synced: after each point of the log the
# file system recovers, has what was synced, and e2fsck finds nothing. With a cache that
# the driver flushes, with write-through, and without FLUSH.

# round <seed> <steps> <write back|write through> <options>
round()
{
	local seed=$1 steps=$2 cache=$3

	shift 3
	begin ext4.img
	add "$@"
	set_cache "$cache"
	mount -t ext4 "/dev/$DISK" /tmp/fs
	load files logged /tmp/fs "$seed" "$steps"
	umount /tmp/fs
	end
	load remove logged
	note "${*:-no options}, $cache:"
	check files /tmp/start $LOG "$seed" "$steps" $SCRATCH /tmp/scratch
}

module
round 11 60 'write back'
round 12 30 'write through'
round 13 30 'write through' features_off=flush
