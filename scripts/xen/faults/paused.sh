# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The guest is paused for long with requests under way.

row_disk()
{
	ram_disk 4
	DISK=/dev/ram4
}

row_cycle()
{
	settled
	storm_begin
	xl pause f
	sleep "$ROW_LONG"
	xl unpause f
	storm_end
	no_errors
}

row_end()
{
	:
}
