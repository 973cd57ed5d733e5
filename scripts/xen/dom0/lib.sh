# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# What scenarios call in dom0: make guests, give them commands, look at disks,
# check that nothing is left.  Every function ends the scenario with a reason
# when what it stands for does not hold.  For busybox's sh.

SYS=/sys/class/virtback
LOGS=/var/log/xen/console
# Long, because a loaded machine stalls guests; nothing waits so long normally.
WAIT=${WAIT:-180}
# So much longer than they say functions wait.
WAIT_FACTOR=1
CMD=0

# A line that `scripts/demo` shows to the person who started it.
step()
{
	echo "## $*"
}

note()
{
	echo "# $*"
}

fail()
{
	note "FAILED: $*"
	exit 1
}

# Seconds since the boot, in UPTIME. No process is made for it.
uptime_seconds()
{
	read -r UPTIME _ </proc/uptime
	UPTIME=${UPTIME%.*}
}

nap()
{
	sleep 0.1
}

# wait_for <seconds> <what for> <command>...
wait_for()
{
	local end what=$2

	uptime_seconds
	end=$(( UPTIME + $1 * WAIT_FACTOR ))
	shift 2
	until "$@" >/dev/null 2>&1; do
		uptime_seconds
		[ "$UPTIME" -lt $end ] || fail "waited in vain for $what"
		nap
	done
}

is_not()
{
	! "$@"
}

# ------------------------------------------------------------------- module

load()
{
	insmod /vb/virtback.ko "$@" || fail "insmod virtback.ko $*"
}

unload()
{
	rmmod virtback || fail "rmmod virtback"
}

loaded()
{
	[ -d /sys/module/virtback ]
}

# The names of the devices of a guest, or of all guests.
devices()
{
	local d

	for d in $SYS/dom${1:-}*; do
		[ ! -d "$d" ] || echo "${d##*/}"
	done
}

nr_devices()
{
	devices "${1:-}" | wc -l
}

# A mark in the kernel's log, and what virtback said after it.
mark_log()
{
	MARK="virtback-test mark $(cat /proc/uptime)"
	echo "$MARK" >/dev/kmsg
}

log_since_mark()
{
	dmesg | sed "1,/$MARK/d" | grep 'virtback:' || true
}

# fail_call <kinds> <command> <n> <after>: the n-th hypercall about the guest that was written
# to the parameter "guest" of failing.ko fails; what the others are is said there.
fail_call()
{
	local f=/sys/module/failing/parameters

	echo "$1" >$f/kinds
	echo "$2" >$f/command
	echo "$4" >$f/after
	echo 1 >$f/any
	echo "$3" >$f/nth
}

call_failed()
{
	[ "$(cat /sys/module/failing/parameters/nth)" = 0 ]
}

# seen <module>: pass() of the scenario has to find fault with that module of
# scripts/xen/mutants, or it is one of $MISSED. What is left afterwards goes, or stays with a
# domain that is no more.
seen()
{
	local rc d g

	insmod "/vb/more/$1.ko" || fail "insmod $1.ko"
	set +e
	(set -e; pass) >/tmp/pass.out
	rc=$?
	set -e
	grep '^# ' /tmp/pass.out | tail -n 4 | cut -c 1-300 | sed "s/^# /# $1: /"
	echo 0 >/sys/module/failing/parameters/nth
	echo 0 >/sys/module/failing/parameters/after
	for g in $(xl list | awk 'NR > 2 && $1 != "(null)" { print $2 }'); do
		xl destroy "$g" 2>/dev/null || true
	done
	for d in $(devices); do
		echo "$d force=1" >$SYS/remove
	done
	wait_for 30 "the devices to be gone" no_device
	rmmod virtback || fail "rmmod of $1"
	[ $rc != 0 ] || MISSED="$MISSED $1"
}

# try_mutants <module,...>: each is seen; then nothing is, with the module as it is, so it
# is not what the others left that was.
try_mutants()
{
	local m

	MISSED=
	for m in $(echo "$1" | tr , ' '); do
		seen "$m"
	done
	[ -z "$MISSED" ] || fail "nobody saw$MISSED"
	load
	pass
	unload
}

# ------------------------------------------------------------------- guests

# disk_line <path> <name> <mode>: for a guest's configuration, as in the README.
disk_line()
{
	echo "'phy:$1,$2,$3,backendtype=standalone,specification=virtio'"
}

# guest_config <name> <disk line>... [-- <line of configuration>...]
# GUEST_IMAGE is the guest's kernel, if it is not Debian's; GUEST_INITRD its file system,
# GUEST_MEMORY its MiB.
guest_config()
{
	local f=/tmp/$1.cfg sep=

	{
		echo "name = '$1'"
		echo "kernel = '${GUEST_IMAGE:-/vb/Image}'"
		echo "ramdisk = '${GUEST_INITRD:-/vb/guest.cpio}'"
		echo "extra = 'console=hvc0 rdinit=/init loglevel=5 panic=1 nowatchdog rcupdate.rcu_cpu_stall_suppress=1'"
		echo "memory = ${GUEST_MEMORY:-192}"
		echo "vcpus = 2"
		# For boot.sh's reason.
		echo "cpus = [ '0', '1', '0', '1' ]"
		shift
		printf 'disk = ['
		while [ $# -gt 0 ] && [ "$1" != -- ]; do
			printf '%s %s' "$sep" "$1"
			sep=,
			shift
		done
		echo " ]"
		[ $# = 0 ] || shift
		while [ $# -gt 0 ]; do
			echo "$1"
			shift
		done
	} >"$f"
	echo "$f"
}

# hostile_config <name> <disk line>...: a guest with four vCPUs and without a driver, but
# for the hostile one (scripts/xen/hostile). Its kernel leaves the end of memory to that.
hostile_config()
{
	local f

	f=$(guest_config "$@")
	cat /vb/guest.cpio /vb/hostile.cpio >/tmp/hostile.cpio
	sed -i -e 's#/vb/guest.cpio#/tmp/hostile.cpio#' -e 's/^vcpus.*/vcpus = 4/' \
		-e 's/rdinit/vb.bare mem=172M rdinit/' "$f"
	echo "$f"
}

# hostile <mode>: the command for that guest; arguments may follow. 0x4ac00000 is 172 MiB
# behind the start of its memory.
hostile()
{
	echo "insmod /hostile.ko mode=$1 mem=0x4ac00000"
}

# tiny_config <name> <disk line>...: a guest that only exists.
tiny_config()
{
	local f

	f=$(guest_config "$@")
	sed -i -e 's/^kernel.*/kernel = "\/vb\/tiny"/' -e '/^ramdisk/d' \
		-e '/^extra/d' -e 's/^memory.*/memory = 16/' \
		-e 's/^vcpus.*/vcpus = 1/' "$f"
	echo "$f"
}

# create <config> [xl create options]
create()
{
	local cfg=$1

	shift
	xl create -q "$@" "$cfg" </dev/null || fail "xl create $* ${cfg##*/}"
}

# guest <name> <disk line>...: make one and wait until it takes commands.
guest()
{
	local name=$1

	rm -f "$LOGS/guest-$name.log"
	create "$(guest_config "$@")"
	guest_ready "$name"
	note "$name is domain $(guest_id "$name"): $(grep -ao '@@ready.*' \
		"$LOGS/guest-$name.log" | tail -n 1)"
}

# guest_ready <name> [nth start]
guest_ready()
{
	wait_for "$WAIT" "guest $1 to boot" _guest_started "$1" "${2:-1}"
}

_guest_started()
{
	[ "$(grep -ac '@@ready' "$LOGS/guest-$1.log")" -ge "$2" ]
}

guest_id()
{
	xl domid "$1" 2>/dev/null
}

# guest_send <name> <command>: do not wait.  Sets CMD, the command's number.
# The command may be written in several lines; the guest gets one.
guest_send()
{
	local tty

	tty=$(xenstore-read "/local/domain/$(guest_id "$1")/console/tty") ||
		fail "guest $1 has no console"
	CMD=$(( CMD + 1 ))
	echo "$CMD $2" | tr '\n\t' '  ' >"$tty"
	echo >"$tty"
}

# guest_sh <name> <command>: run it in the guest; its output and status.
guest_sh()
{
	guest_send "$1" "$2"
	wait_for "$WAIT" "guest $1 to do: $2" \
		grep -aq "@@$CMD rc=[0-9]" "$LOGS/guest-$1.log"
	guest_output "$1" $CMD
	return "$(grep -ao "@@$CMD rc=[0-9]*" "$LOGS/guest-$1.log" | tail -n 1 | cut -d = -f 2)"
}

# A line of the guest's kernel may come before or after the marks, in the same line, and so
# does what a command says last if it does not end its line.
guest_output()
{
	tr -d '\r' <"$LOGS/guest-$1.log" | sed -n "/@@$2 begin/,/@@$2 rc=/p" |
		sed -e "/@@$2 begin/d" -e "/@@$2 rc=/{" -e "s/@@$2 rc=.*//" -e '/^$/d' \
			-e '/^\[ *[0-9]*\.[0-9]*\] /d' -e '}'
}

# guest_do <name> <command>: the same, and it must succeed; output as notes.
# Not in a pipe, which would keep CMD and a failure in a subshell.
guest_do()
{
	local rc=0

	guest_sh "$1" "$2" >"/tmp/$1.out" || rc=$?
	sed "s/^/# $1: /" "/tmp/$1.out"
	[ $rc = 0 ] || fail "in guest $1 ($rc): $2"
}

# guest_value <name> <command>: its output in VALUE. The guest's kernel may speak between.
guest_value()
{
	guest_sh "$1" "$2" >"/tmp/$1.out" || fail "in guest $1: $2"
	VALUE=$(sed -E '/^\[ *[0-9]+\.[0-9]{6}\] /d; s/\[ *[0-9]+\.[0-9]{6}\] .*//' "/tmp/$1.out")
}

guest_gone()
{
	[ -z "$(guest_id "$1")" ]
}

destroy()
{
	xl destroy "$1" || fail "xl destroy $1"
}

# The guest's kernel must not have complained.
guest_sane()
{
	if grep -aE 'Oops|BUG:|WARNING:|Call trace|I/O error|Buffer I/O' \
		"$LOGS/guest-$1.log" | head -n 5 | sed 's/^/# /' | grep .; then
		fail "the kernel of guest $1 complained"
	fi
}

# -------------------------------------------------------------------- disks

# ram_disk <number> [MiB]: RAM disk 0 to 47 of 32 MiB, emptied, or so much of it: its
# content must be this scenario's.
ram_disk()
{
	blockdev --flushbufs "/dev/ram$1" || fail "/dev/ram$1 is in use"
	dd if=/dev/zero of="/dev/ram$1" bs=1M count="${2:-32}" conv=fsync 2>/dev/null
	DISK=/dev/ram$1
}

# null_disk <name> <MiB>: RAM behind blk-mq, with I/O statistics, which brd lacks.
null_disk()
{
	local c=/sys/kernel/config/nullb/$1

	mkdir "$c"
	echo "$2" >"$c/size"
	echo 1 >"$c/memory_backed"
	echo 512 >"$c/blocksize"
	echo 1 >"$c/power"
	DISK=/dev/$1
	wait_for 20 "$DISK" test -b "$DISK"
}

# null_zoned <name> <MiB> <MiB a zone> <conventional zones>: the same, host-managed.
null_zoned()
{
	local c=/sys/kernel/config/nullb/$1

	mkdir "$c"
	echo "$2" >"$c/size"
	echo 1 >"$c/memory_backed"
	echo 512 >"$c/blocksize"
	echo 1 >"$c/zoned"
	echo "$3" >"$c/zone_size"
	echo "$4" >"$c/zone_nr_conv"
	echo 4 >"$c/zone_max_open"
	echo 6 >"$c/zone_max_active"
	echo 1 >"$c/power"
	DISK=/dev/$1
	wait_for 20 "$DISK" test -b "$DISK"
}

null_disk_remove()
{
	rmdir "/sys/kernel/config/nullb/$1" || fail "$1 is still in use"
}

# The disk of QEMU, which reads and writes dom0's memory itself, by addresses
# that the driver in dom0 gives to it.
dma_disk()
{
	local d

	for d in /sys/block/vd*; do
		if [ "$(cat "$d/serial")" = vbmmio ]; then
			DISK=/dev/${d##*/}
			return
		fi
	done
	fail "dom0 has no QEMU disk"
}

# Reads and writes that the block layer counted for a disk.
disk_reads()
{
	awk '{ print $1 }' "/sys/block/${1#/dev/}/stat"
}

disk_writes()
{
	awk '{ print $5 }' "/sys/block/${1#/dev/}/stat"
}

# From the disk itself, not from dom0's page cache.
disk_sha()
{
	blockdev --flushbufs "$1"
	dd if="$1" bs=1M 2>/dev/null | sha256sum | cut -d' ' -f1
}

# Nobody else has it open exclusively.
disk_free()
{
	vbio exclusive "$1"
}

# ------------------------------------------------------------------ the end

# freed <domid>: nothing of it is in use any more
freed()
{
	local i

	for i in $(seq 30); do
		xl list | awk '$2 == '"$1"' { found = 1 } END { exit found }' && return
		sleep 0.1
	done
	return 1
}

no_domain()
{
	[ "$(xl list | wc -l)" = 2 ]
}

no_device()
{
	[ -z "$(devices)" ]
}

no_backend_node()
{
	[ -z "$(xenstore-ls -f /local/domain/0/backend/virtio_disk 2>/dev/null |
		grep '/state = ')" ]
}

# nothing_left [disk]...: no guest, not even a zombie, no device, disks closed.
nothing_left()
{
	local d

	wait_for 30 "the domains to be gone" no_domain
	wait_for 30 "the devices to be gone" no_device
	wait_for 30 "xenstore's nodes to be gone" no_backend_node
	for d in "$@"; do
		wait_for 30 "$d to be closed" disk_free "$d"
	done
}
