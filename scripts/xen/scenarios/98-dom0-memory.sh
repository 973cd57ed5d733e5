# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# dom0 has no memory to spare, and writes its own dirty pages to the disk that a guest
# does I/O on: that gets slower, but neither stops nor loses anything.

MEMORY_LEFT=40		# MiB that dom0 has left, all in all
MEMORY_SECONDS=15

# available: MiB that dom0 can still get
available()
{
	awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo
}

# dirty <seconds>: write the other half of the disk through the page cache, and read it
dirty()
{
	local end n=0 least=100000 left

	end=$(( $(cut -d. -f1 /proc/uptime) + $1 ))
	while [ "$(cut -d. -f1 /proc/uptime)" -lt $end ]; do
		n=$(( n + 1 ))
		dd if=/tmp/mine of=$own bs=1M conv=notrunc,fsync 2>/dev/null || return 1
		left=$(available)
		[ "$left" -ge "$least" ] || least=$left
		echo 1 >/proc/sys/vm/drop_caches
	done
	echo $n >/tmp/dirtied
	echo $least >/tmp/least
}

load
dma_disk
modprobe dm-mod
# The guest has one half, dom0 the other.
dmsetup create vbguest --table "0 32768 linear $DISK 0"
dmsetup create vbown --table "0 32768 linear $DISK 32768"
dmsetup mknodes
theirs=/dev/mapper/vbguest
own=/dev/mapper/vbown
guest p "$(disk_line $theirs xvda w)"
guest_do p 'vbio write /dev/vda 16 1 262144 4 && vbio verify /dev/vda 16 1 262144 4'
dd if=/dev/urandom of=/tmp/mine bs=1M count=16 2>/dev/null
mark_log

# In a file system in memory, since nothing can take that back from it. (No swap.)
mkdir -p /tmp/fill
trap 'umount /tmp/fill 2>/dev/null' EXIT
mount -t tmpfs -o size=100% fill /tmp/fill
n=0
while [ "$(available)" -gt $MEMORY_LEFT ]; do
	n=$(( n + 1 ))
	step=$(( ($(available) - MEMORY_LEFT) / 2 + 1 ))
	dd if=/dev/zero of=/tmp/fill/$n bs=1M count=$step 2>/dev/null || break
done
note "dom0 has $(available) MiB left"
[ "$(available)" -le $MEMORY_LEFT ] || fail "dom0 has memory to spare"

written=$(disk_writes "$DISK")
dirty $MEMORY_SECONDS &
pid=$!
guest_do p "end=\$(( \$(cut -d. -f1 /proc/uptime) + $MEMORY_SECONDS )); n=0;
	while [ \$(cut -d. -f1 /proc/uptime) -lt \$end ]; do
		n=\$(( n + 1 ));
		vbio write /dev/vda 16 \$n 262144 8 >/tmp/out || { cat /tmp/out; exit 1; };
		vbio verify /dev/vda 16 \$n 262144 8 >/tmp/out || { cat /tmp/out; exit 1; };
	done; echo rounds \$n"
rounds=$(sed -n 's/^rounds //p' /tmp/p.out)
wait $pid || fail "dom0 could not write its half"
note "$rounds rounds of the guest, $(cat /tmp/dirtied) of dom0, $(cat /tmp/least) MiB left, $(( $(disk_writes "$DISK") - written )) writes"
[ "$rounds" -ge 1 ] || fail "the guest did nothing"
# It takes what it has for caches from time to time.
[ "$(cat /tmp/least)" -le $(( 2 * MEMORY_LEFT )) ] || fail "dom0 got memory from somewhere"

# All of the guest's memory is touched for the first time: there may be no room to keep it.
guest_do p 'dd if=/dev/vda of=/tmp/copy bs=1M && cmp /tmp/copy /dev/vda'
for c in pages pages_max evictions singles refused; do
	note "$c: $(cat /sys/class/virtback/dom*/xen/$c)"
done
[ "$(cat /sys/class/virtback/dom*/xen/refused)" = 0 ] || fail "requests were refused"
log_since_mark | sed 's/^/# /'
! dmesg | sed "1,/$MARK/d" | grep 'Out of memory\|page allocation failure\|blocked for more' |
	sed 's/^/# /' | grep . || fail "dom0's kernel complained"
umount /tmp/fill
trap - EXIT
guest_sane p
echo 3 >/proc/sys/vm/drop_caches
cmp /tmp/mine $own || fail "dom0's half has other data"
blockdev --flushbufs $theirs
vbio verify $theirs 16 "$rounds" >/tmp/out || { cat /tmp/out; fail "the guest's half has other data"; }
rm -f /tmp/mine
destroy p
nothing_left $theirs
dmsetup remove vbguest
dmsetup remove vbown
unload
