# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# As 92-hostile-guest, with a device that takes granted memory: the guest changes its grants
# as well, in use or not. Nothing of it stays mapped, and the neighbour's data is right.

HOSTILE_SECONDS=${HOSTILE_SECONDS:-6}
HOSTILE_SEED=${HOSTILE_SEED:-1}

load
null_disk nb0 32
ram_disk 1
guest n "$(disk_line /dev/ram1 xvda w)"
# Short data is copied, longer is mapped.
echo 16 >/sys/module/virtback/parameters/grant_map_kb
rm -f "$LOGS/guest-h.log"
create "$(hostile_config h -- 'vuart = "sbsa_uart"')" -p
id=$(guest_id h)
dev=$SYS/dom$id.2000000
echo "domid=$id base=0x2000000 irq=33 backing=/dev/nb0 mapping=grant" >$SYS/add || fail "add"
xl unpause h
guest_ready h
mark_log
guest_send n "end=\$(( \$(cut -d. -f1 /proc/uptime) + $HOSTILE_SECONDS )); n=1;
	while [ \$(cut -d. -f1 /proc/uptime) -le \$end ]; do
		n=\$(( n + 1 ));
		vbio write /dev/vda 2 \$n >/tmp/out || { cat /tmp/out; exit 1; };
		vbio verify /dev/vda 2 \$n >/tmp/out || { cat /tmp/out; exit 1; };
	done; echo \$n rounds; cat /tmp/out"
n=$CMD
guest_do h "$(hostile revokes) grants=1 mem_len=2097152 seed=$HOSTILE_SEED seconds=$HOSTILE_SECONDS; rc=\$?;
	dmesg | grep 'hostile: ' | tail -n 2; exit \$rc"
wait_for "$WAIT" "the neighbour" grep -aq "@@$n rc=[0-9]" "$LOGS/guest-n.log"
guest_output n "$n" | sed 's/^/# n: /'
grep -aq "@@$n rc=0" "$LOGS/guest-n.log" || fail "the neighbour's data"
note "dom0 counted: $(cd "$dev" && for c in bad_accesses vq0/requests vq0/errors_refused \
	xen/copies xen/copy_calls xen/data_grants xen/map_calls xen/unmap_calls xen/grants; do
		echo "$c $(cat $c),"; done | tr '\n' ' ')"
lines=$(log_since_mark | wc -l)
note "$lines lines in dom0's log"
[ "$lines" -le $(( 30 + HOSTILE_SECONDS * 4 )) ] || fail "the log is flooded"
[ "$(cat $dev/xen/copies)" -gt 0 ] || fail "nothing was copied"
[ "$(cat $dev/xen/data_grants)" -gt 0 ] || fail "nothing was mapped"
# The last that it did was a reset.
[ "$(cat $dev/xen/grants)" = 0 ] || fail "$(cat $dev/xen/grants) of its grants are mapped"
destroy h
destroy n
nothing_left /dev/nb0 /dev/ram1
! dmesg | sed "1,/$MARK/d" | grep 'WARNING:\|Call trace\|BUG:\|lost' | sed 's/^/# /' | grep . ||
	fail "dom0's kernel complained"
null_disk_remove nb0
unload
