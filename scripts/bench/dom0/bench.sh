# shellcheck shell=sh disable=SC3045
# SPDX-License-Identifier: GPL-2.0
#
# Does what /bench/plan says, in dom0. Results are lines of key=value that begin with
# "@"; report.py reads them from the console. For busybox's sh, with -eu.

SYS=/sys/class/virtback
CR=$(printf '\r')
BACKEND='' KIND='' ARG='' DISK='' DEV=''

fail()
{
	echo "@fail backend=$BACKEND: $*"
	exit 1
}

# null_disk <name> <MiB> <MiB of volatile cache>: memory behind blk-mq that answers at
# once, all of it written, so that reads find pages.
null_disk()
{
	local c=/sys/kernel/config/nullb/$1

	mkdir "$c"
	echo 2 >"$c/queue_mode"
	echo 0 >"$c/irqmode"
	echo 0 >"$c/completion_nsec"
	echo 1 >"$c/memory_backed"
	echo 512 >"$c/blocksize"
	echo "$2" >"$c/size"
	echo "$(nproc)" >"$c/submit_queues"
	[ "$3" = 0 ] || echo "$3" >"$c/cache_size"
	echo 1 >"$c/power"
	echo none >"/sys/block/$1/queue/scheduler"
	dd if=/dev/zero "of=/dev/$1" bs=1M oflag=direct 2>/dev/null || true
}

# ------------------------------------------------------------------- the guest

# say <command>: have the guest do it. Its output in REPLY, and printed if EACH says with
# what in front. Waits without polling: a console is a terminal here.
say()
{
	local line

	echo "$1" >&3
	REPLY=
	while read -r -t 900 line <&3; do
		line=${line%"$CR"}
		case $line in
		@@rc=0) return 0 ;;
		@@rc=*) fail "in the guest: $1: ${line#@@}, $REPLY" ;;
		*)
			[ -z "${EACH:-}" ] || echo "$EACH $line"
			REPLY="$REPLY$line" ;;
		esac
	done
	fail "the guest does not answer to: $1"
}

# config <line>: the guest's configuration
config()
{
	cat <<-END
	name = "bench"
	kernel = "/bench/Image"
	ramdisk = "/bench/guest.cpio"
	extra = "console=hvc0 rdinit=/init quiet panic=1 nokaslr mitigations=off randomize_kstack_offset=off nowatchdog"
	memory = 192
	vcpus = $GUEST_VCPUS
	cpus = "$GUEST_CPUS"
	$1
	END
}

# by_hand <device tree> <options>: a guest with a disk by hand, not running yet
by_hand()
{
	start "device_tree = \"/bench/$1.dtb\"
		vuart = \"sbsa_uart\"" -p
	shift
	if ! echo "domid=$DOMID base=0x2000000 irq=33 backing=$DISK $*" 2>/dev/null >$SYS/add; then
		# A module of before the option, or of after it.
		echo "@skip backend=$BACKEND: the module refuses $*"
		SKIP=1
		return 0
	fi
	echo "domid=$DOMID base=0x2000200 irq=34 backing=none" >$SYS/add
	xl unpause bench
}

# start <line of the configuration> [xl create options]
start()
{
	config "$1" >/tmp/bench.cfg
	shift
	xl create -q "$@" /tmp/bench.cfg || fail "xl create"
	DOMID=$(xl domid bench)
}

# The console's terminal, once xenconsoled has made it; then the guest's first line.
connect()
{
	local tty line n=0

	until tty=$(xenstore-read "/local/domain/$DOMID/console/tty" 2>/dev/null); do
		n=$(( n + 1 ))
		[ $n -lt 100 ] || fail "the guest has no console"
		sleep 0.1
	done
	exec 3<>"$tty"
	while read -r -t 300 line <&3; do
		case $line in
		@@ready*)
			echo "@guest backend=$BACKEND ${line#@@ready }"
			return 0 ;;
		esac
	done
	fail "the guest does not come up"
}

# --------------------------------------------------------------------- counters

# counters: a number each, of the device and of Xen. Xen's are of its performance
# counters; hypercalls are those that a backend may make.
counters()
{
	local c

	if [ -n "$DEV" ]; then
		for c in xen/traps xen/maps xen/copies 'vq*/kicks' 'vq*/irqs' 'vq*/requests'; do
			[ "$c" != xen/copies ] || [ -e "$DEV/$c" ] || continue
			# shellcheck disable=SC2086
			awk -v c="${c#*/}" '{ n += $1 } END { printf "%s %d\n", c, n }' $DEV/$c
		done
		# What the workers had of this domain's processors, and to look on: ns.
		sed 's:.*:/proc/&/schedstat:' "$DEV"/vq*/pid | xargs cat |
			awk '{ n += $1 } END { printf "worker_ns %.0f\n", n }'
		[ ! -e "$DEV/vq0/poll_ns" ] || cat "$DEV"/vq*/poll_ns |
			awk '{ n += $1 } END { printf "poll_ns %.0f\n", n }'
	fi
	xenperf -f | awk '
		/^trap: guest data abort/ { sub(/.*T= */, ""); print "xen_aborts", $1 }
		/^sched: context switches/ { sub(/.*T= */, ""); print "xen_switches", $1 }
		/^hypercalls/ {
			sub(/.*T= *[0-9]*/, "")
			print "xen_grant_table_op", $21
			print "xen_event_channel_op", $33
			print "xen_memory_op", $13
			print "xen_dm_op", $42
		}'
}

# ------------------------------------------------------------ what a plan consists of

# begin <backend> <disk> <kind> [argument]
begin()
{
	BACKEND=$1 DISK=/dev/nb-$2 KIND=$3 ARG=${4:-} DEV='' SKIP=''
	case $KIND in
	native) return 0 ;;
	blkback)
		echo "$ARG" >/sys/module/xen_blkback/parameters/feature_persistent
		start "disk = [ 'phy:$DISK,xvda,w' ]" ;;
	xl)
		insmod /bench/virtback.ko || fail "insmod"
		start "disk = [ 'phy:$DISK,xvda,w,backendtype=standalone,specification=virtio' ]" ;;
	hand)
		insmod /bench/virtback.ko || fail "insmod"
		# shellcheck disable=SC2086
		by_hand virtio-node $ARG ;;
	grant)
		insmod /bench/virtback.ko "grant_map_kb=${ARG%% *}" || fail "insmod"
		# shellcheck disable=SC2086
		by_hand virtio-grant-node mapping=grant ${ARG#"${ARG%% *}"} ;;
	esac
	[ -z "$SKIP" ] || return 0
	connect
	[ "$KIND" = blkback ] || DEV=$SYS/dom$DOMID.2000000
}

# busy_now: the time, and what a busy program in dom0 had of it, in ns
busy_now()
{
	sed -n 's/^now at \([0-9]*\) nsecs/\1/p' /proc/timer_list
	cut -d ' ' -f 1 "/proc/$BUSY/schedstat"
}

# point <name> [busy=1] <argument of vbaio>...: with busy=1 a program in dom0 never rests.
point()
{
	local name=$1 before after BUSY='' was='' share=''

	[ -z "$SKIP" ] || return 0
	shift
	if [ "$1" = busy=1 ]; then
		shift
		while :; do :; done &
		BUSY=$!
		sleep 1
	fi
	before=$(counters)
	[ -z "$BUSY" ] || was=$(busy_now)
	if [ "$KIND" = native ]; then
		REPLY=$(vbaio "$DISK" "$@") || fail "$name: $REPLY"
	else
		say "vbaio \$DISK $*"
	fi
	if [ -n "$BUSY" ]; then
		# shellcheck disable=SC2046
		share=$(set -- $was $(busy_now); echo "window=$(( $3 - $1 )) busy=$(( $4 - $2 ))")
		kill "$BUSY"
	fi
	after=$(counters)
	echo "@point backend=$BACKEND point=$name $REPLY $share"
	difference "@count backend=$BACKEND point=$name"
}

# difference <text>: print it, and by how much each of $before has risen in $after.
difference()
{
	printf '%s\n' "$before" "$after" | awk -v text="$1" '
		$1 in was { printf " %s=%d", $1, $2 - was[$1]; next }
		NR == 1 { printf "%s", text }
		{ was[$1] = $2 }
		END { print "" }'
}

# restless: from now on no processor rests, or the other way round (restless.patch).
restless()
{
	[ -n "$SKIP" ] || xl debug-keys k || fail "xl debug-keys"
}

# noisy <mode of hostile.ko>: a second guest makes noise, on processors of its own
noisy()
{
	local n=0

	[ -z "$SKIP" ] || return 0
	cat >/tmp/noisy.cfg <<-END
	name = "noisy"
	kernel = "/bench/Image"
	ramdisk = "/bench/noisy.cpio"
	extra = "console=hvc0 rdinit=/init quiet panic=1 nokaslr nowatchdog mem=172M noisy=$1"
	memory = 192
	vcpus = 3
	cpus = "$NOISY_CPUS"
	disk = [ 'phy:/dev/nb-noisy,xvda,w,backendtype=standalone,specification=virtio' ]
	END
	xl create -q /tmp/noisy.cfg || fail "xl create noisy"
	NOISE=$SYS/dom$(xl domid noisy).2000000
	# Who resets its device all the time is hardly ever seen with a driver.
	until [ "$(cat "$NOISE/state")" = driver-ok ] || [ "$(cat "$NOISE/xen/traps")" -gt 1000 ]; do
		n=$(( n + 1 ))
		[ $n -lt 40 ] || fail "the noisy guest does not begin: $(cat "$NOISE/state")"
		sleep 0.5
	done
	sleep 0.5
}

# What the noisy one did, in all.
noise()
{
	local c

	printf '@noise mode=%s' "$1"
	for c in xen/traps xen/slow_traps xen/throttled; do
		printf ' %s=%s' "${c#*/}" "$(cat "$NOISE/$c")"
	done
	cat "$NOISE"/vq*/requests | awk '{ n += $1 } END { print " requests=" n }'
}

# hush <mode>: and the end of it
hush()
{
	[ -z "$SKIP" ] || return 0
	noise "$1"
	xl destroy noisy
	sleep 0.5
}

# A second in which the guest does nothing.
idle()
{
	local before after

	sleep 1
	before=$(counters)
	sleep 1
	after=$(counters)
	difference "@idle backend=$BACKEND"
}

end()
{
	[ "$KIND" != native ] || return 0
	[ -z "$DEV" ] || [ -n "$SKIP" ] || idle
	xl destroy bench
	[ -n "$SKIP" ] || exec 3>&-
	# The toolstack's watch takes the device down.
	sleep 2
	if [ -d /sys/module/virtback ]; then
		dmesg | grep 'virtback:.*\(fail\|refus\)' || true
		rmmod virtback || fail "rmmod"
	fi
}

# symbols: for the profiler: dom0's on the log disk, those of the guest's modules on the
# console. The guest's kernel is the same as dom0's, and at the same address (but for one
# that grants, which has no modules).
symbols()
{
	local d

	for d in /sys/block/vd*; do
		[ "$(cat "$d/serial" 2>/dev/null)" = vblog ] || continue
		{ cat /proc/kallsyms; echo "@end"; } |
			dd "of=/dev/${d##*/}" bs=64k conv=fsync 2>/dev/null
	done
	[ -n "$SKIP" ] || [ "$KIND" = native ] || EACH=@symbol say 'grep "\[" /proc/kallsyms || :'
}

# As in the guest's init.
sleep 10
. /bench/plan
