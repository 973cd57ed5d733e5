# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# All of the disk's requests fail for a second (dm-error).

row_disk()
{
	row_linear
}

row_cycle()
{
	storm_begin
	dm_table "vb$ROW" "0 16384 error"
	sleep 1
	dm_table "vb$ROW" "0 16384 linear $ROW_RAM 0"
	storm_end
	errors_seen
}

row_end()
{
	dmsetup remove "vb$ROW"
}
