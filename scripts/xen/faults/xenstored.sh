# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# xenstored is live-updated under I/O, by itself: guests come and go afterwards, so the
# watches of dom0's kernel are there still.

row_disk()
{
	ram_disk 7
	ram_disk 8
	DISK=/dev/ram7
}

row_cycle()
{
	local xenstored

	xenstored=$(readlink -f "$(command -v xenstored)")
	settled
	storm_begin
	xenstore-control live-update "$xenstored" >/tmp/out 2>&1 || {
		sed 's/^/# /' /tmp/out
		fail "xenstored does not live-update itself"
	}
	sed 's/^/# /' /tmp/out
	storm_end
	no_errors
	create "$(tiny_config t "$(disk_line /dev/ram8 xvda w)")" -p
	[ "$(nr_devices "$(guest_id t).")" = 1 ] || fail "a new guest has no disk"
	destroy t
	wait_for 30 "the guest's disk to be closed" disk_free /dev/ram8
}

row_end()
{
	:
}
