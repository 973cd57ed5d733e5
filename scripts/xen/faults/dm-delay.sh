# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The disk takes half a second for each request (dm-delay).

row_disk()
{
	ram_disk 2
	dmsetup create vbdelay --table "0 65536 linear /dev/ram2 0"
	dmsetup mknodes
	DISK=/dev/mapper/vbdelay
}

row_cycle()
{
	settled
	dm_table vbdelay "0 65536 delay /dev/ram2 0 500"
	storm 2
	dm_table vbdelay "0 65536 linear /dev/ram2 0"
	no_errors
	[ $(( WRITES + READS )) -le 64 ] || fail "the disk was not slow"
}

row_end()
{
	dmsetup remove vbdelay
}
