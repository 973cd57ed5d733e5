# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# A loop device is detached under I/O, which the kernel puts off until it is closed; then
# another on the same file takes its place.

# loop_make <0|1>: one of the row's two
loop_make()
{
	DISK=/dev/loop$(( 2 * ROW_NUMBER + $1 ))
	[ -b "$DISK" ] || mknod "$DISK" b 7 $(( 2 * ROW_NUMBER + $1 ))
	losetup "$DISK" "/tmp/$ROW.img" || fail "no loop device"
	LOOP_NOW=$1
}

row_disk()
{
	truncate -s 16M "/tmp/$ROW.img"
	loop_make 0
}

row_cycle()
{
	local old=$DISK

	storm_begin
	losetup -d "$old" || fail "$old cannot be detached"
	storm_end
	no_errors
	loop_make $(( 1 - LOOP_NOW ))
	echo "$DISK" >"$ROW_SYS/backing" || fail "$DISK did not take the place of $old"
	wait_for 20 "$old to be free" test ! -e "/sys/block/${old#/dev/}/loop/backing_file"
}

row_end()
{
	losetup -d "$DISK"
	rm "/tmp/$ROW.img"
}
