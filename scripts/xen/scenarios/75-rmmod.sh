# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# rmmod is refused while a guest has a device; afterwards it leaves nothing.

load
ram_disk 0
create "$(tiny_config t "$(disk_line /dev/ram0 xvda w)")" -p
id=$(guest_id t)
if rmmod virtback 2>/tmp/err; then
	fail "rmmod took the module from under domain $id"
fi
note "$(cat /tmp/err)"
# kmod's rmmod prints the holders, busybox's does not.
[ -e "/sys/module/virtback/holders/dom$id:2000000" ] ||
	fail "the module's holders do not name the guest"
dmesg | grep "virtback: dom$id\.2000000:.*in use" | tail -n 1 | grep . ||
	fail "no line of the log names the guest that keeps the module"
[ "$(nr_devices "$id.")" = 1 ] || fail "the device is gone"
destroy t
nothing_left /dev/ram0
unload
[ ! -e $SYS ] || fail "$SYS is left"
! grep virtback /proc/interrupts || fail "interrupts are left"
! loaded || fail "the module is left"
# And once more, from the start.
load
create "$(tiny_config t "$(disk_line /dev/ram0 xvda w)")" -p
destroy t
nothing_left /dev/ram0
unload
