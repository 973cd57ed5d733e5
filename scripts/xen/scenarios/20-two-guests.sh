# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Two guests at once, three disks each, all written and verified at once.

load
for n in 0 1 2 3 4 5; do
	ram_disk $n
done
create "$(guest_config a "$(disk_line /dev/ram0 xvda w)" \
	"$(disk_line /dev/ram1 xvdb w)" "$(disk_line /dev/ram2 xvdc w)")"
create "$(guest_config b "$(disk_line /dev/ram3 xvda w)" \
	"$(disk_line /dev/ram4 xvdb w)" "$(disk_line /dev/ram5 xvdc w)")"
guest_ready a
guest_ready b
[ "$(nr_devices)" = 6 ] || fail "$(nr_devices) devices, not 6"

# all_disks <vbio command> <seed of vda>: one line for the guest's shell.
all_disks()
{
	echo "(vbio $1 /dev/vda 4 $2 || echo bad) & (vbio $1 /dev/vdb 2 $(( $2 + 1 )) 16384 3 || echo bad) & (vbio $1 /dev/vdc 8 $(( $2 + 2 )) 131072 2 || echo bad) & wait"
}

for op in write verify; do
	guest_send a "$(all_disks $op 100)"
	a=$CMD
	guest_send b "$(all_disks $op 200)"
	b=$CMD
	wait_for "$WAIT" "guest a to $op" grep -aq "@@$a rc=[0-9]" "$LOGS/guest-a.log"
	wait_for "$WAIT" "guest b to $op" grep -aq "@@$b rc=[0-9]" "$LOGS/guest-b.log"
	{ guest_output a "$a"; guest_output b "$b"; } >/tmp/out
	sed 's/^/# /' /tmp/out
	[ "$(grep -c "$op .* 0 bad sectors" /tmp/out)" = 6 ] || fail "$op went wrong"
	! grep -q '^bad' /tmp/out || fail "$op failed"
done
guest_sane a
guest_sane b

# Each guest's data is on its own disks.
n=0
for seed in 100 101 102 200 201 202; do
	blockdev --flushbufs /dev/ram$n
	vbio verify /dev/ram$n 2 $seed >/tmp/out || { cat /tmp/out; fail "/dev/ram$n has other data"; }
	sed 's/^/# dom0: /' /tmp/out
	n=$(( n + 1 ))
done

destroy a
guest_do b 'vbio verify /dev/vda 4 200'
[ "$(nr_devices)" = 3 ] || fail "$(nr_devices) devices, not 3"
destroy b
nothing_left /dev/ram0 /dev/ram1 /dev/ram2 /dev/ram3 /dev/ram4 /dev/ram5
unload
