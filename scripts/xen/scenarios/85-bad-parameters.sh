# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Bad parameters: an errno, one line in the log, nothing half made.

load
create "$(tiny_config t -- 'vuart = "sbsa_uart"')" -p
id=$(guest_id t)
good="domid=$id base=0x2000000 irq=33 backing=/dev/ram0"
count=0

# bad <errno text> <word of the line> <options>
bad()
{
	local lines

	count=$(( count + 1 ))
	mark_log
	if sh -c 'echo "$1" >'$SYS/add _ "$3" 2>/tmp/err; then
		fail "accepted: $3"
	fi
	grep -q "$1" /tmp/err || fail "$3: $(cat /tmp/err), not $1"
	log_since_mark >/tmp/lines
	lines=$(wc -l </tmp/lines)
	[ "$lines" = 1 ] || { cat /tmp/lines; fail "$3: $lines lines in the log"; }
	grep -q "$2" /tmp/lines || fail "$3: no '$2' in: $(cat /tmp/lines)"
	note "$1: $(sed 's/.*virtback: //' /tmp/lines)"
	[ "$(nr_devices)" = 0 ] || fail "$3: a device is there"
	disk_free /dev/ram0 || fail "$3: the disk is still open"
}

bad 'Invalid argument' backing "domid=$id base=0x2000000 irq=33"
bad 'Invalid argument' base "domid=$id irq=33 backing=/dev/ram0"
bad 'Invalid argument' irq "domid=$id base=0x2000000 backing=/dev/ram0"
bad 'Invalid argument' nonsense "$good nonsense=1"
bad 'Invalid argument' irq "domid=$id base=0x2000000 irq=33x backing=/dev/ram0"
bad 'Invalid argument' irq "domid=$id base=0x2000000 irq=5 backing=/dev/ram0"
bad 'Invalid argument' irq "domid=$id base=0x2000000 irq=5000 backing=/dev/ram0"
bad 'Invalid argument' 'base: not a multiple of 4' "domid=$id base=0x2000001 irq=33 backing=/dev/ram0"
bad 'Invalid argument' domid "domid=0 base=0x2000000 irq=33 backing=/dev/ram0"
bad 'Invalid argument' domid "domid=32752 base=0x2000000 irq=33 backing=/dev/ram0"
bad 'Invalid argument' domid "domid=99999999999 base=0x2000000 irq=33 backing=/dev/ram0"
bad 'No such process' 'dom3000' "domid=3000 base=0x2000000 irq=33 backing=/dev/ram0"
bad 'No such file' /dev/none "domid=$id base=0x2000000 irq=33 backing=/dev/none"
bad 'Block device required' backing "domid=$id base=0x2000000 irq=33 backing=/dev/null"
bad 'Invalid argument' serial "$good serial=123456789012345678901"
bad 'Invalid argument' readonly "$good readonly=perhaps"
bad 'Invalid argument' domid "$good domid=$id"
bad 'Invalid argument' queues "$good queues=0"
bad 'Invalid argument' 'queues=65: out of range, 1 to 64' "$good queues=65"
bad 'Invalid argument' queues "$good queues=2 features_off=mq"
bad 'Invalid argument' queue_size "$good queue_size=0"
bad 'Invalid argument' queue_size "$good queue_size=65536"
bad 'Invalid argument' features_off "$good features_off=colour"
bad 'Invalid argument' features_off "$good features_off=mq,mq"
bad 'Invalid argument' version_1 "$good features_off=version_1"
bad 'Invalid argument' 'ro cannot' "$good readonly=1 features_off=ro"
bad 'Invalid argument' indirect_desc "$good queue_size=2 features_off=indirect_desc"
mke2fs -F /dev/ram1 >/dev/null
modprobe ext4
mount -t ext4 /dev/ram1 /mnt
bad 'busy' ram1 "domid=$id base=0x2000000 irq=33 backing=/dev/ram1"
umount /mnt

# One line as well, whatever is written; the newline of echo does not cut it.
for s in map_limit_mb=99999 grant_map_kb=1025 latency=perhaps defaults=domid=3; do
	mark_log
	if sh -c 'echo "$1" >"$2"' _ "${s#*=}" "/sys/module/virtback/parameters/${s%%=*}" 2>/dev/null; then
		fail "accepted: $s"
	fi
	log_since_mark | grep -q "virtback: $s: .*[a-z]" || fail "no reason for $s: $(log_since_mark)"
done
bad 'Invalid argument' 'queues=0' "$(printf '%s\nqueues=0\nvirtback: dom9.1: all is well' "$good")"

# After all this the good one works, and a second of its name is refused.
echo "$good" >$SYS/add || fail "the good options are refused"
mark_log
if sh -c 'echo "$1" >'$SYS/add _ "domid=$id base=0x2000000 irq=34 backing=/dev/ram2" 2>/tmp/err; then
	fail "two devices in one window"
fi
grep -q 'File exists' /tmp/err || fail "$(cat /tmp/err), not EEXIST"
[ "$(log_since_mark | wc -l)" = 1 ] || fail "not one line for EEXIST"
# A window that overlaps it is refused as well.
if sh -c 'echo "$1" >'$SYS/add _ "domid=$id base=0x2000100 irq=34 backing=/dev/ram2" 2>/tmp/err; then
	fail "overlapping windows"
fi
[ "$(nr_devices)" = 1 ] || fail "$(nr_devices) devices, not 1"
# Its interrupt is taken as well, and where the guest's memory is nothing traps.
refused()
{
	mark_log
	if sh -c 'echo "$1" >'$SYS/add _ "$2" 2>/tmp/err; then
		fail "accepted: $2"
	fi
	grep -q "$1" /tmp/err || fail "$2: $(cat /tmp/err), not $1"
	[ "$(log_since_mark | wc -l)" = 1 ] || fail "not one line for: $2"
	note "$1: $(log_since_mark | sed 's/.*virtback: //')"
}
refused 'File exists' "domid=$id base=0x2000200 irq=33 backing=/dev/ram2"
refused 'busy' "domid=$id base=0x40000000 irq=34 backing=/dev/ram2"
[ "$(nr_devices)" = 1 ] || fail "$(nr_devices) devices, not 1"
echo "domid=$id base=0x2000200 irq=34 backing=/dev/ram2 cpus=0 priority=5" >$SYS/add ||
	fail "the second good options are refused"
[ "$(cat $SYS/dom"$id".2000200/cpus)" = 0 ] || fail "cpus: $(cat $SYS/dom"$id".2000200/cpus)"
echo 3 >$SYS/dom"$id".2000200/priority
[ "$(cat $SYS/dom"$id".2000200/priority)" = 3 ] || fail "priority did not change"
# The default of the module can be put back.
p=/sys/module/virtback/parameters/map_limit_mb
echo 64 >$p && [ "$(cat $p)" = 64 ] && echo 0 >$p && [ "$(cat $p)" = 0 ] ||
	fail "map_limit_mb cannot be set and put back"
note "$count bad strings refused"
destroy t
nothing_left /dev/ram0 /dev/ram1 /dev/ram2
unload
