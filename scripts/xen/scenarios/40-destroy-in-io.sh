# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# xl destroy in the middle of I/O leaves nothing, and the disk is good.

load
ram_disk 0
null_disk nb0 32
null=$DISK
dma_disk
dma=$DISK
guest d "$(disk_line /dev/ram0 xvda w)" "$(disk_line "$null" xvdb w)" \
	"$(disk_line "$dma" xvdc w)"
before=$(disk_writes "$dma")

fifty_writes()
{
	[ "$(disk_writes "$dma")" -gt $(( before + 50 )) ]
}

guest_send d 'for d in vda vdb vdc; do vbio mix /dev/$d 32 300 4096 4 & done; wait'
wait_for 60 "writes to arrive" fifty_writes
before=$(disk_writes "$dma")
sleep 1
note "$(( $(disk_writes "$dma") - before )) writes in the second before xl destroy"
[ "$(disk_writes "$dma")" -gt "$before" ] || fail "no I/O under way"
destroy d
nothing_left /dev/ram0 "$null" "$dma"
# Nothing of the dead guest arrives later.
before=$(disk_writes "$dma")
sleep 2
[ "$(disk_writes "$dma")" = "$before" ] || fail "writes after the end of the guest"
vbio write "$dma" 16 1 | sed 's/^/# /'
vbio verify "$dma" 16 1 >/dev/null || fail "$dma is no good"
null_disk_remove nb0
unload
