# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The server of a disk on the network goes away and comes back: sooner than the disk was
# told to wait (no request fails), or later (requests fail, and then work again), in turn.

nbd_server()
{
	nbd serve /tmp/nbd.img 10809 &
	echo $! >/tmp/nbd.pid
	wait_for 20 "the server" sh -c 'netstat -ltn | grep -q :10809'
}

nbd_stop()
{
	kill -9 "$(cat /tmp/nbd.pid)"
}

row_disk()
{
	ifconfig lo 127.0.0.1 up
	modprobe nbd nbds_max=1 || fail "modprobe nbd"
	dd if=/dev/zero of=/tmp/nbd.img bs=1M count=16 2>/dev/null
	nbd_server
	nbd connect 0 10809 16777216 30 || fail "no disk on the network"
	DISK=/dev/nbd0
}

row_cycle()
{
	local away=1 late= next=2

	# How long requests wait the next time is said when the server comes back.
	if [ -e /tmp/nbd.late ]; then
		rm /tmp/nbd.late
		late=1 away=4 next=30
	else
		touch /tmp/nbd.late
	fi
	settled
	storm_begin
	nbd_stop
	sleep $away
	nbd_server
	nbd reconnect 0 10809 $next || fail "the server is not taken back"
	storm_end
	if [ -n "$late" ]; then
		errors_seen
	else
		no_errors
	fi
}

row_end()
{
	# The module is not left alone: its disk waits for another server.
	nbd_stop
	rm -f /tmp/nbd.*
}
