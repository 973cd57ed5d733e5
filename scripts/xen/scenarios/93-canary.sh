# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A guest takes its memory back while a slow disk has its requests, by a reset of the
# device or of its queues, or because the device is removed: nothing is written there
# afterwards.

CANARY_ROUNDS=${CANARY_ROUNDS:-12}
CANARY_SEED=${CANARY_SEED:-1}

# said <what>: the guest's driver, while the device is removed
said()
{
	guest_do c "until dmesg | grep -q 'hostile: removal$1'; do sleep 0.1; done"
}

load
ram_disk 0
vbio write /dev/ram0 32 9 >/dev/null
modprobe dm-mod
modprobe dm-delay
# Each request takes 100 ms, and the guest looks on for 400.
dmsetup create vbslow --table "0 65536 delay /dev/ram0 0 100"
dmsetup mknodes
create "$(hostile_config c "$(disk_line /dev/mapper/vbslow xvda w)")"
guest_ready c
dev=$SYS/dom$(guest_id c).2000000
rc=0
guest_sh c "$(hostile canary) seed=$CANARY_SEED rounds=$CANARY_ROUNDS wait_ms=400; rc=\$?;
	dmesg | grep 'hostile: ' | tail -n 2; exit \$rc" >/tmp/c.out || rc=$?
sed 's/^/# c: /' /tmp/c.out
note "dom0 counted: $(cat "$dev"/vq*/requests | awk '{ n += $1 } END { print n }') requests, \
$(cat "$dev"/vq*/dropped | awk '{ n += $1 } END { print n }') dropped"
[ $rc = 0 ] || fail "memory was written to after it was taken back"
in_flight=$(sed -n 's/.*in_flight=\([0-9]*\).*/\1/p' /tmp/c.out)
[ "${in_flight:-0}" -ge "$CANARY_ROUNDS" ] || fail "nothing was in flight"

# The disk keeps what comes until it is resumed, and who removes the device waits for it.
dmsetup suspend --noflush --nolockfs vbslow
guest_do c "rmmod hostile; $(hostile removal) seed=$CANARY_SEED >/tmp/out 2>&1 &"
said ": all is posted"
echo "${dev##*/} force=1" >$SYS/remove &
remover=$!
wait_for "$WAIT" "$dev to be gone" test ! -e "$dev"
guest_do c 'echo 1 >/sys/module/hostile/parameters/removed'
said ": memory is taken back"
kill -0 $remover || fail "the disk had ended all before the guest took its memory back"
dmsetup resume vbslow
wait $remover || fail "forced removal"
guest_do c 'echo 2 >/sys/module/hostile/parameters/removed'
said " seed"
guest_sh c "dmesg | grep 'hostile: ' | tail -n 2;
	dmesg | grep -q 'hostile: removal seed.* bad_acks=0 dirty=0'" >/tmp/c.out || rc=$?
sed 's/^/# c: /' /tmp/c.out
[ $rc = 0 ] || fail "memory was written to after the device was removed"
in_flight=$(sed -n 's/.*removal.* in_flight=\([0-9]*\).*/\1/p' /tmp/c.out)
[ "${in_flight:-0}" -gt 0 ] || fail "nothing was in flight when the device was removed"
destroy c
nothing_left /dev/mapper/vbslow
dmsetup remove vbslow
unload
