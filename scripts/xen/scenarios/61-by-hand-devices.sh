# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# insmod devices= for several; one that is bad makes none of its own. A disk that is refused
# changes nothing for those that are there.

# refused <what is wrong> <text in the log> <options of the disk>: and the limit stays
refused()
{
	local now

	mark_log
	! echo "domid=$id backing=/dev/ram2 $3" >$SYS/add 2>/dev/null || fail "$1: a disk is there"
	log_since_mark | grep -q "$2" || { log_since_mark; fail "$1: not the reason in the log"; }
	now=$(cat "$SYS/dom$id.2000200/xen/map_limit_mb")
	[ "$now" = 32 ] || fail "$1: the limit of the others is $now"
}

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
refused "an interrupt twice" "irq: 34 is that of" "base=0x2000400 irq=34 map_limit_mb=64"
refused "windows that overlap" "base: another device's" "base=0x2000300 irq=35 map_limit_mb=64"
refused "a window in memory" "base: the guest has" "base=0x40000000 irq=35 map_limit_mb=64"
refused "a limit too low" "map_limit_mb: too low" "base=0x2000400 irq=35 queues=4 map_limit_mb=33"
# What was refused has kept neither its interrupt nor its window.
echo "domid=$id backing=/dev/ram2 base=0x2000400 irq=35 queues=1 map_limit_mb=64" >$SYS/add ||
	fail "no third disk"
[ "$(cat "$SYS/dom$id.2000200/xen/map_limit_mb")" = 64 ] || fail "the largest limit does not count"
echo "dom$id.2000400 force=1" >$SYS/remove || fail "the third disk cannot be removed"
[ "$(cat "$SYS/dom$id.2000200/xen/map_limit_mb")" = 32 ] || fail "the limit of a disk that is gone counts"
destroy t
nothing_left /dev/ram0 /dev/ram1 /dev/ram2
unload
