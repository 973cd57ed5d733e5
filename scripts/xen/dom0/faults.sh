# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# What goes wrong with a disk or a guest, row by row (faults/<row>.sh), beside lib.sh. A
# row whose disk is used by the guest "f", which all such rows share, has
#
#	row_disk	makes the disk, its path in DISK
#	row_cycle	one fault, taken back at the end; ROW_DEV is the guest's name of it
#	row_end		takes the disk away again
#
# A row without row_disk makes its guests itself, in row_cycle. ROW_LONG is how many
# seconds something lasts that is said to last long.

ROW_LONG=${ROW_LONG:-3}
ROW_MIB=1
ROW_BASE=$(( 0x2000000 ))

use_row()
{
	unset -f row_disk row_cycle row_end
	ROW=$1
	# shellcheck source=/dev/null
	. "/vb/faults/$1.sh"
}

has_disk()
{
	command -v row_disk >/dev/null
}

# fault_device <index>: its directory in sysfs.
fault_device()
{
	printf '%s/dom%s.%x' $SYS "$(guest_id f)" $(( ROW_BASE + $1 * 0x200 ))
}

# fault_guest <row>...: the guest f with a disk of each row, at most fourteen.
fault_guest()
{
	local id i=0 left

	create "$(guest_config f -- 'device_tree = "/vb/fault-windows.dtb"' \
		'vuart = "sbsa_uart"' 'on_reboot = "destroy"' 'on_crash = "destroy"')" -p
	id=$(guest_id f)
	for left in "$@" - - - - - - - - - - - - - -; do
		DISK=none
		if [ "$left" != - ]; then
			use_row "$left"
			row_disk
			echo "$DISK" >"/tmp/$left.disk"
			echo $i >"/tmp/$left.index"
		fi
		echo "domid=$id base=$(( ROW_BASE + i * 0x200 )) irq=$(( 33 + i )) backing=$DISK queues=1" \
			>$SYS/add || fail "no device for row $left"
		i=$(( i + 1 ))
		[ $i -lt 14 ] || break
	done
	xl unpause f
	guest_ready f
}

# one_cycle <row>: a fault of a row, and that all is well afterwards.
one_cycle()
{
	local start

	use_row "$1"
	note "row $1 begins"
	start=$(cut -d. -f1 /proc/uptime)
	if has_disk; then
		ROW_INDEX=$(cat "/tmp/$1.index")
		ROW_DEV=vd$(echo abcdefghijklmn | cut -c$(( ROW_INDEX + 1 )))
		ROW_SYS=$(fault_device "$ROW_INDEX")
		DISK=$(cat "/tmp/$1.disk")
	fi
	row_cycle
	if has_disk; then
		# The same guest goes on.
		storm 0.5
		[ "$ERRORS" = 0 ] || fail "row $1: errors after the fault was taken back"
		guest_do f "storm check /dev/$ROW_DEV /tmp/$ROW.state"
		fault_guest_sane f
	fi
	note "row $1 passed in $(( $(cut -d. -f1 /proc/uptime) - start )) s"
}

# Errors belong here, damage does not.
fault_guest_sane()
{
	if grep -aE 'Oops|BUG:|WARNING:|Call trace|blocked for more' "$LOGS/guest-$1.log" |
		head -n 5 | sed 's/^/# /' | grep .; then
		fail "the kernel of guest $1 complained"
	fi
}

# storm_begin: I/O of the guest on the row's disk until storm_end, in its background.
storm_begin()
{
	guest_do f "rm -f /tmp/stop; (storm run /dev/$ROW_DEV /tmp/$ROW.state $ROW_MIB /tmp/stop \
		>/tmp/storm.out 2>&1; echo status \$? >>/tmp/storm.out) & sleep 0.3"
}

# Its end: requests that failed in ERRORS, writes that did not in WRITES, READS.
storm_end()
{
	guest_do f 'touch /tmp/stop; until grep -q ^status /tmp/storm.out; do sleep 0.1; done;
		cat /tmp/storm.out'
	storm_read
}

# So many seconds of it.
storm()
{
	guest_do f "storm run /dev/$ROW_DEV /tmp/$ROW.state $ROW_MIB $1; echo status \$?"
	storm_read
}

storm_read()
{
	grep -q '^status 0' /tmp/f.out || fail "row $ROW: the guest's data is not what it wrote"
	# storm: run: W writes, R reads, F failed writes, G failed reads, ...
	# shellcheck disable=SC2046
	set -- $(sed -n 's/.*storm: run: //p' /tmp/f.out)
	WRITES=$1 READS=$3 ERRORS=$(( $5 + $8 ))
}

# settled: the guest has written all of the disk, and is done.
settled()
{
	storm 0
	[ "$ERRORS" = 0 ] || fail "row $ROW: errors before the fault"
}

errors_seen()
{
	[ "$ERRORS" -gt 0 ] || fail "row $ROW: the guest saw no error"
	[ "$WRITES" -gt 0 ] || fail "row $ROW: the guest wrote nothing at all"
}

no_errors()
{
	[ "$ERRORS" = 0 ] || fail "row $ROW: the guest saw $ERRORS errors"
}

# dm_table <name> <table>: in place of what there is, with requests under way.
dm_table()
{
	dmsetup load "$1" --table "$2" || fail "dmsetup load $1 $2"
	dmsetup suspend --nolockfs "$1" || fail "dmsetup suspend $1"
	dmsetup resume "$1" || fail "dmsetup resume $1"
}

# A check that cannot fail says nothing: an old write, and another byte.
storm_sees()
{
	ram_disk 11
	/bin/storm run /dev/ram11 /tmp/sees 1 0 >/dev/null || fail "storm does not run"
	dd if=/dev/ram11 of=/tmp/old bs=4096 count=1 2>/dev/null
	/bin/storm run /dev/ram11 /tmp/sees 1 1 >/dev/null || fail "storm does not run"
	/bin/storm check /dev/ram11 /tmp/sees >/dev/null || fail "storm takes good data for bad"
	dd if=/tmp/old of=/dev/ram11 bs=4096 conv=fsync 2>/dev/null
	blockdev --flushbufs /dev/ram11
	! /bin/storm check /dev/ram11 /tmp/sees >/tmp/out || fail "storm does not see a lost write"
	grep -q 'has lost a write' /tmp/out || fail "storm does not know a lost write"
	printf x | dd of=/dev/ram11 bs=1 seek=9000 conv=notrunc,fsync 2>/dev/null
	blockdev --flushbufs /dev/ram11
	! /bin/storm check /dev/ram11 /tmp/sees >/tmp/out || fail "storm does not see another byte"
	grep -q 'sector 17 has wrong content' /tmp/out || fail "storm does not know a wrong byte"
	note "storm sees lost writes and wrong data"
}

# soak_rows <seconds> <row>...: one after the other, again and again.
soak_rows()
{
	local end row disks=

	end=$(( $(cut -d. -f1 /proc/uptime) + $1 ))
	shift
	for row in "$@"; do
		use_row "$row"
		! has_disk || disks="$disks $row"
	done
	# shellcheck disable=SC2086
	[ -z "$disks" ] || fault_guest $disks
	while :; do
		for row in "$@"; do
			one_cycle "$row"
		done
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$end" ] || break
	done
	[ -z "$disks" ] || destroy f
	for row in $disks; do
		nothing_left "$(cat "/tmp/$row.disk")"
		use_row "$row"
		row_end
	done
}
