# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The machine of the bench: what it boots, and QEMU as a computer that counts
# instructions instead of time.  To be sourced after xen/images.sh.
#
#   bench_qemu				prints the path of a QEMU that can do it
#   bench_images <dir> <module> <kernel version> [guest's kernel]
#					fills <dir>; then a plan goes into <dir>/plan
#   describe_tree			prints the commit
#   bench_noisy <dir> <kernel version>	adds the noisy neighbour
#   bench_boot <dir> <console log> <shape> [QEMU's arguments]

VB_BENCH_DIR=$VB_TOP/scripts/bench

# shellcheck source=scripts/lib/qemu.sh
. "$VB_TOP/scripts/lib/qemu.sh"

# A release build, for there is no sense in measuring checks; and with counters, which
# cost an increment each.
VB_BENCH_XEN_CONFIG=${VB_XEN_CONFIG/CONFIG_DEBUG=y/# CONFIG_DEBUG is not set}'
CONFIG_PERF_COUNTERS=y'

# In front of 8.1 a processor of the emulated machine that spins waits for ever for one
# that is never run. Who needs a newer one says so after sourcing this.
VB_BENCH_QEMU=8.1

bench_qemu()
{
	qemu_since "$VB_BENCH_QEMU" qemu-system-aarch64
}

# What it is patched for does not happen where processors run at the same time.
bench_xen()
{
	local VB_XEN_CONFIG=$VB_BENCH_XEN_CONFIG
	local VB_XEN_PATCH=${VB_XEN_PATCH:-$VB_BENCH_DIR/turns.patch}

	xen_hypervisor
}

# The commit, and whether what it says of the module is all there is.
describe_tree()
{
	local commit

	commit=$(git -C "$VB_TOP" rev-parse --short=12 HEAD 2>/dev/null) || commit=unknown
	[ -z "$(git -C "$VB_TOP" status --porcelain -- Kbuild drivers include 2>/dev/null)" ] ||
		commit="$commit and changes"
	echo "$commit"
}

# _bench_pack <dir> <file>: the same bytes from the same files, whenever it is done.
_bench_pack()
{
	find "$1" -exec touch -h -d @0 {} +
	( cd "$1" && find . | LC_ALL=C sort |
		cpio -o -H newc --quiet -R 0:0 --reproducible ) >"$2"
}

bench_guest()
{
	local kernel=$1 u=$2

	cache_entry "bench/guest-$(cache_key "$VB_BENCH_DIR"/guest/* \
		"$VB_BENCH_DIR/machine.sh" "$VB_TOP/scripts/lib/initrd.sh" "$kernel" "$u")" \
		_make_bench_guest "$kernel" "$u"
}

_make_bench_guest()
{
	local dir=$1 kernel=$2 u=$3 r=$1/root

	log "packing the file system of the bench's guest"
	mkdir -p "$r"/{bin,sbin}
	cp -L "$(find "$u" -path '*bin/busybox')" "$r/bin/busybox"
	ln -s ../bin/busybox "$r/sbin/modprobe"
	copy_modules "$r" "$kernel" virtio_mmio virtio_blk xen-blkfront
	cp "$VB_BENCH_DIR/guest/init" "$r/init"
	chmod 755 "$r/init"
	"${VB_CROSS}gcc" -static -O2 -Wall -Wextra -Werror -pthread \
		-o "$r/bin/vbaio" "$VB_BENCH_DIR/guest/vbaio.c"
	"${VB_CROSS}strip" "$r/bin/vbaio"
	cp "$r/bin/vbaio" "$dir/"
	_bench_pack "$r" "$dir/guest.cpio"
	rm -rf "$r"
}

# bench_images <dir> <module> <kernel version of dom0 and guest> [another image for the guest]
bench_images()
{
	local out=$1 ko=$2 xen kernel u base guest r=$1/root node

	xen=$(bench_xen)
	kernel=$(kernel_tree "$3")
	u=$(xen_userland)
	base=$(dom0_base "$kernel" "$u")
	guest=$(bench_guest "$kernel" "$u")
	mkdir -p "$r"/{bench,bin,etc/xen/scripts}
	cp "$xen/xen" "$kernel/boot/Image" "$out/"
	cp "$VB_BENCH_DIR/dom0/init" "$r/init"
	cp "$VB_BENCH_DIR/dom0/bench.sh" "$r/bench/"
	cp "$VB_BENCH_DIR/dom0/block" "$r/etc/xen/scripts/block"
	cp "$guest/guest.cpio" "$r/bench/"
	cp "${4:-$kernel/boot/Image}" "$r/bench/Image"
	cp "$guest/vbaio" "$r/bin/"
	# Not for its debug information, which would only make the archive longer.
	"${VB_CROSS}strip" -g -o "$r/bench/virtback.ko" "$ko"
	xz -dc "$(_bench_blkback "$kernel")" >"$r/bench/xen-blkback.ko" 2>/dev/null ||
		cp "$(_bench_blkback "$kernel")" "$r/bench/xen-blkback.ko"
	copy_programs "$r" "$u" "usr/lib/xen-$VB_XEN_VERSION/bin/xenperf"
	mkdir -p "$r/usr/sbin"
	ln -s "../lib/xen-$VB_XEN_VERSION/bin/xenperf" "$r/usr/sbin/xenperf"
	for node in virtio-node virtio-grant-node; do
		dtc -q -I dts -O dtb -o "$r/bench/$node.dtb" "$VB_TOP/tools/$node.dts"
	done
	chmod 755 "$r/init" "$r/etc/xen/scripts/block"
	cp "$base/base.cpio" "$out/"
}

_bench_blkback()
{
	find "$1/lib/modules" -name 'xen-blkback.ko*'
}

# bench_noisy <dir> <kernel version>: what the noisy neighbour boots: the bench's guest,
# but with the hostile driver (scripts/xen/hostile) and an init that loads it.
bench_noisy()
{
	local r=$1/noisy

	mkdir -p "$r"
	cp "$VB_BENCH_DIR/noisy/init" "$r/init"
	chmod 755 "$r/init"
	_bench_pack "$r" "$1/noisy.cpio"
	rm -rf "$r"
	cat "$1/root/bench/guest.cpio" "$(guest_hostile "$2")/hostile.cpio" \
		"$1/noisy.cpio" >"$1/root/bench/noisy.cpio"
}

# bench_boot <dir> <console log> <normal|wide|noisy|noisy-wide> [QEMU's argument]...
#
# -icount: a virtual clock that goes on 2 ns with each instruction of whichever
# processor, and jumps when all are idle; one thread runs them all. Nothing in the
# machine comes from outside (no clock, no random seed, no network, no disk, which would
# answer in real time), so the same images give the same figures. With BENCH_CLOCK=host
# the clock is the host's and each processor has a thread, for orientation.
bench_boot()
{
	local img=$1 console=$2 shape=$3 rc=0 qemu
	local clock="-accel tcg,thread=single -icount shift=1,sleep=off"
	local cpus=2 xen="dom0_max_vcpus=1 dom0_vcpus_pin" guest='GUEST_VCPUS=1 GUEST_CPUS=1'

	shift 3
	[ "${BENCH_CLOCK:-}" != host ] || clock="-accel tcg,thread=multi"
	if [ "$shape" = wide ]; then
		cpus=8 xen="dom0_max_vcpus=4 dom0_vcpus_pin"
		guest='GUEST_VCPUS=4 GUEST_CPUS=4-7'
	fi
	# One for the guest that is measured, three for the noisy one. The emulator runs one
	# processor after the other, each for its part of the time until a timer is due: that of
	# a network's filter, which no processor sees, keeps this short. Who has something to do
	# is run at once, as where nobody else wants the processor.
	case $shape in
	noisy*)
		xen="$xen sched_ratelimit_us=0"
		set -- "$@" -netdev hubport,id=tick,hubid=0 \
			-object "filter-buffer,id=ticks,netdev=tick,interval=${BENCH_TICK_US:-20}" ;;
	esac
	case $shape in
	noisy) cpus=5 guest="$guest NOISY_CPUS=2-4" ;;
	noisy-wide)
		cpus=8 xen="${xen/max_vcpus=1/max_vcpus=4}"
		guest='GUEST_VCPUS=1 GUEST_CPUS=4 NOISY_CPUS=5-7' ;;
	esac
	{ echo "$guest"; cat "$img/plan"; } >"$img/root/bench/plan"
	_bench_pack "$img/root" "$img/overlay.cpio"
	cat "$img/base.cpio" "$img/overlay.cpio" >"$img/dom0.cpio"
	qemu=$(bench_qemu)
	# shellcheck disable=SC2086
	timeout --foreground "${BOOT_TIMEOUT:-1500}" "$qemu" \
		-M virt,virtualization=on,gic-version=3,dtb-randomness=off \
		-cpu cortex-a57 -smp "$cpus" -m 2G \
		$clock -rtc clock=vm,base=2026-01-01T00:00:00 \
		-display none -monitor none -no-reboot -net none -serial stdio \
		"$@" \
		-kernel "$img/xen" -append "dom0_mem=1024M $xen loglvl=warning \
guest_loglvl=none console=dtuart bootscrub=0" \
		-device guest-loader,addr=0x50000000,kernel="$img/Image",bootargs="console=hvc0 \
rdinit=/init panic=-1 quiet nokaslr mitigations=off randomize_kstack_offset=off \
nowatchdog rcupdate.rcu_cpu_stall_suppress=1" \
		-device guest-loader,addr=0x60000000,initrd="$img/dom0.cpio" \
		</dev/null 2>&1 |
		python3 "$VB_XEN_DIR/console.py" "$console" "$VB_T0" '(@(?:fail|skip).*)' ||
		rc=${PIPESTATUS[0]}
	grep -q '^\[[^]]*\] @done' "$console" ||
		die "the run did not come to its end ($rc), see $console"
}
