# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Copies, mappings and unmappings of granted memory fail under a guest's requests, each with
# each status that Xen has, in all of a call and in one operation of it; and the hypercalls
# themselves. A request is done or fails with an error, never with other data; the guest
# goes on, and what stays mapped is what Xen refused to unmap.
# kernel: grants
# slow: a minute and more, so only when it is named
# timeout: 1800

F=/sys/module/failing/parameters
MAP=0 UNMAP=1 COPY=5

grants()
{
	cat "$SYS/dom$id.2000000/xen/grants"
}

# fails <command> <all|one|whole> <status> <after>: the next such call of the guest's disk;
# of copies the next one of data.
fails()
{
	case $2 in
	all) echo 0 >$F/one; echo 0 >$F/whole ;;
	one) echo 1 >$F/one; echo 0 >$F/whole ;;
	whole) echo 0 >$F/one; echo 1 >$F/whole ;;
	esac
	echo "$3" >$F/status
	echo 512 >$F/least
	WHAT="$1, $2, status $3"
	fail_call 8 "$1" 1 "$4"
}

failed()
{
	call_failed || fail "nothing failed ($WHAT)"
}

# io <sure|perhaps> <argument of vbio>...: done, or it fails with an error.
io()
{
	local sure=$1 rc=0

	shift
	guest_sh g "vbio $*" >/tmp/g.out || rc=$?
	[ $rc != 0 ] || return 0
	ERRORS=$(( ERRORS + 1 ))
	if [ "$sure" = sure ] || ! grep -q 'Input/output error' /tmp/g.out; then
		sed 's/^/# g: /' /tmp/g.out
		fail "vbio $* ($WHAT)"
	fi
}

# with <all|one> <status>
with()
{
	SEED=$(( SEED + 1 ))
	# What a write has to read, then what a read has to write.
	fails $COPY "$1" "$2" 0
	io perhaps write /dev/vda 64K $SEED 4096 1
	failed
	io sure write /dev/vda 64K $SEED 4096 1
	fails $COPY "$1" "$2" 0
	io perhaps verify /dev/vda 64K $SEED 4096 1
	failed
	# Data that cannot be mapped is copied.
	fails $MAP "$1" "$2" 0
	io sure write /dev/vda 256K $SEED 131072 1
	failed
	# What says that it stays mapped is never used again.
	fails $UNMAP one "$2" 1
	io sure verify /dev/vda 256K $SEED 131072 1
	failed
	LOST=$(( LOST + 1 ))
	still_mapped
}

# still_mapped: the rings, and what was lost
still_mapped()
{
	[ "$(grants)" = $(( rings + LOST )) ] ||
		fail "$(grants) pages are mapped: not $rings of rings, and $LOST that were lost"
}

refused_or_bound()
{
	grep -q needs-reset "$state" || grep -aq "@@$bind rc=[0-9]" "$LOGS/guest-g.log"
}

# All of it, with a guest of its own.
pass()
{
	echo 64 >/sys/module/virtback/parameters/grant_map_kb
	rm -f "$LOGS/guest-g.log"
	create "$(guest_config g -- 'device_tree = "/vb/virtio-grant-node.dtb"' 'vuart = "sbsa_uart"')" -p
	id=$(guest_id g)
	echo "$id" >$F/guest
	before=$(sed 's/.*grants \([0-9]*\),.*/\1/' $F/held)
	echo "domid=$id base=0x2000000 irq=33 backing=$DISK mapping=grant queues=1" >$SYS/add
	echo "domid=$id base=0x2000200 irq=34 backing=none mapping=grant" >$SYS/add
	xl unpause g
	guest_ready g
	rings=$(grants)
	state=$SYS/dom$id.2000000/state
	LOST=0
	ERRORS=0
	SEED=0
	mark_log
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		with all -$n
	done
	with one -1
	with one -3
	note "$ERRORS requests failed, $LOST pages are lost"
	[ "$(cat "$state")" = driver-ok ] || fail "the disk is $(cat "$state")"
	log_since_mark | grep -q "refused to unmap 1 granted pages; they are lost" ||
		fail "nothing was said of lost pages"

	# The hypercall itself.
	fails $MAP whole 0 0
	io sure write /dev/vda 256K 100 131072 1
	failed
	fails $UNMAP whole 0 1
	io sure verify /dev/vda 256K 100 131072 1
	failed
	LOST=$(( $(grants) - rings ))
	[ $LOST -gt $SEED ] || fail "pages that Xen may have kept are used again"
	io sure write /dev/vda 1 101 131072 4
	io sure verify /dev/vda 1 101 4096 4
	still_mapped
	blockdev --flushbufs "$DISK"
	vbio verify "$DISK" 1 101 >/tmp/out || { cat /tmp/out; fail "$DISK has other data"; }
	! grep -aE 'Oops|BUG:|WARNING:|Call trace' "$LOGS/guest-g.log" | head -n 5 | sed 's/^/# /' |
		grep . || fail "the kernel of the guest complained"

	# A ring that is not mapped: its driver does not look whether it was, and waits for ever.
	guest_do g 'cd /sys/bus/platform/drivers/virtio-mmio && echo 2000000.virtio >unbind'
	[ "$(grants)" = "$LOST" ] || fail "$(grants) pages are mapped without a driver, not $LOST"
	fails $MAP whole 0 0
	for n in 1 2 3; do
		guest_send g 'echo 2000000.virtio >/sys/bus/platform/drivers/virtio-mmio/bind'
		bind=$CMD
		wait_for "$WAIT" "the ring to be refused" refused_or_bound
		! grep -q needs-reset "$state" || break
		# Seen once: -ENOMEM of the driver, before it had told of any ring.
		note "the driver gave up by itself, $n"
		guest_sh g 'dmesg | tail -n 30; cat /proc/meminfo' | sed 's/^/# g: /'
		! call_failed || break
	done
	failed
	grep -q needs-reset "$state" || fail "the disk is $(cat "$state")"
	[ "$(grants)" = "$LOST" ] || fail "$(grants) pages of a ring that is not ready are mapped"
	destroy g
	wait_for 30 "g to be gone" guest_gone g
	wait_for 30 "$DISK to be closed" disk_free "$DISK"
	freed "$id" || fail "g cannot be freed"
	held=$(sed 's/.*grants \([0-9]*\),.*/\1/' $F/held)
	[ "$held" = "$before" ] || fail "$held grants are mapped, and were $before"
}

insmod /vb/failing.ko || fail "insmod failing.ko"
ram_disk 0
GUEST_IMAGE=/vb/Image-grants
if [ -n "${GRANT_MUTANTS:-}" ]; then
	try_mutants "$GRANT_MUTANTS"
else
	load
	pass
	nothing_left "$DISK"
	unload
fi
rmmod failing || fail "rmmod failing"
