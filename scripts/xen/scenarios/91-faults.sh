# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# What goes wrong with a disk, at the same time under the I/O of several guests: each time
# the guest gets errors or nothing of it, no write that it was told of is lost, and when the
# fault is taken back the same guest goes on. With ROWS these rows, for ROW_SECONDS.
# kernel: grants
# dom0's kernel complains of its disks:
# timeout: 3000
# expect: I/O error, dev (nb|loop|sd|nbd)

. /vb/faults.sh

load
storm_sees
# shellcheck disable=SC2086
rows "${ROW_SECONDS:-0}" \
	${ROWS:-dm-error bad-blocks scsi-removed read-only thin-full nbd-restarted}
unload
