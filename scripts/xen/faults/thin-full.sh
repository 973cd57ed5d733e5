# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The pool of a thin disk (dm-thin) is full: writes fail, or wait for more room, as the
# pool was told; then it is extended. Each time on a new pool, which takes the old one's
# place behind the guest's disk.

# thin_pool <number> <sectors of data> [mode]: the pool's table
thin_pool()
{
	echo "0 $2 thin-pool /dev/mapper/vbmeta$1 /dev/mapper/vbdata$1 128 0 ${3:-0}"
}

# thin_make <5|6> [mode]: 512 KiB of data for a disk of 8 MiB, on RAM disk 5 or 6
thin_make()
{
	ram_disk "$1"
	dmsetup create "vbmeta$1" --table "0 8192 linear /dev/ram$1 0"
	dmsetup create "vbdata$1" --table "0 1024 linear /dev/ram$1 8192"
	dmsetup mknodes
	dmsetup create "vbpool$1" --table "$(thin_pool "$1" 1024 "${2:-}")" || fail "no pool"
	dmsetup mknodes
	dmsetup message "vbpool$1" 0 "create_thin 0"
	dmsetup create "vbthin$1" --table "0 16384 thin /dev/mapper/vbpool$1 0" || fail "no thin disk"
	dmsetup mknodes
	DISK=/dev/mapper/vbthin$1
	echo "$1" >/tmp/thin.now
}

thin_remove()
{
	local d

	for d in thin pool data meta; do
		dmsetup remove "vb$d$1" || fail "vb$d$1 is still in use"
	done
}

row_disk()
{
	modprobe dm-thin-pool || fail "modprobe dm-thin-pool"
	thin_make 5
}

row_cycle()
{
	local old now mode

	old=$(cat /tmp/thin.now)
	now=$(( 11 - old ))
	[ "$now" = 5 ] && mode= || mode="1 error_if_no_space"
	thin_make "$now" "$mode"
	echo "$DISK" >"$ROW_SYS/backing" || fail "the new thin disk is refused"
	echo "$DISK" >/tmp/thin-full.disk
	thin_remove "$old"
	guest_do f "rm -f /tmp/$ROW.state"
	storm_begin
	sleep 1.5
	[ -z "$mode" ] || {
		storm_end
		errors_seen
	}
	dmsetup status "vbpool$now" | sed 's/^/# /'
	dm_table "vbdata$now" "0 32768 linear /dev/ram$now 8192"
	dm_table "vbpool$now" "$(thin_pool "$now" 32768 "$mode")"
	[ -n "$mode" ] || {
		storm_end
		no_errors
	}
	[ "$(dmsetup status "vbpool$now" | grep -c ' rw ')" = 1 ] || fail "the pool is not well again"
}

row_end()
{
	thin_remove "$(cat /tmp/thin.now)"
	rm /tmp/thin.now
}
