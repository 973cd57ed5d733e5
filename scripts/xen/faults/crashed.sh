# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The guest's kernel crashes in the middle of I/O: what it was told is written is there.

. /vb/faults/witnessed.sh

row_cycle()
{
	witnessed_guest
	guest_send w 'sleep 1; echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger'
	wait_for 60 "the guest to be gone" guest_gone w
	witnessed_good
}
