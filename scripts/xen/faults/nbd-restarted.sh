# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The server of a disk on the network goes away and comes back: sooner than the disk was
# told to wait (no request fails), or later (requests fail, and then work again), in turn.

NBDS=24

nbd_server()
{
	# Its output would keep the row from ending, if that fails.
	nbd serve "/tmp/$ROW.img" "$NBD_PORT" >/dev/null 2>&1 &
	NBD_PID=$!
	wait_for 20 "the server" sh -c "netstat -ltn | grep -q :$NBD_PORT"
}

row_disk()
{
	ifconfig lo 127.0.0.1 up
	# All that are ever there, since another row may have loaded it.
	modprobe nbd nbds_max=$NBDS || fail "modprobe nbd"
	[ "$ROW_NUMBER" -lt $NBDS ] || fail "it has to be one of the first $NBDS rows"
	NBD_PORT=$(( 10809 + ROW_NUMBER ))
	NBD_LATE=
	dd if=/dev/zero of="/tmp/$ROW.img" bs=1M count=16 2>/dev/null
	nbd_server
	nbd connect "$ROW_NUMBER" "$NBD_PORT" 16777216 30 || fail "no disk on the network"
	DISK=/dev/nbd$ROW_NUMBER
}

# The driver waits no longer for a server when a request gave up at just that moment, and
# closes what it was given.
nbd_back()
{
	local try

	for try in 1 2 3; do
		nbd reconnect "$ROW_NUMBER" "$NBD_PORT" "$1" || fail "the server is not taken back"
		sleep 0.5
		blockdev --flushbufs "$DISK"
		! dd if="$DISK" of=/dev/null bs=4k count=1 2>/dev/null || return 0
	done
	fail "the server is taken back, but its disk fails"
}

row_cycle()
{
	local away=1 late=$NBD_LATE next=8

	# How long requests wait the next time is said when the server comes back; so long
	# may the server take for one, too, in a crowd.
	NBD_LATE=1
	if [ -n "$late" ]; then
		NBD_LATE= away=10 next=30
	fi
	storm_begin
	kill -9 "$NBD_PID"
	sleep $away
	nbd_server
	nbd_back $next
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
	kill -9 "$NBD_PID"
	rm "/tmp/$ROW.img"
}
