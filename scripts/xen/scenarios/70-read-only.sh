# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A disk of mode r stays unwritten, whatever the guest does.

load
dma_disk
dd if=/dev/urandom of="$DISK" bs=1M count=24 conv=fsync 2>/dev/null
vbio write "$DISK" 16 77 >/dev/null
sum=$(disk_sha "$DISK")
writes=$(disk_writes "$DISK")
guest ro "$(disk_line "$DISK" xvda r)"
guest_do ro '[ "$(cat /sys/block/vda/ro)" = 1 ]'
guest_do ro 'vbio verify /dev/vda 16 77'
guest_do ro '! vbio write /dev/vda 16 1'
guest_do ro '! dd if=/dev/zero of=/dev/vda bs=4k count=1 conv=fsync'
guest_do ro 'blockdev --setrw /dev/vda; dd if=/dev/zero of=/dev/vda bs=4k count=1 conv=fsync; true'
[ "$(disk_writes "$DISK")" = "$writes" ] || fail "writes reached the disk"
[ "$(disk_sha "$DISK")" = "$sum" ] || fail "the disk changed"
destroy ro
nothing_left "$DISK"
unload
