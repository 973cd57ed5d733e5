# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Kernels configured from nothing but a fragment in the tree.  To be sourced after
# common.sh.
#
#   kconfig_make <out> <fragment> <make command>...   configures <out>

# What a fragment does not name is off.
kconfig_make()
{
	local out=$1 fragment=$2

	shift 2
	KCONFIG_ALLCONFIG=$fragment "$@" allnoconfig
	_kconfig_demand "$fragment" "$out/.config"
}

# Kconfig drops, without a word, what it does not know or cannot satisfy.
_kconfig_demand()
{
	local opt rc=0

	while read -r opt; do
		case $opt in
		*=n) ! grep -q "^${opt%=n}=" "$2" ;;	# a comment, or absent
		*) grep -qxF "$opt" "$2" ;;
		esac || { log "the kernel has not taken $opt"; rc=1; }
	done < <(grep '^CONFIG_' "$1")
	return $rc
}
