# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The guest's kernel crashes in the middle of I/O: what it was told is written is there.

. /vb/faults/witnessed.sh

row_cycle()
{
	witnessed_guest
	row_send 'sleep 1; crash'
	witnessed_good
}
