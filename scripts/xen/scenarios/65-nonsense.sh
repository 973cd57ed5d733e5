# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A guest that writes nonsense to the registers harms itself alone.

load
ram_disk 0
ram_disk 1
vbio write /dev/ram1 16 12 >/dev/null
cfg=$(guest_config n "$(disk_line /dev/ram0 xvda w)" "$(disk_line /dev/ram1 xvdb w)")
sed -i "s/rdinit/vb.bare rdinit/" "$cfg"
create "$cfg"
guest_ready n

# Every register of the first disk, with every width, in no sensible order.
guest_do n 'for v in 0xffffffff 0 0x80000001 0x7; do
	for o in 0 16 20 32 36 48 56 68 80 96 100 112 128 132 144 148 160 164 176 252 256 300 508; do
		a=$((0x2000000 + o));
		devmem $a 32 $v; devmem $a 32 >/dev/null;
		devmem $a 8 1; devmem $a 16 1; devmem $a 64 1;
		devmem $((a + 1)) 8 >/dev/null; devmem $a 64 >/dev/null;
	done; done; echo written'
# A queue whose rings are nowhere, started and kicked.
guest_do n 'w() { devmem $((0x2000000 + $1)) 32 $2; };
	w 112 0; w 112 1; w 112 3; w 36 1; w 32 1; w 36 0; w 32 0; w 112 11;
	w 48 0; w 56 256; w 128 0xfffff000; w 132 0xffffffff; w 144 0x10; w 148 0x7fffffff;
	w 160 0x2000000; w 164 0; w 68 1; w 112 15; w 80 0; w 80 77; w 80 0;
	echo "status $(devmem $((0x2000000 + 112)) 32)"'
note "dom0 says: $(cat "$SYS/dom$(guest_id n).2000000/state"), $(cat "$SYS/dom$(guest_id n).2000000/bad_accesses") bad accesses"
[ "$(cat "$SYS/dom$(guest_id n).2000000/bad_accesses")" -gt 0 ] || fail "no bad access was counted"

# The other disk never noticed, and a reset makes the first one good again.
guest_do n 'devmem $((0x2000000 + 112)) 32 0; modprobe virtio_mmio; modprobe virtio_blk;
	vbio verify /dev/vdb 4 12 && vbio write /dev/vda 4 13 && vbio verify /dev/vda 4 13'
guest_sane n
destroy n
nothing_left /dev/ram0 /dev/ram1
unload
