# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Trees to build the module with clang.  Debian's kernel headers will not do: they
# name gcc in .kernelvariables (so LLVM=1 is silently a gcc build), and their
# configuration has options that only gcc knows.  So Debian's configuration is
# taken over into a source tree prepared for clang; the kernel itself is not built.
# To be sourced after common.sh and apt.sh.
#
#   clang_tree <6.1|6.12> <amd64|arm64> <clang version>	prints a KDIR
#   clang_args <amd64|arm64> <clang version>		prints make arguments, one a line

clang_args()
{
	local arch=$1 clang=$2

	# the linker of binutils: what Debian's kernels were linked with
	case $arch in
	amd64) printf '%s\n' ARCH=x86_64 LD=x86_64-linux-gnu-ld.bfd ;;
	arm64) printf '%s\n' ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- \
		LD=aarch64-linux-gnu-ld.bfd ;;
	esac
	printf '%s\n' "LLVM=-$clang" "CC=ccache clang-$clang" HOSTCC=gcc HOSTCXX=g++
}

clang_tree()
{
	local version=$1 arch=$2 clang=$3 src headers key tool

	# The kernel's own tools are linked with lld.
	for tool in clang ld.lld llvm-nm; do
		command -v "$tool-$clang" >/dev/null ||
			need_packages "clang-$clang" "lld-$clang" "llvm-$clang" || return
	done
	src=$(kernel_source "$version")
	headers=$(kernel_headers "$version" "$arch")
	key=$(cache_key "$src" "$headers" "$("clang-$clang" --version | head -n 1)")
	cache_entry "clang/$version-$arch-$clang-$key" \
		_make_clang_tree "$arch" "$clang" "$src" "$headers"
}

_make_clang_tree()
{
	local out=$1 arch=$2 clang=$3 src=$4 headers=$5
	local -a kmake

	log "preparing $(basename "$src") $arch for clang $clang"
	mapfile -t kmake < <(clang_args "$arch" "$clang")
	unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
	cp "$headers/.config" "$out/"
	mkdir -p "$VB_CACHE/log"
	quietly "$VB_CACHE/log/clang-tree" make -s -j2 -C "$src" O="$out" \
		"${kmake[@]}" olddefconfig modules_prepare
	grep -q '^CONFIG_CC_IS_CLANG=y' "$out/.config"
	cp "$headers/Module.symvers" "$out/"
}
