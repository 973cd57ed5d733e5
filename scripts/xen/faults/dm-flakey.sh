# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The disk fails every other second (dm-flakey).

row_disk()
{
	row_linear
}

row_cycle()
{
	dm_table "vb$ROW" "0 16384 flakey $ROW_RAM 0 1 1"
	storm 3
	dm_table "vb$ROW" "0 16384 linear $ROW_RAM 0"
	errors_seen
}

row_end()
{
	dmsetup remove "vb$ROW"
}
