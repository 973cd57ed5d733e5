# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of a script: one line each with its time, what a failed one printed, and
# the closing line.  To be sourced.
#
#   test_run <name> <command> [arguments]
#   test_end	prints "N passed, N failed"; fails if one failed or none ran

VB_PASSED=0
VB_FAILED=0

test_run()
{
	local name=$1 out rc=0 start=${EPOCHREALTIME/./} ms

	shift
	out=$(mktemp)
	# A child shell of its own, where set -e holds in spite of the `||`.
	( set -euo pipefail; "$@" ) >"$out" 2>&1 &
	wait $! || rc=$?
	ms=$(( (${EPOCHREALTIME/./} - start) / 1000 ))
	if [ "$rc" = 0 ]; then
		VB_PASSED=$(( VB_PASSED + 1 ))
		printf 'ok   %-32s %4d.%d s\n' "$name" $(( ms / 1000 )) $(( ms / 100 % 10 ))
	else
		VB_FAILED=$(( VB_FAILED + 1 ))
		printf 'FAIL %-32s %4d.%d s\n' "$name" $(( ms / 1000 )) $(( ms / 100 % 10 ))
		head -n 60 "$out" | sed 's/^/     /'
	fi
	rm -f "$out"
}

test_end()
{
	echo "$VB_PASSED passed, $VB_FAILED failed"
	[ "$VB_FAILED" = 0 ] && [ "$VB_PASSED" != 0 ]
}
