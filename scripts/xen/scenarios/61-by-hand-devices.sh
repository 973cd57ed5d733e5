# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# insmod devices= for several; one that is bad makes none of its own.

create "$(tiny_config t -- 'vuart = "sbsa_uart"')" -p
id=$(guest_id t)
load devices="domid=$id base=0x2000000 irq=33 backing=/dev/ram0 queues=1 map_limit_mb=32; domid=$id base=0x2000200 irq=34 backing=/dev/ram1 queues=1"
devices | sed 's/^/# /'
[ "$(nr_devices "$id.")" = 2 ] || fail "$(nr_devices "$id.") devices, not 2"
# Insmod passes no quotes on, and this option is a parameter of the module, too.
[ "$(cat "$SYS/dom$id.2000000/map_limit_mb")" = 32 ] || fail "no map_limit_mb of the first device"
[ "$(cat "$SYS/dom$id.2000200/xen/map_limit_mb")" = 32 ] || fail "another limit is in force"
[ "$(cat /sys/module/virtback/parameters/map_limit_mb)" = 0 ] || fail "the default was set"
# The same disk again is refused: two writers would ruin it.
if echo "domid=$id base=0x2000400 irq=35 backing=/dev/ram1" >$SYS/add; then
	fail "/dev/ram1 was given twice"
fi
[ "$(nr_devices "$id.")" = 2 ] || fail "$(nr_devices "$id.") devices, not 2"
destroy t
nothing_left /dev/ram0 /dev/ram1
unload
