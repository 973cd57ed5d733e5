# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# A fourth of the disk cannot be read or written (null_blk).

row_disk()
{
	null_disk "nb$ROW" 32
}

row_cycle()
{
	local c=/sys/kernel/config/nullb/nb$ROW

	echo "+500-1011" >"$c/badblocks"
	storm 1 64
	echo "-500-1011" >"$c/badblocks"
	errors_seen
	[ "$READS" -gt 0 ] || fail "what is not bad could not be read"
}

row_end()
{
	null_disk_remove "nb$ROW"
}
