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

# The lines that change must be there as they are; what is around them may have
# changed, or each change of the code would need one of its mutants.
mutant_apply()
{
	local tree=$1 patch=$2

	shift 2
	patch -s -f -p1 -F3 --no-backup-if-mismatch -r - -d "$tree" "$@" <"$patch"
}

mutant_suites()
{
	head -n 1 "$1" | grep -oE '\bvirtback_[a-z0-9_]+' | sort -u
}
