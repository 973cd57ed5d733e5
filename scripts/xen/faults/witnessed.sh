# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# The guest of rows in which it comes to an end: it does I/O on one disk and writes to
# another what was acknowledged.

# witnessed_guest [line of its configuration]
witnessed_guest()
{
	row_ram 0
	W_DATA=$DISK
	row_ram 1
	W_STATE=$DISK
	row_guest "$(disk_line "$W_DATA" xvda w)" "$(disk_line "$W_STATE" xvdb w)" -- \
		"${1:-on_reboot = \"destroy\"}" 'on_crash = "destroy"'
	# In the guest's background, so that it takes more commands.
	row_do '(storm run /dev/vda /dev/vdb 1 600 >/tmp/storm 2>&1 &)'
	wait_for 60 "the guest's witness" witness_there
}

witness_there()
{
	blockdev --flushbufs "$W_STATE"
	[ "$(dd if="$W_STATE" bs=8 count=1 2>/dev/null)" = 1stormbv ] &&
		[ "$(dd if="$W_STATE" bs=4 skip=260 count=1 2>/dev/null | tr -d '\0')" ]
}

# Other guests stay.
witnessed_gone()
{
	local d

	# Cheaper to ask for than the guest.
	for d in "$W_DATA" "$W_STATE"; do
		wait_for 60 "$d to be closed" disk_free "$d"
	done
	wait_for 30 "guest $ROW to be gone" guest_gone "$ROW"
}

witnessed_good()
{
	witnessed_gone
	/bin/storm check "$W_DATA" "$W_STATE" unknown >"/tmp/$ROW.out" || {
		sed 's/^/# /' "/tmp/$ROW.out"
		fail "the disk is not as the guest was told"
	}
	sed 's/^/# /' "/tmp/$ROW.out"
}
