# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The disk is made read-only under I/O, by blockdev and by device-mapper in turn: reads go
# on, and no write reaches it.

row_disk()
{
	row_linear
	RO_BY_DM=
}

row_cycle()
{
	local before

	storm_begin
	if [ -n "$RO_BY_DM" ]; then
		RO_BY_DM=
		dm_table "vb$ROW" "0 16384 linear $ROW_RAM 0" --readonly
	else
		RO_BY_DM=1
		blockdev --setro "$DISK"
	fi
	storm_end
	errors_seen
	before=$(disk_sha "$DISK")
	storm 0.5
	errors_seen_reading
	[ "$(disk_sha "$DISK")" = "$before" ] || fail "writes reached the read-only disk"
	blockdev --setrw "$DISK"
	dm_table "vb$ROW" "0 16384 linear $ROW_RAM 0"
}

errors_seen_reading()
{
	[ "$WRITES" = 0 ] || fail "$WRITES writes to a read-only disk succeeded"
	[ "$READS" -gt 0 ] || fail "a read-only disk could not be read"
}

row_end()
{
	dmsetup remove "vb$ROW"
}
