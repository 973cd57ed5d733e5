# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# What goes wrong with a disk or a guest, row by row (faults/<row>.sh), beside lib.sh. Each
# row is a process with a guest of its own, which has the row's name; all are at work at the
# same time. A row has
#
#	row_disk	makes the disk of its guest, its path in DISK
#	row_cycle	one fault, taken back at the end
#	row_end		takes the disk away again
#
# A row without row_disk makes its guests itself, in row_cycle. A row may be there several
# times, as <row>, <row>.2 and so on, so what it makes is named after ROW, or has its
# number, ROW_NUMBER. ROW_LONG is how many seconds something lasts that is said to last
# long.

ROW_LONG=${ROW_LONG:-3}
ROW_MIB=1
# After half a second in which it does all that it can, each of a guest's four threads waits so
# many milliseconds before its next request: the others want the processor as well.
ROW_PAUSE=50
ROW_PLACES=${ROW_PLACES:-4}
# dmsetup makes its nodes itself.
export DM_DISABLE_UDEV=1

use_row()
{
	ROW=$1
	# shellcheck source=/dev/null
	. "/vb/faults/${1%%.*}.sh"
}

has_disk()
{
	command -v row_disk >/dev/null
}

# row_ram <0|1>: one of the row's two RAM disks, the first 8 MiB of it emptied.
row_ram()
{
	ram_disk $(( 2 * ROW_NUMBER + $1 )) 8
}

# row_linear: 8 MiB of device-mapper on RAM, for dm_table().
row_linear()
{
	row_ram 0
	ROW_RAM=$DISK
	dmsetup create "vb$ROW" --table "0 16384 linear $ROW_RAM 0"
	DISK=/dev/mapper/vb$ROW
}

# row_guest <disk line>... [-- <line of configuration>...]: the row's guest, which boots
# quickly. What is needed to reach it is asked for once: an xl takes 200 ms here.
row_guest()
{
	local _ placed=

	# One guest boots at a time, and that is no row's place.
	[ ! -e "/tmp/rows/$ROW.place" ] || {
		placed=1
		place_give
	}
	read -r _ <&8
	: >"/tmp/rows/$ROW.boot"
	GUEST_IMAGE=/vb/Image-grants GUEST_INITRD=/vb/guest-small.cpio GUEST_MEMORY=64
	rm -f "$LOGS/guest-$ROW.log"
	row_create "$(guest_config "$ROW" "$@")"
	guest_ready "$ROW"
	rm "/tmp/rows/$ROW.boot"
	echo >&8
	[ -z "$placed" ] || place_take
	row_console
}

# libxl waits ten seconds for the disk's state, whatever else there is to do. If the device
# had been made by then it is asked again.
row_create()
{
	local try

	for try in 1 2 3; do
		mark_log
		! xl create -q "$1" </dev/null || return 0
		log_since_mark | grep -q ': blk on ' || break
		note "libxl did not wait, $try"
		wait_for 30 "the rest of guest $ROW to be gone" guest_gone "$ROW"
	done
	fail "xl create ${1##*/}"
}

row_console()
{
	ROW_ID=$(guest_id "$ROW")
	ROW_SYS=$SYS/dom$ROW_ID.2000000
	ROW_TTY=$(xenstore-read "/local/domain/$ROW_ID/console/tty")
	note "domain $ROW_ID"
}

# row_send <command>, row_do <command>: guest_send and guest_do of the row's guest, with few
# processes. Blanks are not what they were.
row_send()
{
	CMD=$(( CMD + 1 ))
	set -f
	# shellcheck disable=SC2086 # the guest gets one line
	{ echo $CMD $1; echo; } >"$ROW_TTY"
	set +f
}

row_do()
{
	local line

	row_send "$1"
	wait_for "$WAIT" "the guest to do: $1" row_done
	while IFS= read -r line; do
		echo "# $line"
	done <"/tmp/$ROW.out"
	read -r line <"/tmp/$ROW.rc"
	[ "$line" = 0 ] || fail "in the guest ($line): $1"
}

# The output of command CMD is in /tmp/<row>.out, its status in .rc. The console is the
# guest's kernel's as well, whose lines may come in the middle of these, but not in the
# middle of sixteen bytes.
row_done()
{
	awk -v n="$CMD" -v out="/tmp/$ROW.out" -v rc="/tmp/$ROW.rc" '
		BEGIN { printf "" >out }
		{ gsub(/\r/, "") }
		match($0, "@@" n " rc=[0-9]+") {
			rest = substr($0, RSTART, RLENGTH)
			print substr(rest, index(rest, "=") + 1) >rc
			# As guest_output().
			last = substr($0, 1, RSTART - 1)
			if (on && !ok && last != "" && last !~ /^\[ *[0-9]*\.[0-9]*\] /)
				print last >out
			ok = 1
		}
		on && !ok { print >out }
		index($0, "@@" n " begin") { on = 1 }
		END { exit !ok }' "$LOGS/guest-$ROW.log"
}

# place_take, place_give: so many rows as there are places (lines in a pipe) do something
# at a time. With more the emulated processors would do nothing but turn to another guest.
place_take()
{
	local _

	read -r _ <&7
	: >"/tmp/rows/$ROW.place"
}

place_give()
{
	rm "/tmp/rows/$ROW.place"
	echo >&7
}

# row_process <row> <number> <uptime>: the faults of a row until then, at least one.
row_process()
{
	ROW_NUMBER=$2
	# There is a crowd.
	WAIT_FACTOR=4
	mkfifo "/tmp/rows/$1.nap"
	exec 9<>"/tmp/rows/$1.nap"
	use_row "$1"
	! has_disk || {
		row_disk
		row_guest "$(disk_line "$DISK" xvda w)" -- 'on_reboot = "destroy"' \
			'on_crash = "destroy"'
		# All of the disk is written.
		storm 0 0
		[ "$ERRORS" = 0 ] || fail "errors before the first fault"
	}
	while :; do
		one_cycle
		uptime_seconds
		[ "$UPTIME" -lt "$3" ] || break
	done
	! has_disk || {
		destroy "$ROW"
		wait_for 30 "$DISK to be closed" disk_free "$DISK"
		row_end
	}
}

# A fault, and that all is well afterwards.
one_cycle()
{
	local start

	place_take
	uptime_seconds
	start=$UPTIME
	note "row begins"
	row_cycle
	if has_disk; then
		# The same guest goes on.
		storm 0.1 64 check
		[ "$ERRORS" = 0 ] || fail "errors after the fault was taken back"
		fault_guest_sane
	fi
	uptime_seconds
	note "row passed in $(( UPTIME - start )) s"
	place_give
}

# In place of that of lib.sh, since many wait here: without a process, and longer. Nobody
# writes to it.
nap()
{
	# shellcheck disable=SC3045 # busybox's has -t
	read -r -t 1 _ <&9 || true
}

# rows <seconds> <row>...: at the same time, for so long. What a row says begins with its
# name; scripts/xen/judge.py reads it.
rows()
{
	local end n=0 row bad=

	uptime_seconds
	end=$(( UPTIME + $1 ))
	shift
	rm -rf /tmp/rows
	mkdir /tmp/rows
	mkfifo /tmp/rows/places /tmp/rows/boot
	exec 7<>/tmp/rows/places 8<>/tmp/rows/boot
	for row in $(seq "$ROW_PLACES"); do
		echo >&7
	done
	echo >&8
	# Requests of all the guests are done in dom0.
	xl sched-credit2 -d 0 -w 1024 || fail "dom0 gets no more of the processors"
	for row in "$@"; do
		row_with_name "$row" $n $end &
		n=$(( n + 1 ))
	done
	wait
	xl sched-credit2 -d 0 -w 256
	for row in "$@"; do
		[ "$(cat "/tmp/rows/$row")" = 0 ] || bad="$bad $row"
	done
	[ -z "$bad" ] || fail "rows:$bad"
	nothing_left
}

row_with_name()
{
	local line

	{
		# Not in a condition, where -e does not hold.
		set +e
		(set -e; row_process "$@") 2>&1
		echo $? >"/tmp/rows/$1"
		echo "row ended with $(cat "/tmp/rows/$1")"
		# Its end may have come in the middle.
		[ ! -e "/tmp/rows/$1.place" ] || echo >&7
		[ ! -e "/tmp/rows/$1.boot" ] || echo >&8
	} | while IFS= read -r line; do
		echo "# $1: ${line#\# }"
	done
}

# Errors belong here, damage does not.
fault_guest_sane()
{
	! grep -m 5 -aE 'Oops|BUG:|WARNING:|Call trace|blocked for more' \
		"$LOGS/guest-$ROW.log" || fail "the guest's kernel complained"
}

# storm_begin: I/O of the guest on the row's disk until storm_end, in its background. Its
# first requests are done, and more are under way.
storm_begin()
{
	row_do "rm -f /tmp/stop; (storm run /dev/vda /tmp/state $ROW_MIB /tmp/stop 4 \
		$ROW_PAUSE >/tmp/storm.out 2>&1; echo status \$? >>/tmp/storm.out) &
		until grep -qE '^(storm: going|status)' /tmp/storm.out; do sleep 0.2; done"
}

# Its end: requests that failed in ERRORS, writes that did not in WRITES, READS.
storm_end()
{
	row_do 'touch /tmp/stop; until grep -q ^status /tmp/storm.out; do sleep 0.2; done;
		cat /tmp/storm.out'
	storm_read
}

# storm <seconds> [requests [check]]: so long, and so many at least; then the whole disk.
storm()
{
	row_do "{ storm run /dev/vda /tmp/state $ROW_MIB $1 4 $ROW_PAUSE ${2:-16}
		${3:+&& storm check /dev/vda /tmp/state}; echo status \$?; } >/tmp/storm.out 2>&1;
		cat /tmp/storm.out"
	storm_read
}

# What it said; once more, if the guest's kernel said something meanwhile.
storm_read()
{
	local line status try

	for try in 1 2 3; do
		[ $try = 1 ] || row_do 'sleep 1; cat /tmp/storm.out'
		WRITES='' READS='' ERRORS='' status=
		while read -r line; do
			case $line in
			"status "[0-9]*[!0-9]*) ;;
			"status "[0-9]*) status=${line#status } ;;
			"storm: run: "*" ms at most")
				# W writes, R reads, F failed writes, G failed reads, ...
				# shellcheck disable=SC2086
				set -- $line
				case $3$5$7${10} in
				*[!0-9]*) ;;
				*) WRITES=$3 READS=$5 ERRORS=$(( $7 + ${10} )) ;;
				esac ;;
			esac
		done <"/tmp/$ROW.out"
		[ -z "$status" ] || [ -z "$ERRORS" ] || break
	done
	[ -n "$status" ] || fail "what the guest's program says cannot be read"
	[ "$status" = 0 ] || fail "the guest's data is not what it wrote, or cannot be read"
	[ -n "$ERRORS" ] || fail "the guest's program says nothing of what it did"
}

errors_seen()
{
	[ "$ERRORS" -gt 0 ] || fail "the guest saw no error"
	[ "$WRITES" -gt 0 ] || fail "the guest wrote nothing at all"
}

no_errors()
{
	[ "$ERRORS" = 0 ] || fail "the guest saw $ERRORS errors"
}

# dm_table <name> <table> [option of load]: in place of what there is, with requests under
# way, which the disk ends before ("resume" does that where it finds another table).
dm_table()
{
	# shellcheck disable=SC2086
	dmsetup load "$1" --table "$2" ${3:-} || fail "dmsetup load $1 $2"
	dmsetup resume --nolockfs "$1" || fail "dmsetup resume $1"
}

# A check that cannot fail says nothing: an old write, and another byte.
storm_sees()
{
	ram_disk 11
	/bin/storm run /dev/ram11 /tmp/sees 1 0 >/dev/null || fail "storm does not run"
	# Sixteen blocks, one of which is written again.
	dd if=/dev/ram11 of=/tmp/old bs=64k count=1 2>/dev/null
	/bin/storm run /dev/ram11 /tmp/sees 1 0 4 0 500 >/dev/null || fail "storm does not run"
	/bin/storm check /dev/ram11 /tmp/sees >/dev/null || fail "storm takes good data for bad"
	blockdev --flushbufs /dev/ram11
	dd if=/dev/ram11 of=/tmp/good bs=64k count=1 2>/dev/null
	dd if=/tmp/old of=/dev/ram11 bs=64k conv=fsync 2>/dev/null
	blockdev --flushbufs /dev/ram11
	! /bin/storm check /dev/ram11 /tmp/sees >/tmp/out || fail "storm does not see a lost write"
	grep -q 'has lost a write' /tmp/out || fail "storm does not know a lost write"
	dd if=/tmp/good of=/dev/ram11 bs=64k conv=fsync 2>/dev/null
	printf x | dd of=/dev/ram11 bs=1 seek=9000 conv=notrunc,fsync 2>/dev/null
	blockdev --flushbufs /dev/ram11
	! /bin/storm check /dev/ram11 /tmp/sees >/tmp/out || fail "storm does not see another byte"
	grep -q 'sector 17 has wrong content' /tmp/out || fail "storm does not know a wrong byte"
	rm /tmp/sees /tmp/old /tmp/good
	note "storm sees lost writes and wrong data"
}
