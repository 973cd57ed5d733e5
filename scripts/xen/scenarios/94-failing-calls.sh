# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Each call in turn fails that making and removing a guest's disk takes: hypercalls, event
# channels, interrupts, address space (scripts/xen/failing). Each time the disk is refused
# with the reason, or works without; nothing is held afterwards, and another guest's I/O
# goes on. With FAILING_ALLOC=1 so do allocations, which takes minutes.
# Then calls fail that the requests of that other guest take.
# At last a guest that runs gets its first disk while its vCPUs wait in Xen for answers.
# slow: a minute, or four with allocations, so only when it is named
# timeout: 1800

F=/sys/module/failing/parameters
KINDS=$(( 1 + 2 + 4 + 8 + 16 + 32 * ${FAILING_ALLOC:-0} + 64 ))

held()
{
	echo "$(cat $F/held), interrupts $(grep -c . /proc/interrupts)," \
		"devices $(nr_devices), users $(cat /sys/module/virtback/refcnt)"
}

# nothing_held <after what>
nothing_held()
{
	local i

	for i in $(seq 50); do
		[ "$(held)" != "$before" ] || return 0
		sleep 0.1
	done
	note "before: $before"
	note "now: $(held)"
	fail "$1 ($(cat $F/failed) failed): something is left"
}

device_gone()
{
	[ ! -e "$SYS/$name" ]
}

remove_it()
{
	echo "$name force=1" >$SYS/remove || fail "$name cannot be removed"
	device_gone || fail "$name is left"
}

# failing_creations <what> <how often it is refused at least>
# The shell itself writes to "add", so its calls are counted.
failing_creations()
{
	local n=0 refused=0 left rc=0

	echo 0 >$F/after
	while :; do
		n=$(( n + 1 ))
		rc=0
		mark_log
		echo $n >$F/nth
		echo "$add" >$SYS/add 2>/dev/null || rc=1
		left=$(cat $F/nth)
		echo 0 >$F/nth
		[ "$left" = 0 ] || break
		[ $n -lt 500 ] || fail "$1: there is no end"
		if [ $rc = 0 ]; then
			note "without $(cat $F/failed) it is made"
			remove_it
		else
			refused=$(( refused + 1 ))
			device_gone || fail "$1 $n: $name is left"
			log_since_mark | grep -Eq "virtback: .*([(:] *-12|no memory|out of memory)" ||
				fail "$1 $n: no reason in the log ($(cat $F/failed))"
		fi
		nothing_held "$1 $n"
	done
	[ $rc = 0 ] || fail "$1: it fails without a failure"
	[ $refused -ge "$2" ] || fail "$1: only $refused times it was refused"
	remove_it
	nothing_held "$1, removed"
	note "$1: $(( n - 1 )) calls failed, $refused times it was refused"
}

# failing_removals <what>: the calls are done, and say that they were not, or the guest
# would stay for ever. It has to be removed all the same.
failing_removals()
{
	local n=0 left

	echo 1 >$F/after
	while :; do
		n=$(( n + 1 ))
		echo "$add" >$SYS/add || fail "$1 $n: it cannot be made"
		echo $n >$F/nth
		remove_it
		left=$(cat $F/nth)
		echo 0 >$F/nth
		nothing_held "$1 $n"
		[ "$left" = 0 ] || break
		[ $n -lt 100 ] || fail "$1: there is no end"
	done
	note "$1: $(( n - 1 )) calls failed"
	[ $n -gt 1 ] || fail "$1: nothing failed"
}

# All of it, with a guest that never runs.
pass()
{
	local f

	f=$(tiny_config h -- 'device_tree = "/vb/virtio-node.dtb"' 'vuart = "sbsa_uart"')
	sed -i 's/^vcpus.*/vcpus = 2/' "$f"
	create "$f" -p
	id=$(guest_id h)
	echo "$id" >$F/guest
	echo $KINDS >$F/kinds
	name=dom$id.2000000
	add="domid=$id base=0x2000000 irq=33 backing=/dev/ram0 mapping=foreign"
	# Once with what stays.
	echo -1 >$F/nth
	echo "$add" >$SYS/add || fail "no device"
	remove_it
	before=$(held)
	note "$before"
	failing_creations "first disk" 10
	failing_removals "only disk, removed"
	# Beside another disk, so with the guest's IOREQ server, which has to stay.
	echo "domid=$id base=0x2000200 irq=34 backing=none" >$SYS/add || fail "no other device"
	echo 128 >/sys/module/virtback/parameters/grant_map_kb
	add="domid=$id base=0x2000000 irq=33 backing=/dev/ram0 mapping=grant"
	before=$(held)
	note "$before"
	failing_creations "second disk" 3
	failing_removals "one of two disks, removed"
	echo "dom$id.2000200 force=1" >$SYS/remove || fail "the other device cannot be removed"
	destroy h
	wait_for 30 "h to be gone" guest_gone h
	wait_for 30 "/dev/ram0 to be closed" disk_free /dev/ram0
	freed "$id" || fail "h cannot be freed"
}

# Both vCPUs of that guest go on.
going()
{
	guest_do r 'for n in 0 1; do wc -c </tmp/r$n >/tmp/r$n.last || exit 1; done; sleep 0.5;
		for n in 0 1; do [ "$(wc -c </tmp/r$n)" -gt "$(cat /tmp/r$n.last)" ] || exit 1; done'
}

log_has()
{
	log_since_mark | grep -q "$1"
}

# refused <kinds> <command> <nth> <times>: the guest's disk cannot be made, for these calls fail
refused()
{
	mark_log
	echo $(( gfn )) >$F/gfn
	gfn=$(( gfn + 1 ))
	echo "$1" >$F/kinds
	echo "$2" >$F/command
	echo "$4" >$F/times
	echo "$3" >$F/nth
	! echo "$add" 2>/dev/null >$SYS/add || fail "$*: it is made"
	call_failed || fail "$*: nothing failed"
	echo 0 >$F/gfn
}

# As refused, until a vCPU waits for a channel: whether one has its turn in time is chance.
stuck()
{
	local n

	for n in 1 2 3 4 5; do
		refused "$@"
		! log_has "dom$id: no event channel to let a vCPU go on" || return 0
		note "$*: no vCPU waits, $n"
	done
	fail "$*: no vCPU waits"
}

# There is no channel for a vCPU until the guest has been destroyed.
without_channels()
{
	echo 1 >$F/any
	stuck 4 0 2 1000000
	sleep 3
	! log_has "$none_waits" || fail "it has given up"
	! rmmod virtback 2>/dev/null || fail "the module left"
	destroy r
	echo 0 >$F/nth
	wait_for 20 "the end of the guest" log_has "$none_waits"
	log_since_mark | sed 's/^/# /'
	echo 0 >$F/any
}

# A guest that runs gets its first disk, and each channel of a vCPU in turn is refused; or
# Linux cannot have an interrupt for it, and closes it, or does not. At this moment all vCPUs
# wait for answers to INVALIDATE, so Xen is told of an answer with the channel that is missing.
# What is beyond "mem" may be taken from the guest.
running()
{
	local f gfn=0x4ac00 what servers=8

	# The kernel with which the other guests may be run has no /sys/hypervisor.
	f=$(GUEST_IMAGE=/vb/Image GUEST_INITRD=/vb/guest.cpio guest_config r)
	sed -i 's/rdinit/mem=172M rdinit/' "$f"
	rm -f "$LOGS/guest-r.log"
	create "$f"
	guest_ready r
	id=$(guest_id r)
	echo "$id" >$F/guest
	echo 0 >$F/any
	echo 0 >$F/after
	name=dom$id.2000000
	none_waits="dom$id: no vCPU waits for an event channel any more"
	add="domid=$id base=0x2000000 irq=33 backing=/dev/ram0 mapping=foreign"
	# On each vCPU a hypercall again and again, which is not done while it waits in Xen.
	guest_do r 'mkfifo /tmp/nap; for n in 0 1; do
		taskset $(( n + 1 )) sh -c "exec 9<>/tmp/nap;
			while read x </sys/hypervisor/version/extra; do
				printf . >>/tmp/r$n; read -t 0.02 y <&9; done" &
		done; sleep 0.5'
	going
	before=$(held)
	note "$before"
	# bind_interdomain of each vCPU, of both in a row, and for so long that it is left to a work
	# item; then what is in the kernel.
	for what in "4 0 1 1" "4 0 2 1" "4 0 1 2" "4 0 2 1000" "16 -1 2 1" "16 -1 3 1" "64 -1 1 1" "64 -1 2 1"; do
		# shellcheck disable=SC2086
		set -- $what
		if [ "$4" = 1000 ]; then
			stuck "$@"
			wait_for 20 "the channel" log_has "$none_waits"
		else
			refused "$@"
		fi
		log_since_mark | sed 's/^/# /'
		going
		# A busy machine may not run a vCPU in time that has its answer; this is said then,
		# and costs one of the domain's servers.
		if log_since_mark | grep -q "its IOREQ server stays until the domain ends"; then
			servers=$(( servers - 1 ))
			[ $servers -ge 6 ] || fail "$what: too many servers stay"
			before=$(echo "$before" | sed "s/free servers [0-9]*/free servers $servers/")
		fi
		nothing_held "$what"
		note "$what: $(cat $F/failed)"
	done
	guest_sane r
	without_channels
	echo 1 >$F/times
	echo -1 >$F/command
	wait_for 30 "r to be gone" guest_gone r
}

insmod /vb/failing.ko || fail "insmod failing.ko"
ram_disk 0
ram_disk 1
if [ -n "${MUTANTS:-}" ]; then
	try_mutants "$MUTANTS"
	rmmod failing
	exit 0
fi
# A limit so low that the guest's memory is mapped and unmapped all the time.
load map_limit_mb=26
guest o "$(disk_line /dev/ram1 xvda w)"
guest_do o '{ n=0; while [ ! -e /tmp/stop ]; do
		n=$(( n + 1 ));
		vbio write /dev/vda 1 $n && vbio verify /dev/vda 1 $n || break;
		echo $n rounds; sleep 1;
	done >/tmp/rounds 2>&1; echo end >>/tmp/rounds; } &'
pass
guest_do o 'grep -c rounds /tmp/rounds && ! grep end /tmp/rounds; rc=$?; tail -n 3 /tmp/rounds;
	touch /tmp/stop; until grep -q end /tmp/rounds; do sleep 0.2; done; [ $rc = 0 ]'
guest_do o 'vbio write /dev/vda 4 9 && vbio verify /dev/vda 4 9'

id=$(guest_id o)
echo "$id" >$F/guest
mark_log
io='vbio write /dev/vda 32 $n 1048576 32 && vbio verify /dev/vda 32 $n 1048576 32'
for n in 1 2 3; do
	# An interrupt that is not injected: the guest's vCPU would wait for ever.
	fail_call 1 -1 $n 0
	guest_do o "vbio write /dev/vda 1 $n && vbio verify /dev/vda 1 $n"
	call_failed || fail "no interrupt was lost"
done
# XENMEM_remove_from_physmap: the address space must not be used again.
n=0
fail_call 2 15 1 1
until call_failed; do
	n=$(( n + 1 ))
	[ $n -lt 10 ] || fail "nothing was unmapped"
	guest_do o "n=$n; $io"
done
guest_do o "n=11; $io"
guest_sane o
lost=$(log_since_mark | grep -c "dom$id: Xen refused to unmap pages; they are lost")
[ "$lost" = 1 ] || fail "$lost times it was said that pages are lost"

# XENMEM_add_to_physmap_range: that request cannot be done, which is said.
state=$SYS/$(devices "$id.")/state
mark_log
fail_call 2 23 1 0
broken()
{
	grep -q needs-reset "$state" || grep -aq "@@$CMD rc=[0-9]" "$LOGS/guest-o.log"
}
# What of its memory is mapped, and where its next buffers are, is chance.
for n in 12 13 14 15 16 17 18 19 20 21; do
	guest_send o "n=$n; $io"
	wait_for "$WAIT" "the guest to be told" broken
	! call_failed || break
done
call_failed || fail "no page had to be mapped"
note "one page could not be mapped: $(cat "$state"), $(grep -a "@@$CMD rc=[0-9]" "$LOGS/guest-o.log")"
log_since_mark | sed 's/^/# /'
destroy o
running
nothing_left /dev/ram0 /dev/ram1
unload
rmmod failing || fail "rmmod failing"
