# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The Debian packages that builds, static checks and UML need on the machine.
# To be sourced after common.sh.

VB_PACKAGES=(
	build-essential bc bison ca-certificates ccache curl flex kmod libelf-dev
	libssl-dev patch perl python3 rsync xz-utils gcc-aarch64-linux-gnu
	clang-14 lld-14 llvm-14 libclang-rt-14-dev shellcheck sparse)

# Asking dpkg takes longer than a test run may; so ask for the programs first.
host_tools()
{
	local f

	for f in gcc make bc bison ccache curl flex patch perl python3 rsync xz \
		aarch64-linux-gnu-gcc clang-14 ld.lld-14 llvm-nm-14 shellcheck sparse \
		/usr/include/libelf.h /usr/include/openssl/ssl.h; do
		if [ ! -e "$f" ] && ! command -v "$f" >/dev/null; then
			need_packages "${VB_PACKAGES[@]}"
			return
		fi
	done
}
