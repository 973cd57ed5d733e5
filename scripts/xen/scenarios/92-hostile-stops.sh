# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A guest that stops itself, in each way that Xen knows, with all its vCPUs in the device: what
# the toolstack does with it, or somebody after it, leaves nothing.
# slow: half a minute each
# timeout: 900

HOSTILE_SEED=${HOSTILE_SEED:-1}
# SHUTDOWN_*: suspend, crash, watchdog, soft reset, poweroff, reboot
HOSTILE_REASONS=${HOSTILE_REASONS:-2 3 4 5 0 1}

# stopped: xl has taken it away, or it is shut down and waits for somebody
stopped()
{
	guest_gone h || xl list h | awk 'NR == 2 { exit $5 !~ /s/ }'
}

load
null_disk nb0 32
for r in $HOSTILE_REASONS; do
	rm -f "$LOGS/guest-h.log"
	cfg=$(hostile_config h "$(disk_line /dev/nb0 xvda w)")
	echo 'on_reboot = "destroy"' >>"$cfg"
	create "$cfg"
	guest_ready h
	mark_log
	guest_send h "$(hostile stops) seed=$(( HOSTILE_SEED + r )) seconds=3 reason=$r"
	wait_for 60 "the guest to stop" stopped
	note "reason $r: $(xl list | awk '$1 == "h" { print $5; n++ } END { if (!n) print "gone" }'), $(nr_devices) devices"
	guest_gone h || xl destroy h || guest_gone h || fail "xl destroy"
	nothing_left /dev/nb0
	! dmesg | sed "1,/$MARK/d" | grep 'WARNING:\|Call trace\|BUG:\|rcu:' | sed 's/^/# /' |
		grep . || fail "dom0's kernel complained"
done
null_disk_remove nb0
unload
