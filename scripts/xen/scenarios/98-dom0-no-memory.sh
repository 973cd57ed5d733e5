# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# dom0 has too little memory for the queues of a guest whose driver starts: the guest gets no
# disk, and of dom0 nothing is killed.
# slow: it fills the memory of dom0

NO_MEMORY_LEFT=15	# MiB that dom0 has left: less than a queue takes and what it keeps for itself

available()
{
	awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo
}

load
ram_disk 0
cfg=$(guest_config p "$(disk_line /dev/ram0 xvda w)")
sed -i 's/rdinit/vb.bare rdinit/' "$cfg"
rm -f "$LOGS/guest-p.log"
create "$cfg"
guest_ready p
mkdir -p /tmp/fill
trap 'umount /tmp/fill 2>/dev/null' EXIT
mount -t tmpfs -o size=100% fill /tmp/fill
mark_log
n=0
while [ "$(available)" -gt $NO_MEMORY_LEFT ]; do
	n=$(( n + 1 ))
	dd if=/dev/zero of=/tmp/fill/$n bs=1M \
		count=$(( ($(available) - NO_MEMORY_LEFT) / 2 + 1 )) 2>/dev/null || break
done
note "dom0 has $(available) MiB left"
# Linux' driver does not look whether its queue is ready, and waits for its first request.
guest_do p '{ modprobe virtio_mmio; modprobe virtio_blk; } >/dev/null 2>&1 & sleep 5'
note "and $(available) now"
log_since_mark | sed 's/^/# /'
log_since_mark | grep -q 'refused (-12)' || fail "no line says that there was no memory"
[ "$(cat "$SYS"/dom*/state)" = needs-reset ] || fail "it is $(cat "$SYS"/dom*/state)"
! dmesg | sed "1,/$MARK/d" | grep 'Out of memory\|page allocation failure\|invoked oom-killer' |
	sed 's/^/# /' | grep . || fail "dom0's kernel complained"
umount /tmp/fill
trap - EXIT
destroy p
nothing_left /dev/ram0

guest p "$(disk_line /dev/ram0 xvda w)"
guest_do p 'vbio write /dev/vda 8 1 && vbio verify /dev/vda 8 1'
guest_sane p
destroy p
nothing_left /dev/ram0
unload
