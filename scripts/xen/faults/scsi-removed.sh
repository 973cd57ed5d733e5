# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# A SCSI disk with a write cache (LIO's loopback, on a file) is deleted under I/O; the
# same comes back under another name and takes its place.

SCSI_CORE=/sys/kernel/config/target/core/fileio_0
SCSI_TPG=/sys/kernel/config/target/loopback/naa.5001405000000001/tpgt_1

# The name of the SCSI disk that is alive.
scsi_disk()
{
	local d

	for d in /sys/class/scsi_disk/*/device/block/sd*; do
		[ ! -d "$d" ] || DISK=/dev/${d##*/}
	done
	[ -b "$DISK" ]
}

row_disk()
{
	local m

	for m in target_core_mod target_core_file tcm_loop sd_mod; do
		modprobe $m || fail "modprobe $m"
	done
	dd if=/dev/zero of=/tmp/scsi.img bs=1M count=16 2>/dev/null
	mkdir -p $SCSI_CORE/vb
	echo fd_dev_name=/tmp/scsi.img,fd_dev_size=16777216 >$SCSI_CORE/vb/control
	echo 1 >$SCSI_CORE/vb/enable
	echo 1 >$SCSI_CORE/vb/attrib/emulate_write_cache
	mkdir -p $SCSI_TPG
	echo naa.5001405000000002 >$SCSI_TPG/nexus
	mkdir $SCSI_TPG/lun/lun_0
	ln -s $SCSI_CORE/vb $SCSI_TPG/lun/lun_0/vb
	DISK=
	wait_for 20 "the SCSI disk" scsi_disk
	scsi_disk
}

row_cycle()
{
	local now host

	now=$(cat "$ROW_SYS/backing")
	settled
	storm_begin
	echo 1 >"/sys/block/${now#/dev/}/device/delete"
	storm_end
	errors_seen
	for host in /sys/class/scsi_host/host*; do
		echo "- - -" >"$host/scan"
	done
	DISK=
	wait_for 20 "the SCSI disk to come back" scsi_disk
	scsi_disk
	echo "$DISK" >"$ROW_SYS/backing" || fail "$DISK did not take the place of $now"
	echo "$DISK" >/tmp/scsi-removed.disk
}

row_end()
{
	rm $SCSI_TPG/lun/lun_0/vb
	rmdir $SCSI_TPG/lun/lun_0 $SCSI_TPG ${SCSI_TPG%/*} $SCSI_CORE/vb $SCSI_CORE
	rm /tmp/scsi.img
}
