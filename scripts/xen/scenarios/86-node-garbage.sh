# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A broken toolstack: nonsense in xenstore's nodes, and nodes that change while they are read.
# No device comes of it but one that was described, and the next guest gets its disk.
# slow: a hundred nodes, half a minute and more

N=/local/domain/0/backend/virtio_disk

# node <domid> <devid> <key> <value>...: a whole node, with these values instead
node()
{
	local n=$N/$1/$2 id=$1 k v args=

	shift 2
	# The last value of a key counts.
	set -- frontend-id "$id" base 0x3000000 irq 40 params /dev/ram0 mode w transport mmio "$@"
	n=$n:$#
	for v in "$@"; do
		if [ -z "$args" ]; then
			args=1 k=$v
		else
			args=
			set -- "$@" "${n%:*}/$k" "$v"
		fi
	done
	shift "${n##*:}"
	xenstore-write -- "$@" "${n%:*}/state" 1 || fail "xenstore-write $*"
	nodes=$(( nodes + 1 ))
}

# No node is looked at any more: each that was whole has lost its state.
settled()
{
	! xenstore-ls -f $N 2>/dev/null | grep -q '/state = "1"'
}

ram_disk 0
ram_disk 1
load
create "$(tiny_config t "$(disk_line /dev/ram1 xvda w)")" -p
id=$(guest_id t)
[ "$(nr_devices)" = 1 ] || fail "$(nr_devices) devices, not 1"
mark_log
nodes=0
long=$(head -c 3900 /dev/zero | tr '\0' a)

step "Values that are none"
# Window and interrupt are its own, so that only what is wrong can be the reason.
for v in '' -1 0 1e3 99999999999999999999 0x 4294967297 "$long" '%s%n%p' "$(printf '\001\n\377')" \
	'33 34' '../..'; do
	for key in frontend-id base irq params mode transport; do
		case $key$v in
		base0) continue ;;	# is an address
		esac
		node "$id" $nodes $key "$v"
	done
done
node "$id" $nodes grant_usage 2
node "$id" $nodes grant_usage "$long"
node "$id" $nodes params /dev
node "$id" $nodes params /dev/ram1
node "$id" $nodes base 0x2000000
node 7777 $nodes frontend-id "$id"
node 7777 $nodes
node 0 $nodes
node 32752 $nodes
wait_for 30 "all to be refused" settled
[ "$(nr_devices)" = 1 ] || fail "$(devices | tr '\n' ' '): not one device"
note "$nodes nodes, $(log_since_mark | wc -l) lines in the log"
[ "$(log_since_mark | wc -l)" -le $(( nodes * 2 )) ] || fail "more lines than nodes"
! log_since_mark | grep -q aaaaaaaaaa.\{2000\} || fail "the log has all of a value"

step "States and names that are none"
for v in '' x -1 1x 99 99999999999 '1 2' "$long"; do
	xenstore-write -- $N/$id/90000/state "$v"
done
for n in x -1 007x 4294967296 ' 1' "$(head -c 200 /dev/zero | tr '\0' 9)"; do
	xenstore-write "$N/$n/0/state" 1 2>/dev/null || true
	xenstore-write "$N/$id/$n/state" 1 2>/dev/null || true
done
xenstore-write $N/$id/90001/params/deeper/still 1 $N/$id/90001/state 1
[ "$(nr_devices)" = 1 ] || fail "$(devices | tr '\n' ' '): not one device"

step "A node that changes while it is read"
i=0
while [ $i -lt 40 ]; do
	i=$(( i + 1 ))
	n=$N/$id/90002
	xenstore-write $n/frontend-id $id $n/base 0x300${i}000 $n/irq 41 $n/params /dev/ram0 \
		$n/mode w $n/transport mmio $n/state 1
	xenstore-write $n/irq $(( 42 + i % 2 )) $n/base 0x3ff0000
	[ $(( i % 3 )) != 0 ] || xenstore-rm $n
done
xenstore-rm $N/$id/90002
# What was made for it goes with it.
one_device()
{
	[ "$(nr_devices)" = 1 ]
}
wait_for 30 "one device" one_device

xenstore-rm $N/7777 $N/0 $N/32752 2>/dev/null || true
destroy t
xenstore-rm $N 2>/dev/null || true
nothing_left /dev/ram0 /dev/ram1
! dmesg | sed "1,/$MARK/d" | grep 'WARNING:\|Call trace\|BUG:' | sed 's/^/# /' | grep . ||
	fail "dom0's kernel complained"
guest n "$(disk_line /dev/ram0 xvda w)"
guest_do n 'vbio write /dev/vda 4 1 && vbio verify /dev/vda 4 1'
destroy n
nothing_left /dev/ram0
unload
