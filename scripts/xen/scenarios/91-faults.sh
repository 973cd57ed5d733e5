# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# What goes wrong with a disk, one after the other under one guest's I/O: each time the
# guest gets errors or nothing of it, no write that it was told of is lost, and when the
# fault is taken back the same guest goes on. With ROWS these rows, in turn for ROW_SECONDS.
# dom0's kernel complains of its disks:
# timeout: 1500
# expect: I/O error, dev (nb|loop|sd|nbd)

. /vb/faults.sh

load
if [ -n "${ROWS:-}" ]; then
	# shellcheck disable=SC2086
	soak_rows "$ROW_SECONDS" $ROWS
	unload
	exit 0
fi
storm_sees
quick="dm-error bad-blocks scsi-removed read-only thin-full nbd-restarted"
# shellcheck disable=SC2086
fault_guest $quick
bad=
for row in $quick; do
	# Those behind one that fails are done as well; not in a condition, where -e does not hold.
	set +e
	(set -e; one_cycle "$row")
	rc=$?
	set -e
	[ $rc = 0 ] || bad="$bad $row"
	# The subshell has given its commands to the guest numbers of its own.
	CMD=$(( CMD + 100 ))
done
[ -z "$bad" ] || fail "rows:$bad"
destroy f
for row in $quick; do
	nothing_left "$(cat "/tmp/$row.disk")"
	use_row "$row"
	row_end
done
unload
