# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# By hand: a guest whose partial device tree names the windows.

ram_disk 0
ram_disk 1
# The emulated UART makes libxl give interrupt lines to a guest without disks.
create "$(guest_config h -- 'device_tree = "/vb/virtio-node.dtb"' \
	'vuart = "sbsa_uart"')" -p
id=$(guest_id h)
load backing=/dev/ram0 domid="$id" base=0x2000000 irq=33
[ -d "$SYS/dom$id.2000000" ] || fail "no $SYS/dom$id.2000000"
echo "domid=$id base=0x2000200 irq=34 backing=/dev/ram1" >$SYS/add
[ -d "$SYS/dom$id.2000200" ] || fail "no $SYS/dom$id.2000200"
[ "$(cat "$SYS/dom$id.2000200/backing")" = /dev/ram1 ] || fail "backing is wrong"
xl unpause h
guest_ready h
guest_do h 'for d in vda vdb; do
	vbio write /dev/$d 4 3 && vbio verify /dev/$d 4 3 16384 || exit 1; done'
guest_sane h
destroy h
nothing_left /dev/ram0 /dev/ram1
unload
