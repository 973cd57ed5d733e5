# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes what the Xen/arm64 test machine boots: the hypervisor with IOREQ servers
# (Debian's is built without), the virtback module for dom0's kernel, and the
# initial file systems of dom0 and of the guest, as cpio parts that the kernel
# reads one after the other.  To be sourced after common.sh, apt.sh and initrd.sh.

VB_XEN_DIR=$VB_TOP/scripts/xen
VB_XEN_VERSION=${XEN:-4.17}
case $VB_XEN_VERSION in
4.17) VB_XEN_SUITE=bookworm VB_EXT2_DEB=libext2fs2 ;;
4.20) VB_XEN_SUITE=trixie VB_EXT2_DEB=libext2fs2t64 ;;
*) die "there is no rig for Xen $VB_XEN_VERSION; XEN is 4.17 or 4.20" ;;
esac
VB_CROSS=aarch64-linux-gnu-
[ "$VB_HOST_ARCH" != arm64 ] || VB_CROSS=

# CONFIG_XSM spares a warning with a 3 s countdown; SILO is Debian's default.
VB_XEN_CONFIG='CONFIG_EXPERT=y
CONFIG_UNSUPPORTED=y
CONFIG_IOREQ_SERVER=y
CONFIG_DEBUG=y
CONFIG_XSM=y
CONFIG_XSM_SILO=y
CONFIG_XSM_SILO_DEFAULT=y
# CONFIG_SCRUB_DEBUG is not set'

VB_XEN_DEBS="xen-utils-$VB_XEN_VERSION libxenmisc$VB_XEN_VERSION xen-utils-common xenstore-utils
	libxencall1 libxenevtchn1 libxenforeignmemory1 libxengnttab1
	libxenstore4 libxentoollog1 libxentoolcore1 libxendevicemodel1
	libxenhypfs1"
VB_LIB_DEBS="libc6 libncurses6 libtinfo6 libyajl2 libfdt1 libuuid1 libbz2-1.0
	liblzma5 liblzo2-2 zlib1g libzstd1 libnl-3-200 libnl-route-3-200
	libgcc-s1 libargon2-1 libjson-c5 libdevmapper1.02.1 libselinux1
	libpcre2-8-0 libudev1 libcap2 libblkid1 libsmartcols1
	$VB_EXT2_DEB libcom-err2 libss2"
VB_TOOL_DEBS="busybox-static dmsetup util-linux e2fsprogs"
VB_GUEST_DEBS="busybox-static e2fsprogs libc6 libblkid1 libuuid1 libext2fs2
	libcom-err2 util-linux libudev1 xfsprogs libinih1 liburcu8"

VB_DOM0_MODULES="xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs configfs
	brd null_blk loop dm-mod dm-delay dm-flakey dm-thin-pool nbd
	target_core_file tcm_loop sd_mod virtio_mmio virtio_blk
	ext4 crc32c_generic"
VB_GUEST_MODULES="virtio_mmio virtio_blk ext4 xfs crc32c_generic"

rig_packages()
{
	local cross="gcc-aarch64-linux-gnu libc6-dev-arm64-cross"

	[ -n "$VB_CROSS" ] || cross="gcc libc6-dev"
	# shellcheck disable=SC2086
	need_packages $cross make bc bison flex cpio xz-utils kmod rsync curl \
		python3 ca-certificates libc6-dev gcc device-tree-compiler \
		qemu-system-arm pahole
}

# With VB_XEN_PATCH this is applied to it.
xen_hypervisor()
{
	local src

	src=$(in_suite "$VB_XEN_SUITE" xen_source "$VB_XEN_VERSION")
	cache_entry "xen/${src##*/}-$(cache_key "$VB_XEN_CONFIG" ${VB_XEN_PATCH:+"$VB_XEN_PATCH"} \
		"$(${VB_CROSS}gcc --version | head -n 1)")" \
		_make_xen "$src"
}

_make_xen()
{
	local dir=$1 x="$1/build/xen"

	log "building Xen ${2##*xen_} for arm64 (log/xen-build)"
	cp -a "$2" "$dir/build"
	[ -z "${VB_XEN_PATCH:-}" ] || quietly "$VB_CACHE/log/xen-patch" \
		patch -p1 -d "$dir/build" -i "$(realpath "$VB_XEN_PATCH")"
	export XEN_TARGET_ARCH=arm64 CROSS_COMPILE=$VB_CROSS
	quietly "$VB_CACHE/log/xen-config" make -C "$x" arm64_defconfig
	echo "$VB_XEN_CONFIG" >>"$x/.config"
	quietly "$VB_CACHE/log/xen-config" make -C "$x" olddefconfig
	grep -q '^CONFIG_IOREQ_SERVER=y' "$x/.config"
	quietly "$VB_CACHE/log/xen-build" make -C "$x" -j"$(nproc)"
	mv "$x/xen" "$x/xen-syms" "$x/.config" "$dir/"
	rm -rf "$dir/build"
}

# The unpacked arm64 packages that dom0's file system takes files from.
xen_userland()
{
	# shellcheck disable=SC2086
	in_suite "$VB_XEN_SUITE" _userland $VB_XEN_DEBS $VB_LIB_DEBS $VB_TOOL_DEBS
}

# ... and the guest's, which is the same whatever Xen it runs on.
guest_userland()
{
	# shellcheck disable=SC2086
	_userland $VB_GUEST_DEBS
}

_userland()
{
	local debs

	mapfile -t debs < <(deb_fetch arm64 "$@")
	[ ${#debs[@]} = $# ] || die "packages for the test machine are missing"
	cache_entry "userland/$(cache_key "${debs[@]##*/}" x)" deb_unpack "${debs[@]}"
}

# The path in a tree of packages of a program of /sbin, whether or not its release
# has merged that with /usr/sbin.
sbin_of()
{
	( cd "$1" && echo "$(ls -d {,usr/}sbin/"$2" 2>/dev/null)" )
}

# The part of dom0's file system that depends on packages only.
dom0_base()
{
	local kernel=$1 u=$2

	cache_entry "dom0/$(cache_key "$VB_XEN_DIR/images.sh" \
		"$VB_TOP/scripts/lib/initrd.sh" "$kernel" "$u")" \
		_make_dom0_base "$kernel" "$u"
}

_make_dom0_base()
{
	local dir=$1 kernel=$2 u=$3 r=$1/root x=usr/lib/xen-$VB_XEN_VERSION/bin b

	log "packing dom0's file system"
	mkdir -p "$r"/{bin,sbin,etc,proc,sys,dev,run,tmp,root,mnt} \
		"$r"/var/{log/xen/console,lib/xen,lib/xenstored} "$r"/usr/{bin,sbin}
	copy_programs "$r" "$u" $x/{xl,xenstored,xenconsoled,xen-init-dom0,xenstore-control} \
		usr/bin/xenstore "$(sbin_of "$u" dmsetup)" "$(sbin_of "$u" blkzone)" \
		"$(sbin_of "$u" mke2fs)"
	# Without it mke2fs lacks ext4's features.
	cp "$u/etc/mke2fs.conf" "$r/etc/"
	# pthread_cancel() loads it by name.
	mkdir -p "$r/lib/aarch64-linux-gnu"
	cp -L "$(find "$u" -name libgcc_s.so.1)" "$r/lib/aarch64-linux-gnu/"
	for b in xl xenstored xenconsoled xen-init-dom0 xenstore-control; do
		ln -s "/$x/$b" "$r/usr/sbin/$b"
	done
	for b in ls read write list rm watch exists chmod; do
		ln -s xenstore "$r/usr/bin/xenstore-$b"
	done
	cp -r "$u/etc/xen" "$r/etc/"
	cp -L "$(find "$u" -path '*bin/busybox')" "$r/bin/busybox"
	# The kernel asks for modules by this path: ext4 wants crc32c.
	ln -s ../bin/busybox "$r/sbin/modprobe"
	# shellcheck disable=SC2086
	copy_modules "$r" "$kernel" $VB_DOM0_MODULES
	pack_cpio "$r" "$dir/base.cpio"
	rm -rf "$r"
}

guest_initrd()
{
	local kernel=$1 u=$2

	cache_entry "guest/$(cache_key "$VB_XEN_DIR"/guest/* \
		"$VB_XEN_DIR/images.sh" "$VB_TOP/scripts/lib/initrd.sh" "$kernel" "$u")" \
		_make_guest "$kernel" "$u"
}

_make_guest()
{
	local dir=$1 kernel=$2 u=$3 r=$1/root

	log "packing the guest's file system"
	mkdir -p "$r"/{bin,etc,sbin}
	cp -L "$(find "$u" -path '*bin/busybox')" "$r/bin/busybox"
	# The kernel asks for modules by this path: ext4 wants crc32c.
	ln -s ../bin/busybox "$r/sbin/modprobe"
	copy_programs "$r" "$u" sbin/mke2fs sbin/blkzone sbin/mkfs.xfs sbin/xfs_repair
	ln -s mke2fs "$r/sbin/mkfs.ext4"
	# Without it mke2fs lacks ext4's features.
	cp "$u/etc/mke2fs.conf" "$r/etc/"
	# shellcheck disable=SC2086
	copy_modules "$r" "$kernel" $VB_GUEST_MODULES
	cp "$VB_XEN_DIR/guest/init" "$r/init"
	chmod 755 "$r/init"
	"${VB_CROSS}gcc" -static -O2 -Wall -Wextra -Werror -pthread \
		-o "$r/bin/vbio" "$VB_XEN_DIR/guest/vbio.c"
	"${VB_CROSS}gcc" -static -O2 -Wall -Wextra -Werror -pthread \
		-o "$r/bin/storm" "$VB_XEN_DIR/guest/storm.c"
	"${VB_CROSS}gcc" -static -O2 -Wall -Wextra -Werror \
		-o "$dir/nbd" "$VB_XEN_DIR/guest/nbd.c"
	"${VB_CROSS}gcc" -static -O2 -Wall -Wextra -Werror \
		-o "$dir/domkill" "$VB_XEN_DIR/guest/domkill.c"
	"${VB_CROSS}strip" "$r/bin/vbio" "$r/bin/storm" "$dir/nbd" "$dir/domkill"
	cp "$r/bin/vbio" "$r/bin/storm" "$dir/"
	pack_cpio "$r" "$dir/guest.cpio"
	# For guests that have to boot quickly, with a kernel that needs no modules.
	rm -r "${r:?}"/{lib,sbin,etc}
	mkdir "$r/sbin"
	pack_cpio "$r" "$dir/guest-small.cpio"
	rm -rf "$r"
}

# The hostile driver for the guest's kernel (scripts/xen/hostile), as an archive that a
# scenario appends to guest.cpio.
guest_hostile()
{
	local kdir

	kdir=$(kernel_headers "$1" arm64)
	cache_entry "hostile/$(cache_key "$VB_XEN_DIR"/hostile/* "$VB_TOP"/kunit/hostile.[ch] \
		"$kdir")" _make_hostile "$kdir"
}

_make_hostile()
{
	local dir=$1 kdir=$2

	mkdir -p "$dir/build" "$dir/root" "$VB_CACHE/log"
	cp "$VB_XEN_DIR"/hostile/* "$VB_TOP/kunit/hostile.h" "$dir/build/"
	cp "$VB_TOP/kunit/hostile.c" "$dir/build/driver.c"
	log "building hostile.ko for $(basename "$kdir")"
	quietly "$VB_CACHE/log/hostile" make -C "$kdir" M="$dir/build" ARCH=arm64 \
		CROSS_COMPILE="$VB_CROSS" modules 1>&2
	cp "$dir/build/hostile.ko" "$dir/root/"
	"${VB_CROSS}strip" -g "$dir/root/hostile.ko"
	pack_cpio "$dir/root" "$dir/hostile.cpio"
	rm -rf "$dir/build" "$dir/root"
}

# A module for dom0's kernel that lets one call of virtback fail (scripts/xen/failing).
dom0_failing()
{
	local kdir

	kdir=$(kernel_headers "$1" arm64)
	cache_entry "failing/$(cache_key "$VB_XEN_DIR"/failing/* "$kdir")" _make_failing "$kdir"
}

_make_failing()
{
	local dir=$1 kdir=$2

	mkdir -p "$dir/build" "$VB_CACHE/log"
	cp "$VB_XEN_DIR"/failing/* "$dir/build/"
	log "building failing.ko for $(basename "$kdir")"
	quietly "$VB_CACHE/log/failing" make -C "$kdir" M="$dir/build" ARCH=arm64 \
		CROSS_COMPILE="$VB_CROSS" modules 1>&2
	cp "$dir/build/failing.ko" "$dir/"
	"${VB_CROSS}strip" -g "$dir/failing.ko"
	rm -rf "$dir/build"
}

# tiny_kernel <file>: an arm64 kernel image that only waits, for guests that
# exist and do nothing.
tiny_kernel()
{
	python3 - "$1" <<-'EOF'
	import struct, sys
	size = 0x1000
	head = struct.pack('<IIQQQQQQII', 0x14000010, 0, 0, size, 0xa, 0, 0, 0,
	                   0x644d5241, 0)
	code = struct.pack('<II', 0xd503207f, 0x17ffffff)   # wfi; b to it
	open(sys.argv[1], 'wb').write((head + code).ljust(size, b'\0'))
	EOF
}

# build_module <6.1|6.12>: virtback.ko from a copy of the tree, which stays
# clean; prints its path.  VIRTBACK_KO names a module made elsewhere.
build_module()
{
	local v=$1 kdir dir lock

	if [ -n "${VIRTBACK_KO:-}" ]; then
		echo "$VIRTBACK_KO"
		return
	fi
	kdir=$(kernel_headers "$v" arm64)
	# One copy for each tree: worktrees may build at the same time.
	dir=$VB_CACHE/module/$(cache_key "$VB_TOP")-$v
	mkdir -p "$dir" "$VB_CACHE/log" "$VB_CACHE/.lock"
	exec {lock}>"$VB_CACHE/.lock/module-$(basename "$dir")"
	flock "$lock"
	rsync -a --delete --exclude '*.o' --exclude '*.ko' --exclude '*.mod' \
		--exclude '*.mod.c' --exclude '.*.cmd' --exclude '.*.d' \
		--exclude Module.symvers --exclude modules.order \
		--exclude .git --exclude logs "$VB_TOP/" "$dir/"
	log "building virtback.ko for $(basename "$kdir")"
	quietly "$VB_CACHE/log/module-$v" make -C "$kdir" M="$dir" ARCH=arm64 \
		CROSS_COMPILE="$VB_CROSS" -j"$(nproc)" modules 1>&2
	exec {lock}>&-
	[ -e "$dir/virtback.ko" ] || die "the build made no virtback.ko"
	echo "$dir/virtback.ko"
}

# make_images <out dir> <dom0 kernel> <guest kernel> [dir of the grants' kernel]:
# everything QEMU loads: xen, Image, dom0.cpio.  VIRTBACK_MORE names a directory of more
# modules, which go to /vb/more.
make_images()
{
	local out=$1 grants=${4:-} xen k0 kg u base guest hostile failing ko ov node

	xen=$(xen_hypervisor)
	k0=$(kernel_tree "$2")
	kg=$(kernel_tree "$3")
	u=$(xen_userland)
	base=$(dom0_base "$k0" "$u")
	guest=$(guest_initrd "$kg" "$(guest_userland)")
	hostile=$(guest_hostile "$3")
	failing=$(dom0_failing "$2")
	ko=$(build_module "$2")

	mkdir -p "$out"
	ov=$out/overlay
	mkdir -p "$ov/vb" "$ov/bin"
	cp "$xen/xen" "$k0/boot/Image" "$out/"
	cp "$VB_XEN_DIR/dom0/init" "$ov/init"
	cp -r "$VB_XEN_DIR/dom0/." "$VB_XEN_DIR/scenarios" "$VB_XEN_DIR/faults" "$ov/vb/"
	cp -r "$VB_TOP/Documentation/ABI/testing" "$ov/vb/abi"
	"$VB_TOP/scripts/book.py" extract "$ov/vb/book"
	cp "$ko" "$ov/vb/virtback.ko"
	[ -z "${VIRTBACK_MORE:-}" ] || cp -r "$VIRTBACK_MORE" "$ov/vb/more"
	cp "$guest/guest.cpio" "$guest/guest-small.cpio" "$ov/vb/"
	cp "$hostile/hostile.cpio" "$ov/vb/hostile.cpio"
	cp "$failing/failing.ko" "$ov/vb/failing.ko"
	cp "$guest/vbio" "$guest/storm" "$guest/nbd" "$guest/domkill" "$ov/bin/"
	cp "$kg/boot/Image" "$ov/vb/Image"
	[ -z "$grants" ] || cp "$grants/boot/Image" "$ov/vb/Image-grants"
	tiny_kernel "$ov/vb/tiny"
	for node in "$VB_TOP"/tools/*.dts "$VB_XEN_DIR"/dom0/*.dts; do
		dtc -q -I dts -O dtb -o "$ov/vb/$(basename "$node" .dts).dtb" "$node"
	done
	# As a user has them, but without the manuals.
	"$VB_TOP/scripts/install-tools" "$ov/usr"
	rm -r "$ov/usr/share/man" "$ov/usr/share/doc" "$ov/usr/share/bash-completion"
	chmod 755 "$ov/init"
	pack_cpio "$ov" "$out/overlay.cpio"
	cat "$base/base.cpio" "$out/overlay.cpio" >"$out/dom0.cpio"
	rm -rf "$ov" "$out/overlay.cpio"
}
