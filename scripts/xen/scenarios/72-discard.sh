# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# What the guest discards and zeroes is given back by the store behind its disk.

# KiB that the store has allocated.
allocated()
{
	du -k /tmp/thin | cut -f1
}

# expect_allocated <least> <most>, in MiB
expect_allocated()
{
	local kib

	kib=$(allocated)
	note "allocated: $kib KiB"
	[ "$kib" -ge $(( $1 * 1024 )) ] && [ "$kib" -le $(( $2 * 1024 )) ] ||
		fail "$kib KiB are allocated, not $1 to $2 MiB"
}

discards()
{
	awk '{ print $12 }' /sys/block/loop0/stat
}

# A file of a RAM file system: sparse, and holes can be made in it.
truncate -s 16M /tmp/thin
losetup /dev/loop0 /tmp/thin || fail "no loop device"
load
guest t "$(disk_line /dev/loop0 xvda w)"
guest_do t 'cd /sys/block/vda/queue &&
	grep . discard_max_bytes discard_granularity write_zeroes_max_bytes'
guest_do t '[ $(cat /sys/block/vda/queue/discard_max_bytes) -gt 0 ]'

guest_do t 'vbio write /dev/vda 16 5 262144'
expect_allocated 16 16

note "blkdiscard"
before=$(discards)
guest_do t 'blkdiscard -o 4194304 -l 4194304 /dev/vda'
[ "$(discards)" -gt "$before" ] || fail "no discard reached the disk"
expect_allocated 12 12
guest_do t 'vbio verify /dev/vda 4 5 262144'
guest_do t '[ $(dd if=/dev/vda bs=1M skip=4 count=4 2>/dev/null | tr -d "\0" | wc -c) = 0 ]'

note "zeroes that may be holes"
guest_do t 'vbio punch /dev/vda 8 4'
expect_allocated 8 8
guest_do t '[ $(dd if=/dev/vda bs=1M skip=8 count=4 2>/dev/null | tr -d "\0" | wc -c) = 0 ]'

note "zeroes that may not"
guest_do t 'vbio zero /dev/vda 12 2'
expect_allocated 8 8
guest_do t '[ $(dd if=/dev/vda bs=1M skip=12 count=2 2>/dev/null | tr -d "\0" | wc -c) = 0 ]'
guest_do t 'vbio verify /dev/vda 4 5 262144'

note "a file system: mkfs discards all, fstrim what is free"
guest_do t 'mkfs.ext4 -F /dev/vda | grep -i discard'
expect_allocated 0 4
guest_do t 'mount -t ext4 /dev/vda /mnt &&
	dd if=/dev/urandom of=/mnt/keep bs=1M count=2 2>/dev/null &&
	dd if=/dev/urandom of=/mnt/drop bs=1M count=8 2>/dev/null &&
	sha256sum /mnt/keep >/tmp/sum && sync'
expect_allocated 10 15
guest_do t 'rm /mnt/drop && sync && fstrim /mnt'
expect_allocated 2 7
guest_do t 'echo 3 >/proc/sys/vm/drop_caches; sha256sum -c /tmp/sum && umount /mnt'
guest_sane t
destroy t
nothing_left /dev/loop0
losetup -d /dev/loop0
rm /tmp/thin
unload
