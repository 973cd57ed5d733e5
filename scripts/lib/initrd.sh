# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Initial file systems out of Debian packages, for machines that QEMU boots.
# To be sourced after common.sh and apt.sh.

# kernel_tree <6.1|6.12> [arm64|amd64]: image and modules, with modules.dep.
kernel_tree()
{
	local image

	image=$(kernel_image "$@")
	cache_entry "kernel/${image##*/}" _make_kernel_tree "$image"
}

_make_kernel_tree()
{
	local ver

	ver=$(basename "$2"/lib/modules/*)
	mkdir -p "$1/boot" "$1/lib"
	cp -al "$2/lib/modules" "$1/lib/"
	cp "$2"/boot/vmlinuz-* "$1/boot/Image"
	depmod -b "$1" "$ver"
}

# copy_programs <root> <userland> <program>...: with the libraries they need.
copy_programs()
{
	local root=$1 u=$2 p

	shift 2
	for p in "$@"; do
		mkdir -p "$root/$(dirname "$p")"
		cp -L "$u/$p" "$root/$p"
		_copy_libs "$root" "$u" "$root/$p"
	done
}

_copy_libs()
{
	local root=$1 u=$2 n f to

	for n in $(readelf -d "$3" 2>/dev/null |
			sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p'); do
		# Where /lib is /usr/lib, packages have no lib.
		f=$(find "$u"/{,usr/}lib -name "$n" 2>/dev/null | sort | head -n 1) || true
		[ -n "$f" ] || die "no library $n for $3"
		to=$root/${f#"$u"/}
		case $n in
		ld-linux-aarch64.so.1) to=$root/lib/$n ;;
		ld-linux-x86-64.so.2) to=$root/lib64/$n ;;
		esac
		[ ! -e "$to" ] || continue
		mkdir -p "${to%/*}"
		cp -L "$f" "$to"
		_copy_libs "$root" "$u" "$to"
	done
}

# copy_modules <root> <kernel dir> <module>...: with all they depend on, and
# the modules.dep that busybox's modprobe reads.
copy_modules()
{
	local root=$1 kernel=$2 ver m f to

	shift 2
	ver=$(basename "$kernel"/lib/modules/*)
	for m in "$@"; do
		# A name that is built in, or new in one kernel, prints no path.
		for f in $(modprobe -d "$kernel" -S "$ver" --show-depends "$m" |
				awk '$1 == "insmod" { print $2 }'); do
			to=$root/lib/modules/$ver/${f#*/lib/modules/"$ver"/}
			to=${to%.xz}
			mkdir -p "${to%/*}"
			case $f in
			*.xz) xz -dc "$f" >"$to" ;;
			*) cp "$f" "$to" ;;
			esac
		done
	done
	cp "$kernel/lib/modules/$ver"/modules.{builtin,order} \
		"$root/lib/modules/$ver/"
	# Silent about modules.builtin.modinfo, which Debian does not ship.
	depmod -b "$root" "$ver" 2>/dev/null
}

pack_cpio()
{
	( cd "$1" && find . | LC_ALL=C sort |
		cpio -o -H newc --quiet -R 0:0 ) >"$2"
}
