# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs Xen with dom0 in QEMU.  To be sourced after images.sh.
#
# Environment: ACCEL (tcg, kvm or what QEMU's -accel takes), CPU (cortex-a57, or
# host with kvm), CPUS (2), MEM (2560, MiB), DOM0_MEM (1024, MiB), BOOT_TIMEOUT
# (3600, seconds), XEN_ARGS and DOM0_ARGS (more arguments of the two kernels).

VB_DISK_MB=32
# An emulated processor on a busy machine may stand still for many seconds, which
# the kernel's watchdogs take for a lockup.  Scenarios have time limits instead.
VB_NO_WATCHDOG="nowatchdog rcupdate.rcu_cpu_stall_suppress=1"

# dom0_vcpus_pin, and "cpus" of the guests: a virtual CPU stays on its processor. When
# Xen 4.17 lets one move while its timer fires, virt_timer_expired() masks whatever timer
# the CPU set on its new processor, for ever. Where an emulator lets one processor stand
# still for a hundred milliseconds, that happens, and dom0 waits without end.

# boot_xen <image dir> <log dir> <pattern> [dom0 kernel arguments]: until dom0
# powers off.  The serial line goes to console.log; lines that match the pattern
# are shown.  dom0 gets a disk that QEMU reads and writes by DMA into dom0's memory, and
# another on which it leaves a tar of its logs.
boot_xen()
{
	local img=$1 out=$2 show=$3 rc=0 accel=${ACCEL:-tcg} cpu words

	shift 3
	# A comma ends a property of QEMU's, unless there are two.
	words=$*
	cpu=${CPU:-cortex-a57}
	case $accel in
	# With a thread a processor, QEMU 7.2 lets an idle processor of Xen miss
	# its timer and its wake-ups for seconds or for ever.
	tcg) accel=tcg,thread=single ;;
	kvm) cpu=${CPU:-host} ;;
	esac
	truncate -s "${VB_DISK_MB}M" "$img/disk0"
	truncate -s 64M "$img/logdisk"
	mkfifo "$img/input"
	timeout --foreground "${BOOT_TIMEOUT:-3600}" qemu-system-aarch64 \
		-M virt,virtualization=on,gic-version=3 -accel "$accel" \
		-cpu "$cpu" -smp "${CPUS:-2}" -m "${MEM:-2560}" \
		-display none -monitor "unix:$img/monitor,server,nowait" \
		-no-reboot -net none -serial stdio \
		-global virtio-mmio.force-legacy=false \
		-kernel "$img/xen" -append "dom0_mem=${DOM0_MEM:-1024}M \
dom0_max_vcpus=${CPUS:-2} dom0_vcpus_pin loglvl=all guest_loglvl=all console=dtuart \
bootscrub=0 ${XEN_ARGS:-}" \
		-device guest-loader,addr=0x50000000,kernel="$img/Image",bootargs="console=hvc0 \
earlycon=xenboot rdinit=/init panic=-1 loglevel=8 $VB_NO_WATCHDOG ${DOM0_ARGS:-} ${words//,/,,}" \
		-device guest-loader,addr=0x60000000,initrd="$img/dom0.cpio" \
		-drive if=none,id=d0,format=raw,file="$img/disk0",cache=unsafe \
		-device virtio-blk-device,drive=d0,serial=vbmmio \
		-drive if=none,id=d1,format=raw,file="$img/logdisk",cache=unsafe \
		-device virtio-blk-device,drive=d1,serial=vblog \
		<>"$img/input" 2>&1 |
		python3 "$VB_XEN_DIR/console.py" "$out/console.log" "$VB_T0" "$show" ||
		rc=${PIPESTATUS[0]}
	tar -C "$out" -xf "$img/logdisk" 2>/dev/null ||
		log "dom0 left no logs on its log disk"
	return "$rc"
}
