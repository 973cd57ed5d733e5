# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# A loop device is detached under I/O, which the kernel puts off until it is closed; then
# another on the same file takes its place.

row_disk()
{
	truncate -s 16M /tmp/loop.img
	losetup /dev/loop1 /tmp/loop.img || fail "no loop device"
	DISK=/dev/loop1
}

row_cycle()
{
	local now next

	now=$(cat "$ROW_SYS/backing")
	next=/dev/loop1
	[ "$now" != $next ] || next=/dev/loop2
	settled
	storm_begin
	losetup -d "$now" || fail "$now cannot be detached"
	storm_end
	no_errors
	losetup $next /tmp/loop.img || fail "no loop device"
	echo $next >"$ROW_SYS/backing" || fail "$next did not take the place of $now"
	echo $next >/tmp/loop-detached.disk
	wait_for 20 "$now to be free" test ! -e "/sys/block/${now#/dev/}/loop/backing_file"
}

row_end()
{
	losetup -d /dev/loop1 2>/dev/null || losetup -d /dev/loop2
	rm /tmp/loop.img
}
