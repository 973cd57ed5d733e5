# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The disk fails every other second (dm-flakey).

row_disk()
{
	ram_disk 1
	dmsetup create vbflakey --table "0 65536 linear /dev/ram1 0"
	dmsetup mknodes
	DISK=/dev/mapper/vbflakey
}

row_cycle()
{
	settled
	dm_table vbflakey "0 65536 flakey /dev/ram1 0 1 1"
	storm 3
	dm_table vbflakey "0 65536 linear /dev/ram1 0"
	errors_seen
}

row_end()
{
	dmsetup remove vbflakey
}
