# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A zoned disk of dom0 is the same zoned disk in the guest. The driver of a guest
# before 6.3 knows no zones, and must not get a disk that it would write anywhere to;
# the rest wants GUEST_KERNEL=6.12.
# expect: I/O error, dev vbzoned, sector 25600 op 0x1:\(WRITE\)

# In the words of blkzone, state and write pointer of every zone.
same_zones()
{
	guest_value z 'blkzone report /dev/vda'
	blkzone report "$DISK" >/tmp/zones
	[ "$VALUE" = "$(cat /tmp/zones)" ] || {
		echo "$VALUE" | diff - /tmp/zones | sed 's/^/# /'
		fail "guest and dom0 see different zones: $1"
	}
}

load
null_zoned vbzoned 64 4 2
guest z "$(disk_line "$DISK" xvda w)"
guest_value z 'uname -r'
case $VALUE in
6.1.*)
	guest_do z '[ ! -e /dev/vda ]'
	guest_do z 'dmesg | grep "device refuses features"'
	[ "$(disk_writes "$DISK")" = 0 ] || fail "the guest wrote to it"
	;;
*)
	guest_value z 'cd /sys/block/vda/queue; cat zoned nr_zones max_open_zones max_active_zones'
	[ "$(echo $VALUE)" = "host-managed 16 4 6" ] || fail "the guest sees other zones: $VALUE"
	same_zones "at the start"

	note "sequential writes to the third zone, and conventional ones anywhere"
	guest_do z 'dd if=/dev/urandom of=/tmp/f bs=1M count=3 2>/dev/null &&
		dd if=/tmp/f of=/dev/vda bs=512k seek=16 oflag=direct conv=notrunc &&
		dd if=/dev/vda bs=512k skip=16 count=6 iflag=direct | cmp - /tmp/f'
	guest_value z 'sha256sum </tmp/f'
	[ "$VALUE" = "$(dd if="$DISK" bs=512k skip=16 count=6 2>/dev/null | sha256sum)" ] ||
		fail "other data in dom0"
	guest_do z 'vbio write /dev/vda 1 5 65536 4 && vbio verify /dev/vda 1 5 32768 2'
	guest_do z '! dd if=/tmp/f of=/dev/vda bs=512k count=1 seek=25 oflag=direct conv=notrunc'
	same_zones "after writes, one of them elsewhere"

	note "open, close, finish, reset one and all"
	guest_do z 'blkzone open -o 0x8000 -c 1 /dev/vda &&
		blkzone open -o 0xa000 -c 1 /dev/vda && blkzone close -o 0xa000 -c 1 /dev/vda &&
		blkzone finish -o 0x6000 -c 1 /dev/vda'
	same_zones "after an open, a close and a finish"
	guest_do z 'blkzone reset -o 0x4000 -c 1 /dev/vda'
	same_zones "after a reset"
	guest_do z 'dd if=/tmp/f of=/dev/vda bs=512k seek=16 oflag=direct conv=notrunc &&
		blkzone reset -o 0x4000 /dev/vda'
	same_zones "after a reset of all"
	;;
esac
destroy z
nothing_left "$DISK"
null_disk_remove vbzoned
unload
