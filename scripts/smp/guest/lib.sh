# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# What scenarios call.  For busybox's sh.

SYS=/sys/class/virtback

say()
{
	echo "$*" >/dev/kmsg
}

note()
{
	say "# $*"
}

fail()
{
	note "FAILED: $*"
	exit 1
}

uptime_seconds()
{
	cut -d. -f1 /proc/uptime
}

# argument <name>: its value on the kernel command line.
argument()
{
	sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" /proc/cmdline
}

clean_up()
{
	local d

	for d in "$SYS"/loop.*; do
		[ ! -e "$d" ] || echo "${d##*/} force=1" >$SYS/remove || true
	done
	rmmod virtback || true
	losetup -d /dev/loop0 || true
	rmmod brd null_blk loop || true
}

# Three disks that complete requests in three ways: in the caller, from a timer
# interrupt on any processor, from worker threads.  All are empty, whatever a
# scenario that failed has left.
#
# Where what the kernel looks for makes the module slower than the timer, its completions
# would all come while their requests are submitted: there it takes as much longer.
make_disks()
{
	local ns=300000

	if [ -e /sys/kernel/debug/kcsan ]; then
		ns=10000000
		# Emulated processors need long to run into an access that is watched.
		echo 500 >/sys/module/kcsan/parameters/udelay_task
		echo 200 >/sys/module/kcsan/parameters/udelay_interrupt
	fi
	clean_up 2>/dev/null || true
	modprobe loop
	modprobe brd rd_nr=1 rd_size=131072
	modprobe null_blk nr_devices=1 gb=1 memory_backed=1 queue_mode=2 \
		irqmode=2 completion_nsec=$ns submit_queues=4
	rm -f /tmp/disk
	truncate -s 128M /tmp/disk
	losetup /dev/loop0 /tmp/disk
	DISKS="/dev/ram0 /dev/nullb0 /dev/loop0"
}

remove_disks()
{
	losetup -d /dev/loop0
	rm -f /tmp/disk
	rmmod brd null_blk loop || fail "a disk is still open"
}
