# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The pool of a thin disk (dm-thin) is full: writes fail, or wait for more room, as the
# pool was told; then it is extended. Each time on a new pool, which takes the old one's
# place behind the guest's disk.

# thin_pool <0|1> <sectors of data> [mode]: the pool's table
thin_pool()
{
	echo "0 $2 thin-pool /dev/mapper/vbmeta$ROW-$1 /dev/mapper/vbdata$ROW-$1 128 0 ${3:-0}"
}

# thin_make <0|1> <sectors of data> [mode]: for a disk of 8 MiB, on one of the row's RAM disks
thin_make()
{
	local n=$ROW-$1

	row_ram "$1"
	THIN_NOW=$1 THIN_RAM=$DISK
	dmsetup create "vbmeta$n" --table "0 8192 linear $THIN_RAM 0"
	dmsetup create "vbdata$n" --table "0 $2 linear $THIN_RAM 8192"
	dmsetup create "vbpool$n" --table "$(thin_pool "$1" "$2" "${3:-}")" || fail "no pool"
	dmsetup message "vbpool$n" 0 "create_thin 0"
	dmsetup create "vbthin$n" --table "0 16384 thin /dev/mapper/vbpool$n 0" || fail "no thin disk"
	DISK=/dev/mapper/vbthin$n
}

thin_remove()
{
	local d

	for d in thin pool data meta; do
		dmsetup remove "vb$d$ROW-$1" || fail "vb$d$ROW-$1 is still in use"
	done
}

row_disk()
{
	modprobe dm-thin-pool || fail "modprobe dm-thin-pool"
	thin_make 0 32768
}

thin_full()
{
	dmsetup status "$1" | grep out_of_data_space
}

row_cycle()
{
	local old=$THIN_NOW pool mode=

	[ "$old" = 1 ] || mode="1 error_if_no_space"
	thin_make $(( 1 - old )) 1024 "$mode"
	echo "$DISK" >"$ROW_SYS/backing" || fail "the new thin disk is refused"
	thin_remove "$old"
	row_do 'rm -f /tmp/state'
	pool=vbpool$ROW-$THIN_NOW
	storm_begin
	wait_for 20 "the pool to be full" thin_full "$pool"
	sleep 1
	[ -z "$mode" ] || {
		storm_end
		errors_seen
	}
	dmsetup status "$pool" | sed 's/^/# /'
	dm_table "vbdata$ROW-$THIN_NOW" "0 32768 linear $THIN_RAM 8192"
	dm_table "$pool" "$(thin_pool "$THIN_NOW" 32768 "$mode")"
	[ -n "$mode" ] || {
		storm_end
		no_errors
	}
	[ "$(dmsetup status "$pool" | grep -c ' rw ')" = 1 ] || fail "the pool is not well again"
}

row_end()
{
	thin_remove "$THIN_NOW"
}
