# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The guest is destroyed in the middle of I/O: what it was told is written is there.

. /vb/faults/witnessed.sh

row_cycle()
{
	witnessed_guest
	sleep 1
	destroy "$ROW"
	witnessed_good
}
