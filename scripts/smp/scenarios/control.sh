# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A storm on all that changes devices: some add and remove disks, on the same stores and
# by the same names, others force them away during I/O, replace and resize what is behind
# them, change options, read every file, load and unload the module. Whatever comes of
# each: nothing crashes, hangs or is left.
# expect: I/O error

MAKERS=4
FILES=3
END=$(( $(uptime_seconds) + $(argument vb.storm) ))

# What is called all the time starts no process: here they are dear.
going()
{
	local up

	read -r up _ </proc/uptime
	[ "${up%.*}" -lt $END ]
}

# roll <n>: a number below it, in $N. Each process has its own series.
roll()
{
	# shellcheck disable=SC3028
	N=$(( RANDOM % $1 ))
}

# One of the devices there are, in $DEVICE; false when there is none.
some_device()
{
	local d n=0

	DEVICE=
	for d in "$SYS"/loop.*; do
		[ -e "$d" ] || continue
		n=$(( n + 1 ))
		roll $n
		[ $N != 0 ] || DEVICE=${d##*/}
	done
	[ -n "$DEVICE" ]
}

# Something to put behind a disk, in $STORE.
some_store()
{
	roll 8
	case $N in
	0|1) STORE=/dev/ram0 ;;
	2|3) STORE=/dev/ram1 ;;
	4) STORE=/dev/nullb0 ;;
	5|6) roll $FILES; STORE=/tmp/storm.$N ;;
	7) STORE=none ;;
	esac
}

# did <word>: it succeeded.
did()
{
	echo >>"/tmp/did.$1"
}

maker()
{
	local n

	while going; do
		some_store
		roll 4
		n=$N
		! echo "backing=$STORE queues=$(( n + 1 )) direct_io=0 poll_us=$(( n * 20 ))" \
			>$SYS/add || did add
		some_device || continue
		roll 3
		case $N in
		0) DEVICE="$DEVICE force=1" ;;
		1) usleep 50000 ;;
		esac
		! echo "$DEVICE" >$SYS/remove || did remove
	done
}

user()
{
	local d

	while going; do
		for d in /dev/vd*; do
			[ -b "$d" ] || continue
			# Not by its name: a disk that is gone by now would become a file.
			! dd if=/dev/zero of=/proc/self/fd/3 bs=64k count=8 oflag=direct 3<"$d" ||
				did write
			! dd if="$d" of=/dev/null bs=64k count=8 iflag=direct || did read
		done
		usleep 1000
	done
}

reader()
{
	while going; do
		find $SYS/ /sys/module/virtback/parameters /sys/kernel/debug/virtback \
			-follow -maxdepth 3 -type f ! -path '*/power/*' -exec cat {} + \
			>/dev/null || true
		did look
	done
}

changer()
{
	while going; do
		some_device || { usleep 1000; continue; }
		roll 9
		case $N in
		0) roll 200; ! echo $N >"$SYS/$DEVICE/poll_us" || did option ;;
		1) roll 3; ! echo "$N-3" >"$SYS/$DEVICE/cpus" || did option ;;
		2) roll 20; ! echo $N >"$SYS/$DEVICE/priority" || did option ;;
		3) ! echo 0 >"/sys/kernel/debug/virtback/$DEVICE/latency" || did option ;;
		4) roll 2; ! echo $N >/sys/module/virtback/parameters/latency || did option ;;
		*) some_store; ! echo $STORE >"$SYS/$DEVICE/backing" || did replace ;;
		esac
	done
}

resizer()
{
	local n

	while going; do
		roll 8
		n=$N
		roll $FILES
		truncate -s $(( n + 1 ))M "/tmp/storm.$N"
		did resize
		usleep 20000
	done
}

loader()
{
	while going; do
		! rmmod virtback || did unload
		! insmod /vb/virtback.ko || did load
		usleep 50000
	done
}

clean_up 2>/dev/null || true
modprobe brd rd_nr=2 rd_size=8192
modprobe null_blk nr_devices=1 gb=1 memory_backed=1 queue_mode=2 irqmode=2 \
	completion_nsec=300000 submit_queues=4
modprobe virtio_blk
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null || true
for n in $(seq 0 $(( FILES - 1 ))); do
	truncate -s 8M "/tmp/storm.$n"
done
rm -f /tmp/did.*
insmod /vb/virtback.ko
pids=
for n in $(seq $MAKERS); do
	maker 2>/dev/null &
	pids="$pids $!"
done
for who in user reader reader changer changer resizer loader; do
	$who 2>/dev/null &
	pids="$pids $!"
done
for p in $pids; do
	wait "$p" || true
done
note "done: $(cd /tmp && wc -l did.* | sed 's/did\.//' | tr -s ' \n' ' ')"
for n in add remove write read look replace option resize; do
	[ "$(cat /tmp/did.$n 2>/dev/null | wc -l)" -ge 5 ] || fail "hardly any $n"
done
# What is left can be taken away, and nothing holds the module or a disk then.
[ -e $SYS ] || insmod /vb/virtback.ko
for d in $SYS/loop.*; do
	[ ! -e "$d" ] || echo "${d##*/} force=1" >$SYS/remove || true
done
[ -z "$(ls -d $SYS/loop.* 2>/dev/null)" ] || fail "devices are left"
[ -z "$(ls -d /sys/block/vd* 2>/dev/null)" ] || fail "disks are left"
rmmod virtback || fail "rmmod virtback"
rmmod brd null_blk || fail "a disk is still open"
rm -f /tmp/storm.* /tmp/did.*
