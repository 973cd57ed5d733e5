# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# virtbackctl as a person uses it, with busybox's sh and awk: add, list, show, set, swap
# the disk, stats, top and latency under I/O, what is refused and why, doctor, remove.

# says <status> <what> <command>...: it ends so, and its output on stdout or stderr has this
says()
{
	local rc=0 status=$1 want=$2

	shift 2
	"$@" >/tmp/said 2>&1 || rc=$?
	[ $rc = "$status" ] && grep -q -- "$want" /tmp/said && return 0
	sed 's/^/# /' /tmp/said
	fail "\"$*\" ended with $rc, not $status, or does not say: $want"
}

step "Without the module"
says 3 "module virtback is not loaded" virtbackctl list
says 1 "^fail  module: virtback" virtbackctl doctor

ram_disk 0
ram_disk 1
load
for n in cta ctb; do
	dmsetup create $n --table "0 65536 linear /dev/ram0 0"
done
dmsetup mknodes
says 0 "DEVICE .*BACKING" virtbackctl list
create "$(guest_config h -- 'device_tree = "/vb/virtio-node.dtb"' \
	'vuart = "sbsa_uart"')" -p
id=$(guest_id h)

step "add, and what is refused"
dev=$(virtbackctl add domid=h base=0x2000000 irq=33 backing=/dev/mapper/cta) ||
	fail "add failed"
[ "$dev" = "dom$id.2000000" ] || fail "add printed \"$dev\""
second="domid=$id base=0x2000200 irq=34"
# shellcheck disable=SC2086
says 1 "the kernel says: dom$id.2000200: backing=/dev/nowhere" \
	virtbackctl add $second backing=/dev/nowhere
grep -q "backing=/dev/nowhere: No such file" /tmp/said || fail "the error is not named"
# shellcheck disable=SC2086
says 1 "the kernel says: .*queues" virtbackctl add $second backing=/dev/ram1 queues=65
# shellcheck disable=SC2086
virtbackctl add $second backing=none || fail "no placeholder"
xl unpause h
guest_ready h
says 0 "^$dev  *$id (h)  *driver-ok  *rw  *32M  *2  */dev/mapper/cta" virtbackctl list
sed 's/^/# /' /tmp/said

step "show and set"
says 0 "^  backing  */dev/mapper/cta" virtbackctl show "$dev"
grep -q "^  xen\$" /tmp/said || fail "show does not show what the host counts"
says 0 "\"kicks\":" virtbackctl show --json "$dev"
virtbackctl set --module map_limit_mb=256 || fail "the parameter cannot be set"
says 0 "map_limit_mb  *256" virtbackctl show --module
says 1 "the kernel says: map_limit_mb=99999: out of range" virtbackctl set --module map_limit_mb=99999
says 2 "can be set: .*backing" virtbackctl set "$dev" serial=x
says 4 "no such device" virtbackctl set dom99.1 backing=/dev/ram1
says 1 "the kernel says: .*nowhere" virtbackctl set "dom$id.2000200" backing=/dev/nowhere
virtbackctl set "dom$id.2000200" backing=/dev/ram1 || fail "the placeholder got no disk"

step "Swap the disk, stats, top and latency while I/O runs"
guest_send h 'n=0; until [ $n = 12 ]; do n=$((n + 1));
	vbio write /dev/vda 4 $n 16384 4 && vbio verify /dev/vda 4 $n 16384 4 || exit 1; done'
io=$CMD
virtbackctl set "$dev" backing=/dev/mapper/ctb || fail "the disk was not swapped"
virtbackctl top -b -n 2 -d 1 >/tmp/top || fail "top failed"
sed 's/^/# /' /tmp/top
[ "$(grep -c '^DEVICE' /tmp/top)" = 2 ] || fail "top did not print two tables"
grep -q "^$dev  *driver-ok  *[1-9]" /tmp/top || fail "top shows no requests"
says 0 '"requests_per_s":' virtbackctl top -n 1 -d 0.5 --json "$dev"
wait_for "$WAIT" "the guest's I/O" grep -aq "@@$io rc=[0-9]" "$LOGS/guest-h.log"
tr -d '\r' <"$LOGS/guest-h.log" | grep -q "@@$io rc=0" || fail "verified I/O failed"
says 0 "^  completed  *[1-9]" virtbackctl stats "$dev"
sed 's/^/# /' /tmp/said
grep -q "^  xen/traps  *[1-9]" /tmp/said || fail "no traps are counted"
says 0 "\"queues\":{\"vq0\":" virtbackctl stats --json "$dev"
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null || note "no debugfs"
if [ -r "/sys/kernel/debug/virtback/$dev/latency" ]; then
	says 0 "complete .*times" virtbackctl latency "$dev"
else
	says 1 "no histograms" virtbackctl latency "$dev"
fi
sed 's/^/# /' /tmp/said
says 0 "^xen  *[1-9]" virtbackctl version

step "doctor"
virtbackctl doctor >/tmp/doctor || { sed 's/^/# /' /tmp/doctor; fail "doctor finds fault"; }
sed 's/^/# /' /tmp/doctor
for what in "^ok *kernel:" "^ok *Xen:" "^ok *IOREQ servers:" "^ok *toolstack:" "^0 wrong"; do
	grep -q "$what" /tmp/doctor || fail "doctor does not say $what"
done

step "remove"
says 1 "the kernel says: .*a running guest uses it" virtbackctl remove "$dev"
guest_sane h
destroy h
nothing_left /dev/ram1
wait_for 20 "the devices to go" no_device
says 4 "no such device" virtbackctl remove "$dev"
create "$(tiny_config t -- 'vuart = "sbsa_uart"')" -p
dev=$(virtbackctl add domid=t base=0x2000000 irq=33 backing=/dev/mapper/cta readonly=1) ||
	fail "add failed"
says 0 "^$dev .* ro " virtbackctl list
virtbackctl remove --force "$dev" || fail "remove --force failed"
[ -z "$(devices)" ] || fail "it is still there"

step "what the doctor prescribes helps"
dev=$(virtbackctl add domid=t base=0x2000000 irq=33 backing=none) || fail "add failed"
says 0 "^info *$dev: has no disk yet" virtbackctl doctor
remedy=$(sed -n "s/^ *-> \\(virtbackctl set $dev .*\\)PATH\$/\\1/p" /tmp/said)
[ -n "$remedy" ] || fail "no remedy is told"
$remedy/dev/ram1 || fail "the remedy is refused: $remedy"
virtbackctl doctor >/tmp/doctor || fail "doctor finds fault"
! grep "$dev: has no disk" /tmp/doctor || fail "it did not help"
virtbackctl remove --force "$dev" || fail "remove --force failed"
[ -z "$(devices)" ] || fail "it is still there"
destroy t
nothing_left
dmsetup remove cta
dmsetup remove ctb
unload
