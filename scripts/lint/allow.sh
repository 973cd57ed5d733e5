# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Known false alarms of a tool, each with its reason.  To be sourced.
#
# A list has one extended regular expression a line; the comment above it gives
# the reason.

# not_allowed <list>: of the lines read, print those the list does not allow;
# fails when there are any.
not_allowed()
{
	local list=$1 lines

	lines=$(cat)
	if [ -s "$list" ] && grep -qv '^#\|^$' "$list"; then
		lines=$(grep -vEf <(grep -v '^#\|^$' "$list") <<< "$lines" || true)
	fi
	[ -z "$lines" ] || { echo "$lines"; return 1; }
}
