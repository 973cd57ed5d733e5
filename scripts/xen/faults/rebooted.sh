# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The guest reboots in the middle of I/O, without a word to its disk; it comes back as
# another domain and goes on.

. /vb/faults/witnessed.sh

row_cycle()
{
	witnessed_guest 'on_reboot = "restart"'
	guest_send w 'sleep 1; reboot -f'
	guest_ready w 2
	guest_do w 'storm check /dev/vda /dev/vdb unknown'
	# Nothing of the old domain arrives any more.
	guest_do w 'dd if=/dev/zero of=/dev/vdb bs=64k count=1 conv=fsync 2>/dev/null &&
		storm run /dev/vda /tmp/state 1 1 && storm check /dev/vda /tmp/state'
	destroy w
	witnessed_gone
}
