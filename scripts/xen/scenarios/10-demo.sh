# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# What a newcomer sees first: a guest works on two virtio disks.

step "Loading virtback.ko in dom0 ($(uname -r))"
load
null_disk nb0 32
disk=$DISK
dma_disk
dma=$DISK
step "Creating a guest with xl: xvda is $disk (RAM), xvdb is $dma (a disk with real DMA)"
writes=$(disk_writes "$disk") reads=$(disk_reads "$disk")
dma_writes=$(disk_writes "$dma")
guest demo "$(disk_line "$disk" xvda w)" "$(disk_line "$dma" xvdb w)"
step "The guest runs Debian's kernel with Debian's drivers:"
guest_do demo 'uname -r; for d in vda vdb; do
	echo "$d: $(($(cat /sys/block/$d/size) / 2048)) MiB, driver $(basename $(readlink /sys/block/$d/device/driver))"; done'
devices | sed 's/^/## dom0: \/sys\/class\/virtback\//'

for d in vda vdb; do
	step "Guest: mkfs.ext4 /dev/$d, mount, write 8 MiB, drop caches, verify"
	guest_do demo "mkfs.ext4 -q -F /dev/$d && mount -t ext4 /dev/$d /mnt &&
		dd if=/dev/urandom of=/tmp/data bs=1M count=8 2>/dev/null &&
		cp /tmp/data /mnt/data && (cd /tmp && sha256sum data) >/mnt/sum &&
		sync && echo 3 >/proc/sys/vm/drop_caches &&
		(cd /mnt && sha256sum -c sum)"
	step "Guest: unmount, mount again, verify again"
	guest_do demo "umount /mnt && mount -t ext4 /dev/$d /mnt &&
		cmp /mnt/data /tmp/data && (cd /mnt && sha256sum -c sum) && umount /mnt"
done

step "dom0: the disk counted $(( $(disk_reads "$disk") - reads )) reads and $(( $(disk_writes "$disk") - writes )) writes; the DMA disk $(( $(disk_writes "$dma") - dma_writes )) writes"
[ "$(disk_writes "$disk")" -gt "$writes" ] || fail "no writes reached $disk"
[ "$(disk_reads "$disk")" -gt "$reads" ] || fail "no reads reached $disk"
[ "$(disk_writes "$dma")" -gt "$dma_writes" ] || fail "no writes reached $dma"

for d in "vda $disk" "vdb $dma"; do
	guest_value demo "echo 3 >/proc/sys/vm/drop_caches; sha256sum </dev/${d% *} | cut -d' ' -f1"
	sum=$(disk_sha "${d#* }")
	step "SHA-256 of ${d% *}: guest $VALUE"
	step "        of ${d#* }: dom0 $sum"
	[ "$VALUE" = "$sum" ] || fail "the guest reads other data than ${d#* } has"
done

step "Throughput (emulated processors, so only a sign of life):"
guest_sh demo 'vbio mix /dev/vda 32 3 4096 4 && vbio mix /dev/vda 32 3 65536 4' \
	>/tmp/rates || fail "throughput run"
[ "$(grep -c 'vbio: mix' /tmp/rates)" = 2 ] || fail "throughput: two lines expected"
sed -n 's/.*vbio: /## /p' /tmp/rates
guest_sane demo

step "Destroying the guest"
destroy demo
nothing_left "$disk" "$dma"
step "Nothing is left: no domain, no device, both disks can be opened exclusively"
null_disk_remove nb0
unload
step "rmmod virtback: done"
