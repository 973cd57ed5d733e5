# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The guest reboots in the middle of I/O, without a word to its disk; it comes back as
# another domain and goes on.

. /vb/faults/witnessed.sh

row_cycle()
{
	witnessed_guest 'on_reboot = "restart"'
	row_send 'sleep 1; reboot -f'
	guest_ready "$ROW" 2
	row_console
	row_do 'storm check /dev/vda /dev/vdb unknown'
	# Nothing of the old domain arrives any more.
	row_do 'dd if=/dev/zero of=/dev/vdb bs=64k count=1 conv=fsync 2>/dev/null &&
		storm run /dev/vda /tmp/state 1 1 && storm check /dev/vda /tmp/state'
	destroy "$ROW"
	witnessed_gone
}
