# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Making a disk of a Xen guest, with each hypercall, event channel and allocation failing in
# turn: nothing is left, and the disk can be made afterwards.
# (A module that is built for this; the loop host's part of it is scripts/uml/failures.)
# module: faults

NTH=/sys/module/virtback/parameters/fail_nth

# What a guest's server takes of this domain.
held()
{
	echo "$(grep -c . /proc/interrupts) $(ls $SYS | wc -l) $(cat /sys/module/virtback/refcnt)"
}

# The shell's own write to "add", whose calls are counted.
failing()
{
	local left rc refused=0

	n=0
	while :; do
		n=$(( n + 1 ))
		echo $n >$NTH
		rc=0
		echo "$add" >$SYS/add 2>/tmp/err || rc=1
		left=$(cat $NTH)
		echo 0 >$NTH
		refused=$(( refused + rc ))
		[ "$left" = 0 ] || break
		[ $n -lt 400 ] || fail "there is no end"
		[ $rc != 0 ] || remove_it
		device_gone || fail "call $n: $name is left"
		wait_for 20 "call $n: as before: $before, not $(held)" as_before
		wait_for 20 "call $n: the disk to be closed" disk_free /dev/ram0
	done
	[ $rc = 0 ] || fail "it fails without a failure"
	[ $n -gt 10 ] || fail "nothing was made to fail"
	note "mapping=$mapping: $(( n - 1 )) calls failed, $refused times it was refused"
}

device_gone()
{
	[ ! -e "$SYS/$name" ]
}

as_before()
{
	[ "$(held)" = "$before" ]
}

remove_it()
{
	wait_for 20 "$name to settle" sh -c "[ ! -e $SYS/$name ] || echo '$name force=1' >$SYS/remove"
	wait_for 20 "$name to be gone" device_gone
}

ram_disk 0
insmod /vb/virtback-faults.ko || fail "insmod virtback-faults.ko"
create "$(tiny_config h -- 'device_tree = "/vb/virtio-node.dtb"' 'vuart = "sbsa_uart"')" -p
id=$(guest_id h)
for mapping in foreign grant; do
	name=dom$id.2000000
	add="domid=$id base=0x2000000 irq=33 backing=/dev/ram0 mapping=$mapping"
	# Once, for what stays.
	echo "$add" >$SYS/add || fail "no device"
	remove_it
	before=$(held)
	failing
	remove_it
done
destroy h
nothing_left /dev/ram0
rmmod virtback || fail "rmmod"
