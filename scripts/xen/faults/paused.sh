# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The guest is paused for long with requests under way.

row_disk()
{
	row_ram 0
}

row_cycle()
{
	storm_begin
	xl pause "$ROW"
	# Others go on.
	place_give
	sleep "$ROW_LONG"
	place_take
	xl unpause "$ROW"
	storm_end
	no_errors
}

row_end()
{
	:
}
