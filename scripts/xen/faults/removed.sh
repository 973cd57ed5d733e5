# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The disk is pulled out under I/O (null_blk); the same comes back, and is put behind the
# guest's disk again.

row_disk()
{
	null_disk "nb$ROW" 32
}

row_cycle()
{
	local c=/sys/kernel/config/nullb/nb$ROW

	storm_begin
	echo 0 >"$c/power"
	[ ! -e "$DISK" ] || fail "$DISK is still there"
	storm_end
	errors_seen
	echo 1 >"$c/power"
	wait_for 20 "$DISK" test -b "$DISK"
	echo "$DISK" >"$ROW_SYS/backing" || fail "the disk that came back is refused"
}

row_end()
{
	null_disk_remove "nb$ROW"
}
