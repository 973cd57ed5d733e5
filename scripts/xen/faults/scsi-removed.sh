# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# A SCSI disk with a write cache (LIO's loopback, on a file) is deleted under I/O; the
# same comes back under another name and takes its place.

SCSI_CORE=/sys/kernel/config/target/core/fileio_$ROW_NUMBER
SCSI_TPG=/sys/kernel/config/target/loopback/naa.50014050000001$(printf %02x "$ROW_NUMBER")/tpgt_1

# The name of the row's SCSI disk, if it is alive. Its node is there before it can be opened.
scsi_disk()
{
	local d

	for d in "/sys/class/scsi_host/host$SCSI_HOST/device"/target*/*/block/sd*; do
		[ ! -d "$d" ] || DISK=/dev/${d##*/}
	done
	[ -n "$DISK" ] && blockdev --getsz "$DISK"
}

row_disk()
{
	local m

	for m in target_core_mod target_core_file tcm_loop sd_mod; do
		modprobe $m || fail "modprobe $m"
	done
	dd if=/dev/zero of="/tmp/$ROW.img" bs=1M count=16 2>/dev/null
	mkdir -p "$SCSI_CORE/vb"
	echo "fd_dev_name=/tmp/$ROW.img,fd_dev_size=16777216" >"$SCSI_CORE/vb/control"
	echo 1 >"$SCSI_CORE/vb/enable"
	echo 1 >"$SCSI_CORE/vb/attrib/emulate_write_cache"
	mkdir -p "$SCSI_TPG"
	echo naa.5001405000000002 >"$SCSI_TPG/nexus"
	mkdir "$SCSI_TPG/lun/lun_0"
	ln -s "$SCSI_CORE/vb" "$SCSI_TPG/lun/lun_0/vb"
	# host:channel:target
	SCSI_HOST=$(cut -d: -f1 "$SCSI_TPG/address")
	DISK=
	wait_for 20 "the SCSI disk" scsi_disk
}

row_cycle()
{
	local now=$DISK

	storm_begin
	echo 1 >"/sys/block/${now#/dev/}/device/delete"
	storm_end
	errors_seen
	echo "- - -" >"/sys/class/scsi_host/host$SCSI_HOST/scan"
	DISK=
	wait_for 20 "the SCSI disk to come back" scsi_disk
	echo "$DISK" >"$ROW_SYS/backing" || fail "$DISK did not take the place of $now"
}

row_end()
{
	rm "$SCSI_TPG/lun/lun_0/vb"
	rmdir "$SCSI_TPG/lun/lun_0" "$SCSI_TPG" "${SCSI_TPG%/*}" "$SCSI_CORE/vb" "$SCSI_CORE"
	rm "/tmp/$ROW.img"
}
