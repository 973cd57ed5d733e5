# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The patches of kunit/mutants, for those who run them and those who only look
# whether they still fit.  To be sourced after common.sh.
#
#   mutant_patches			prints their paths
#   mutant_apply <tree> <patch> [option of patch]
#   mutant_suites <patch>		prints the suites that its first line names

mutant_patches()
{
	find "$VB_TOP/kunit/mutants" -name '*.patch' | sort
}

# Without fuzz: a fault that lands elsewhere proves something else.
mutant_apply()
{
	local tree=$1 patch=$2

	shift 2
	patch -s -p1 -F0 --no-backup-if-mismatch -r - -d "$tree" "$@" <"$patch"
}

mutant_suites()
{
	head -n 1 "$1" | grep -oE '\bvirtback_[a-z0-9_]+' | sort -u
}
