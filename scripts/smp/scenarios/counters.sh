# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# All that can be read of a device is read all the time while it works and its options
# change: for KCSAN, which sees what is read without a lock and stored plainly only if both
# are done often.

SECONDS_EACH=$(( $(argument vb.storm) / 3 ))
KCSAN=/sys/module/kcsan/parameters

going()
{
	local up

	read -r up _ </proc/uptime
	[ "${up%.*}" -lt $END ]
}

# reader <file>...: without a process for each, which would take most of the time.
reader()
{
	local f n=0

	while going; do
		for f in "$@"; do
			read -r _ <"$f" || true
		done
		n=$(( n + $# ))
	done
	echo "$n" >>/tmp/counters.read
}

# user <disk>
user()
{
	local n=0

	while going; do
		# Not by its name: a disk that is gone by now would become a file.
		dd if=/dev/zero of=/proc/self/fd/3 bs=4k count=256 oflag=direct 3<"$1"
		dd if="$1" of=/dev/null bs=4k count=256 iflag=direct
		n=$(( n + 1 ))
	done
	echo "$n" >>/tmp/counters.used
}

# changer <device>
changer()
{
	local n=0

	while going; do
		echo $(( n % 3 * 50 )) >"$1/poll_us"
		echo "$(( n % 2 ))-3" >"$1/cpus"
		echo $(( n % 4 )) >"$1/priority"
		n=$(( n + 1 ))
		usleep 100000
	done
}

# with_device <backing>: one at a time, and with one queue, so that each file is read often.
with_device()
{
	local d pids p

	echo "backing=$1 queues=1" >$SYS/add || fail "add $1"
	d=$(echo $SYS/loop.*)
	END=$(( $(uptime_seconds) + SECONDS_EACH ))
	user /dev/vd? 2>/dev/null &
	pids=$!
	reader "$d"/vq0/* 2>/dev/null &
	pids="$pids $!"
	# shellcheck disable=SC2046
	reader $(find "$d/" "$d"/* -maxdepth 1 -type f ! -name uevent) 2>/dev/null &
	pids="$pids $!"
	changer "$d" &
	pids="$pids $!"
	for p in $pids; do
		wait "$p" || fail "status $?"
	done
	echo "${d##*/}" >$SYS/remove || fail "remove $1"
}

make_disks
modprobe virtio_blk
rm -f /tmp/counters.*
# There is less to watch here than in other scenarios, and it is done less often.
if [ -e $KCSAN ]; then
	skip=$(cat $KCSAN/skip_watch)
	echo 20 >$KCSAN/skip_watch
fi
insmod /vb/virtback.ko
# Not to and fro: it changes the kernel's text, and an emulated processor may execute what
# has been replaced.
echo 1 >/sys/module/virtback/parameters/latency
for b in $DISKS; do
	with_device "$b"
done
[ ! -e $KCSAN ] || echo "$skip" >$KCSAN/skip_watch
n=$(awk '{ n += $1 } END { print n + 0 }' /tmp/counters.read)
u=$(awk '{ n += $1 } END { print n + 0 }' /tmp/counters.used)
note "$n files read, $u MiB written and read"
[ "$n" -ge 1000 ] || fail "only $n files were read"
[ "$u" -ge 3 ] || fail "only $u MiB were written and read"
rmmod virtback || fail "rmmod virtback"
remove_disks
rm -f /tmp/counters.*
