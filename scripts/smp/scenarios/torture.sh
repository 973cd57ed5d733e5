# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A driver that resets its device at random, on three disks at once if that leaves time for
# each, and looks at what no driver should see (kunit/smp).

make_disks
insmod /vb/virtback.ko torture_rounds="$(argument vb.rounds)" \
	torture_short="$(argument vb.short)"

# torture <disks>
torture()
{
	echo "$1" >/sys/module/virtback/parameters/torture ||
		fail "the torture found something"
}

# KCSAN makes the module slow: none of three would have two things to do at once.
if [ -e /sys/kernel/debug/kcsan ]; then
	for d in $DISKS; do
		torture "$d"
	done
else
	torture "$DISKS"
fi
# As many lines as disks, and as many rounds as were asked for.
for d in $DISKS; do
	dmesg | grep "virtback: torture $d: $(argument vb.rounds) rounds,.* 0 faults" \
		>/dev/null || fail "no line says that $d had all its rounds"
done
rmmod virtback
remove_disks
