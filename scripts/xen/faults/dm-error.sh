# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# All of the disk's requests fail for a second (dm-error).

row_disk()
{
	ram_disk 0
	dmsetup create vberror --table "0 65536 linear /dev/ram0 0"
	dmsetup mknodes
	DISK=/dev/mapper/vberror
}

row_cycle()
{
	settled
	storm_begin
	dm_table vberror "0 65536 error"
	sleep 1
	dm_table vberror "0 65536 linear /dev/ram0 0"
	storm_end
	errors_seen
}

row_end()
{
	dmsetup remove vberror
}
