# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A kernel of our own for the machine with four processors, built from Debian's source.
# To be sourced after common.sh, apt.sh, kconfig.sh.
#
#   own_kernel <kcsan|lockdep>	prints a dir with boot/Image, lib/modules and build/
#
# <name>.config is what it finds. Of the kernel itself KCSAN sees nothing but the barriers: it is slow, and the races of
# others are not ours to find.

VB_OWN_KERNEL=6.12

own_kernel()
{
	local src

	need_packages ccache
	src=$(kernel_source "$VB_OWN_KERNEL")
	cache_entry "own-kernel/$1-$(cache_key "$src" "$VB_SMP_DIR/kernel.config" \
		"$VB_SMP_DIR/$1.config" "$VB_SMP_DIR/kernel.sh" "$(_own_compiler)")" \
		_make_own_kernel "$1" "$src"
}

_own_compiler()
{
	"$(_cross x86_64-linux-gnu)gcc" --version | head -n 1
}

# own_kernel_args <kernel>: arguments of make, one a line.
own_kernel_args()
{
	local tools

	tools=$(_cross x86_64-linux-gnu)
	printf '%s\n' -C "$(kernel_source "$VB_OWN_KERNEL")" ARCH=x86_64 "O=$1/build" \
		"CROSS_COMPILE=$tools" "CC=ccache ${tools}gcc"
}

_make_own_kernel()
{
	local dir=$1 variant=$2 out=$1/build
	local -a kmake

	announce "building a kernel with $variant (log/own-kernel-$variant)"
	# no part of a make that may have called
	unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
	# the object files do not depend on where the output directory is
	export CCACHE_DIR=$VB_CACHE/ccache CCACHE_MAXSIZE=2G
	export CCACHE_BASEDIR=$VB_CACHE CCACHE_NOHASHDIR=1
	mapfile -t kmake < <(own_kernel_args "$dir")
	kmake=(make -s -j"$(nproc)" "${kmake[@]}")
	mkdir -p "$out" "$dir/boot" "$VB_CACHE/log"
	cat "$VB_SMP_DIR"/{kernel,"$variant"}.config >"$dir/wanted.config"
	kconfig_make "$out" "$dir/wanted.config" "${kmake[@]}"
	# From the environment: a Makefile that has its own idea of either is right.
	export KCSAN_SANITIZE=n KCSAN_INSTRUMENT_BARRIERS=y
	kmake+=("${VB_NOT_KERNEL[@]/%/=n}")
	quietly "$VB_CACHE/log/own-kernel-$variant" "${kmake[@]}" bzImage modules
	quietly "$VB_CACHE/log/own-kernel-$variant" "${kmake[@]}" modules_install \
		INSTALL_MOD_PATH="$dir"
	mv "$out/arch/x86/boot/bzImage" "$dir/boot/Image"
	rm -f "$dir"/lib/modules/*/build "$out"/{vmlinux,vmlinux.o,.tmp_vmlinux*}
}

# What is no part of the kernel's text and so cannot call into KCSAN.
VB_NOT_KERNEL=(KCSAN_INSTRUMENT_BARRIERS_{vclock_gettime,vgetcpu,vgetrandom,vsgx}.o)
