# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The disk takes half a second for each request (dm-delay).

row_disk()
{
	row_linear
}

row_cycle()
{
	dm_table "vb$ROW" "0 16384 delay $ROW_RAM 0 500"
	storm 2
	dm_table "vb$ROW" "0 16384 linear $ROW_RAM 0"
	no_errors
	[ $(( WRITES + READS )) -le 64 ] || fail "the disk was not slow"
}

row_end()
{
	dmsetup remove "vb$ROW"
}
