# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Watching a guest at work: each trace event comes, with its fields; the latency
# histograms fill and can be reset; uevents tell what the driver does.
# kernel: grants

DBG=/sys/kernel/debug
T=/sys/kernel/tracing

trace_begin()
{
	echo 0 >$T/tracing_on
	echo 8192 >$T/buffer_size_kb
	echo >$T/trace
	echo 1 >$T/events/virtback/enable
	echo 1 >$T/tracing_on
}

trace_end()
{
	echo 0 >$T/tracing_on
	echo 0 >$T/events/virtback/enable
	cat $T/trace >/tmp/trace
	echo >$T/trace
}

# saw <event> <pattern of its fields>
saw()
{
	local line

	line=$(grep -E " virtback_$1: $2\$" /tmp/trace | tail -n 1)
	if [ -z "$line" ]; then
		grep " virtback_$1: " /tmp/trace | tail -n 3 | sed 's/^/# /'
		fail "no event virtback_$1 with: $2"
	fi
	note "$(echo "$line" | sed 's/.*: virtback_/virtback_/')"
}

# The sum of a stage's counts, of all queues.
stage()
{
	awk -v s="$2" '$2 == s { n += $4 } END { print n + 0 }' "$DBG/virtback/$1/latency"
}

grep -q " $DBG " /proc/mounts || mount -t debugfs debugfs $DBG
grep -q " $T " /proc/mounts || mount -t tracefs tracefs $T
uevent sh -c '[ "$SUBSYSTEM" != virtback ] || echo "$ACTION $VIRTBACK_DOMID $VIRTBACK_STATE" >>/tmp/uevents' &
listener=$!
: >/tmp/uevents

load
[ "$(ls -d $T/events/virtback/virtback_* | wc -l)" = 14 ] ||
	fail "there are other events than this scenario knows"
# So little that a guest that reads its disk makes the module let go of some.
echo 24 >/sys/module/virtback/parameters/map_limit_mb
null_disk nb0 96
trace_begin
guest o "$(disk_line /dev/nb0 xvda w)"
id=$(guest_id o)
dev=dom$id.2000000
# What a balloon takes from the guest Xen tells with an INVALIDATE.
xenstore-write "/local/domain/$id/memory/target" $(( 184 * 1024 ))
has_less()
{
	[ "$(xl list o | awk 'NR == 2 { print $3 }')" -le 184 ]
}
wait_for "$WAIT" "the guest to give memory back" has_less
[ "$(cat "$SYS/$dev/xen/invalidations")" -gt 0 ] || fail "Xen did not tell of it"
# What is mapped from now on stays until something has to make room.
sleep 2
guest_do o 'dd if=/dev/vda of=/dev/null bs=1M 2>/dev/null'
trace_end
[ "$(cat "$SYS/$dev/xen/evictions")" -gt 0 ] || fail "nothing had to be evicted"
w="dom$id\\.2000000"
saw mmio_read "$w offset=0x000 value=0x74726976 width=4"
saw mmio_write "$w offset=0x070 value=0xf width=4"
saw xen_map "dom$id gfn=0x[0-9a-f]+ nr_pages=16 mapped=0x[0-9a-f]+"
saw xen_invalidate "dom$id generation=[0-9]+"
saw xen_evict "dom$id gfn=0x[0-9a-f]+ nr_pages=16 mapped=0x[0-9a-f]+"
saw xen_unmap "dom$id gfn=0x[0-9a-f]+ nr_pages=16 mapped=0x[0-9a-f]+"

# A known request: 4 KiB at 8 MiB.
cat "$SYS/$dev"/vq*/sectors_written | awk '{ n += $1 } END { print n }' >/tmp/before
trace_begin
guest_do o 'dd if=/dev/zero of=/dev/vda bs=4k seek=2048 count=1 conv=fsync 2>/dev/null'
trace_end
saw mmio_write "$w offset=0x050 value=0x[01] width=4"
saw kick "$w queue=[01]"
saw request_start "$w queue=[01] head=[0-9]+ out=4112 in=1"
saw blk_submit "$w queue=[01] head=[0-9]+ [0-9]+,[0-9]+ WS 16384 \\+ 8"
saw blk_complete "$w queue=[01] head=[0-9]+ [0-9]+,[0-9]+ WS 16384 \\+ 8 \\[0\\] status=0"
saw request_complete "$w queue=[01] head=[0-9]+ len=1 lost=0"
saw interrupt "$w isr=1 repeat=0"
saw mmio_write "$w offset=0x064 value=0x1 width=4"
[ "$(cat "$SYS/$dev"/vq*/sectors_written | awk '{ n += $1 } END { print n }')" = \
	$(( $(cat /tmp/before) + 8 )) ] || fail "not 8 sectors counted"

# The histograms.
l=$DBG/virtback/$dev/latency
[ "$(head -n 1 "$l")" = "# unit: ns" ] || fail "$l begins with: $(head -n 1 "$l")"
! sed 1d "$l" | grep -vE '^(- trap|[01] (submit|complete|interrupt)) [0-9]+ [0-9]+$' ||
	fail "lines of an unknown form"
echo >"$l"
[ "$(wc -l <"$l")" = 1 ] || { cat "$l"; fail "a reset leaves something"; }
guest_do o 'vbio write /dev/vda 2 1 4096 1'
for s in trap submit complete interrupt; do
	note "$s: $(stage "$dev" $s)"
	[ "$(stage "$dev" $s)" -gt 0 ] || fail "no $s was counted"
done
[ "$(stage "$dev" complete)" -ge 512 ] || fail "not every request was counted"
sed 's/^/# /' "$l"
# Switched off nothing is counted.
echo 0 >/sys/module/virtback/parameters/latency
echo >"$l"
guest_do o 'vbio write /dev/vda 1 1 4096 1'
[ "$(wc -l <"$l")" = 1 ] || fail "counted although it is off"
echo 1 >/sys/module/virtback/parameters/latency

# Three traps a request, by register.
note "traps: $(cd "$SYS/$dev/traps" && grep . -- * | tr '\n' ' ')"
[ "$(cat "$SYS/$dev/traps/queue_notify")" = \
	"$(cat "$SYS/$dev"/vq*/kicks | awk '{ n += $1 } END { print n }')" ] ||
	fail "kicks and traps of QueueNotify differ"

# A control group takes the workers, as design.rst has it.
mkdir -p /tmp/cgroup
if mount -t cgroup2 none /tmp/cgroup; then
	mkdir /tmp/cgroup/vb
	for p in "$SYS/$dev"/vq*/pid; do
		cat "$p" >/tmp/cgroup/vb/cgroup.procs || fail "a control group refuses a worker"
	done
	[ "$(wc -l </tmp/cgroup/vb/cgroup.procs)" = 2 ] || fail "the workers are not in their group"
	guest_do o 'vbio write /dev/vda 1 1 4096 1'
	note "the workers are in a control group"
else
	note "dom0 has no control groups"
fi
trace_begin
destroy o
nothing_left /dev/nb0
trace_end
saw xen_unmap "dom$id .*"
wait_for 30 "the uevent of its end" grep -qE "^remove $id " /tmp/uevents
kill $listener
sed 's/^/# uevent: /' /tmp/uevents
grep -qx "add $id reset" /tmp/uevents || fail "no uevent of the device's appearance"
grep -qx "change $id driver-ok" /tmp/uevents || fail "no uevent of its driver's start"
null_disk_remove nb0
[ ! -d /tmp/cgroup/vb ] || { rmdir /tmp/cgroup/vb && umount /tmp/cgroup; } ||
	fail "the control group is still in use"

# What is granted.
ram_disk 0
ram_disk 1
GUEST_IMAGE=/vb/Image-grants
create "$(guest_config g -- 'device_tree = "/vb/virtio-grant-node.dtb"' \
	'vuart = "sbsa_uart"')" -p
id=$(guest_id g)
trace_begin
for n in 0 1; do
	echo "domid=$id base=0x2000${n}00 irq=$(( 33 + n )) backing=/dev/ram$n mapping=grant" |
		sed 's/0x2000100/0x2000200/' >$SYS/add || fail "mapping=grant is refused"
done
xl unpause g
guest_ready g
guest_do g 'vbio write /dev/vda 1 3'
trace_end
saw xen_grant_map "dom$id\\.2000000 gref=[0-9]+ nr_pages=[0-9]+ \\[0\\]"
saw xen_grant_copy "dom$id\\.2000000 nr=[0-9]+ \\[0\\]"
destroy g
nothing_left /dev/ram0 /dev/ram1
unload
