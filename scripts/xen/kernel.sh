# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel of the guests that use grants, built from Debian's source because
# Debian's own are without CONFIG_XEN_VIRTIO.  To be sourced after images.sh.
#
#   grant_kernel	prints a dir with boot/Image

VB_GRANT_KERNEL=6.12

grant_kernel()
{
	local src

	need_packages ccache
	src=$(kernel_source "$VB_GRANT_KERNEL")
	cache_entry "guest-kernel/$VB_GRANT_KERNEL-$(cache_key "$src" \
		"$VB_XEN_DIR/guest/virtio.config" \
		"$("${VB_CROSS}gcc" --version | head -n 1)")" \
		_make_grant_kernel "$src"
}

_make_grant_kernel()
{
	local dir=$1 src=$2 out=$1/build start=$SECONDS
	local kmake=(make -s -j"$(nproc)" -C "$src" ARCH=arm64 O="$out"
		CROSS_COMPILE="$VB_CROSS" "CC=ccache ${VB_CROSS}gcc")

	announce "building the kernel of guests with grants (log/guest-kernel)"
	# no part of a make that may have called
	unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
	# the object files do not depend on where the output directory is
	export CCACHE_DIR=$VB_CACHE/ccache CCACHE_MAXSIZE=2G
	export CCACHE_BASEDIR=$VB_CACHE CCACHE_NOHASHDIR=1
	mkdir -p "$out" "$dir/boot" "$VB_CACHE/log"
	kconfig_make "$out" "$VB_XEN_DIR/guest/virtio.config" "${kmake[@]}"
	quietly "$VB_CACHE/log/guest-kernel" "${kmake[@]}" Image
	mv "$out/arch/arm64/boot/Image" "$dir/boot/"
	mv "$out/.config" "$dir/"
	rm -rf "$out"
	log "built it in $(( SECONDS - start )) s"
}
