# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The Debian packages that `make check` needs on the machine.  To be sourced.

VB_PACKAGES=(
	# builds of kernels and modules
	build-essential bc bison ca-certificates ccache cpio curl flex kmod
	libelf-dev libssl-dev make patch perl python3 rsync xz-utils
	gcc-aarch64-linux-gnu
	# static checks
	clang-14 llvm-14 shellcheck sparse
	# Xen under QEMU
	device-tree-compiler qemu-system-arm
)
# ... and what `make check-full` needs beyond it
VB_PACKAGES_FULL=(clang-16 llvm-16 clang-19 llvm-19 coccinelle)
