# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# xenstored is live-updated under I/O, by itself: guests come and go afterwards, so the
# watches of dom0's kernel are there still.

row_disk()
{
	row_ram 1
	X_OTHER=$DISK
	row_ram 0
}

row_cycle()
{
	local xenstored

	xenstored=$(readlink -f "$(command -v xenstored)")
	storm_begin
	xenstore-control live-update "$xenstored" >"/tmp/$ROW.out" 2>&1 || {
		sed 's/^/# /' "/tmp/$ROW.out"
		fail "xenstored does not live-update itself"
	}
	sed 's/^/# /' "/tmp/$ROW.out"
	storm_end
	no_errors
	create "$(tiny_config "$ROW-t" "$(disk_line "$X_OTHER" xvda w)")" -p
	[ "$(nr_devices "$(guest_id "$ROW-t").")" = 1 ] || fail "a new guest has no disk"
	destroy "$ROW-t"
	wait_for 30 "the guest's disk to be closed" disk_free "$X_OTHER"
}

row_end()
{
	:
}
