# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The guest w of rows in which it comes to an end: it does I/O on one disk and writes to
# another what was acknowledged.

# witnessed_guest [line of its configuration]
witnessed_guest()
{
	ram_disk 0
	ram_disk 1
	guest w "$(disk_line /dev/ram0 xvda w)" "$(disk_line /dev/ram1 xvdb w)" -- \
		"${1:-on_reboot = \"destroy\"}" 'on_crash = "destroy"'
	# In the guest's background, so that it takes more commands.
	guest_do w '(storm run /dev/vda /dev/vdb 1 600 >/tmp/storm 2>&1 &)'
	wait_for 60 "the guest's witness" witness_there
}

witness_there()
{
	blockdev --flushbufs /dev/ram1
	[ "$(dd if=/dev/ram1 bs=8 count=1 2>/dev/null)" = 1stormbv ] &&
		[ "$(dd if=/dev/ram1 bs=4 skip=260 count=1 2>/dev/null | tr -d '\0')" ]
}

witnessed_good()
{
	nothing_left /dev/ram0 /dev/ram1
	/bin/storm check /dev/ram0 /dev/ram1 unknown >/tmp/out || {
		sed 's/^/# /' /tmp/out
		fail "the disk is not as the guest was told"
	}
	sed 's/^/# /' /tmp/out
}
