# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The disk is made read-only under I/O, by blockdev and by device-mapper in turn: reads go
# on, and no write reaches it.

row_disk()
{
	ram_disk 3
	dmsetup create vbro --table "0 65536 linear /dev/ram3 0"
	dmsetup mknodes
	DISK=/dev/mapper/vbro
}

ro_table()
{
	dmsetup load vbro --table "0 65536 linear /dev/ram3 0" "$@" &&
		dmsetup suspend --nolockfs vbro && dmsetup resume vbro || fail "dmsetup vbro $*"
}

row_cycle()
{
	local before

	settled
	storm_begin
	if [ -e /tmp/ro-by-dm ]; then
		rm /tmp/ro-by-dm
		ro_table --readonly
	else
		touch /tmp/ro-by-dm
		blockdev --setro "$DISK"
	fi
	storm_end
	errors_seen
	before=$(disk_sha /dev/ram3)
	storm 0.5
	errors_seen_reading
	[ "$(disk_sha /dev/ram3)" = "$before" ] || fail "writes reached the read-only disk"
	blockdev --setrw "$DISK"
	ro_table
}

errors_seen_reading()
{
	[ "$WRITES" = 0 ] || fail "$WRITES writes to a read-only disk succeeded"
	[ "$READS" -gt 0 ] || fail "a read-only disk could not be read"
}

row_end()
{
	rm -f /tmp/ro-by-dm
	dmsetup remove vbro
}
