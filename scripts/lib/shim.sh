# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# drivers/core and drivers/blk in user space: what they include. To be sourced after
# common.sh and apt.sh.
#
#   shim_headers <tree> <dir>	fills <dir>, for -isystem

# For each of the kernel's headers that the tree names one that is fuzz/shim.h, and those
# of virtio as they are. What the C library has is its own.
shim_headers() {
	local tree=$1 dir=$2 kernel h
	kernel=$(kernel_source 6.12)
	mkdir -p "$dir/linux"
	cp "$kernel"/include/uapi/linux/virtio_{blk,ring,config,mmio,ids,types}.h "$dir/linux/"
	{
		echo linux/types.h
		echo linux/const.h
		echo trace/define_trace.h
		grep -rhoE '#include <(linux|asm)/[^>]*>' "$tree"/drivers/{core,blk} \
			"$tree"/include/{virtback,trace} | sed 's/.*<//; s/>//'
	} | sort -u | while read -r h; do
		case $h in linux/errno.h|linux/falloc.h) continue ;; esac
		[[ -e $dir/$h ]] && continue
		mkdir -p "$dir/$(dirname "$h")"
		echo '#include "shim.h"' > "$dir/$h"
	done
}
