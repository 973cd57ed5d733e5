# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Building the module out of a copy of the tree, so that the tree stays clean and
# builds for several kernels do not meet.  To be sourced after common.sh, apt.sh.
#
#   module_sync <tree> <copy>
#   module_make <target> [make arguments]
#
# A target is a kernel and an architecture, and perhaps a clang instead of gcc:
# 6.1-amd64, 6.12-arm64, 6.12-um, 6.12-amd64-clang14.

# The tree's build copies are apart from those of another clone.
VB_WORK=$VB_CACHE/work/$(cache_key "$VB_TOP")
export CCACHE_DIR=$VB_CACHE/ccache CCACHE_MAXSIZE=2G

# By content, and with the time of the copy: a file put back to an older state
# must be compiled again.
module_sync()
{
	mkdir -p "$2"
	rsync -rlp --checksum --delete --exclude='*.mod.c' --include='*/' \
		--include='*.[ch]' --include=Kbuild --exclude='*' \
		"$1"/{Kbuild,drivers,include,kunit} "$2/"
}

# These builds are no part of a make that may have called: its variables and its
# jobs are not theirs.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

# Always from nothing, since a warning is only seen when a file is compiled;
# ccache gives the warning again with the object.
module_make()
{
	local target=$1 version arch clang copy lock kdir out
	local -a kmake

	shift
	mkdir -p "$VB_WORK/$target"
	copy=$VB_WORK/$target/module
	exec {lock}>"$VB_WORK/$target/lock"
	flock "$lock"
	IFS=- read -r version arch clang <<< "$target"
	# set -e does not hold where the caller looks at the status
	case $arch${clang:+-clang} in
	amd64)
		kdir=$(kernel_headers "$version" amd64) || return
		kmake=(-C "$kdir" ARCH=x86_64 CROSS_COMPILE="$(_cross x86_64-linux-gnu)") ;;
	arm64)
		kdir=$(kernel_headers "$version" arm64) || return
		kmake=(-C "$kdir" ARCH=arm64 CROSS_COMPILE="$(_cross aarch64-linux-gnu)") ;;
	*-clang)
		clang=${clang#clang}
		kdir=$(kernel_source "$version") || return
		out=$(clang_tree "$version" "$arch" "$clang") || return
		mapfile -t kmake < <(clang_args "$arch" "$clang")
		kmake+=(-C "$kdir" O="$out") ;;
	um)
		kdir=$(kernel_source "$version") || return
		out=$("$VB_TOP/scripts/uml/build" "$version" plain) || return
		kmake=(-C "$kdir" ARCH=um VIRTBACK_KUNIT=y O="$out") ;;
	*)
		die "no such target: $target" ;;
	esac
	[ -n "$clang" ] || kmake+=('CC=ccache $(CROSS_COMPILE)gcc')
	rm -rf "$copy"
	module_sync "$VB_TOP" "$copy" || return
	make -s -j2 "${kmake[@]}" M="$copy" "$@" modules 2>&1 | sed "s#$copy/##g" || return
	[ -s "$copy/virtback.ko" ] || { echo "no virtback.ko"; return 1; }
	exec {lock}>&-
}

# The prefix of the tools for a machine; none when this machine is of that kind.
_cross()
{
	[ "$1" = "$(gcc -dumpmachine)" ] || echo "$1-"
}
