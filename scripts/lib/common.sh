# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What every script of the tree shares: where the cache is, log lines with the
# elapsed time, a clear end on errors, cache entries that are either whole or
# absent, and the installation of host tools.  To be sourced.

[ -n "${VB_COMMON_SH:-}" ] && return 0
VB_COMMON_SH=1

# Without this an error inside $(...) would go unnoticed under set -e.
shopt -s inherit_errexit

VB_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VB_CACHE=${VIRTBACK_CACHE:-$HOME/.cache/virtback}
case $VB_CACHE in
/*) ;;
*)	# It would be another folder for each script that changes its own.
	echo "VIRTBACK_CACHE must be an absolute path, and is \"$VB_CACHE\"" >&2
	exit 1 ;;
esac
# Exported, so that scripts called by scripts go on counting from one start.
export VB_T0=${VB_T0:-$(date +%s)}
mkdir -p "$VB_CACHE"
VB_CACHE=$(cd "$VB_CACHE" && pwd)
# The messages of the script that was started first, for announce().
if [ -z "${VB_STDERR:-}" ] || [ ! -e "/dev/fd/$VB_STDERR" ]; then
	exec {VB_STDERR}>&2
	export VB_STDERR
fi

# All messages go to stderr: stdout belongs to the values functions print.
log()
{
	local s=$(( $(date +%s) - VB_T0 ))

	printf '[%3d:%02d] %s\n' $(( s / 60 )) $(( s % 60 )) "$*" >&2
}

# A message for the person who waits, even if this script's own go to a file.
announce()
{
	log "$*"
	[ "/dev/fd/$VB_STDERR" -ef /dev/fd/2 ] || log "$*" 2>&"$VB_STDERR"
}

die()
{
	log "ERROR: $*"
	exit 1
}

# help_wanted "$@": for -h or --help print the script's head comment and end.
help_wanted()
{
	case ${1:-} in
	-h|--help)
		sed -n -e '1,2d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$0" |
			sed '1{/^$/d}'
		exit 0 ;;
	esac
}

# one_of <what it is> <given> <possible>...: ends when it is none of them.
one_of()
{
	local what=$1 given=$2 p

	shift 2
	for p in "$@"; do
		[ "$p" != "$given" ] || return 0
	done
	die "there is no $what \"$given\"; there are: $*"
}

# names_in <directory> <ending>: of the files there, without the ending, one a line.
names_in()
{
	( cd "$1" && ls ) | sed -n "s/\.$2\$//p"
}

# no_arguments "$@": for scripts that take none.
no_arguments()
{
	[ $# = 0 ] || die "unknown argument $1, see $0 --help"
}

# Run a command with its output in a file, shown only when it fails.
quietly()
{
	local out=$1 rc=0

	shift
	"$@" >"$out" 2>&1 || rc=$?
	if [ "$rc" != 0 ]; then
		log "failed ($rc): $*"
		tail -n 40 "$out" >&2
	fi
	return "$rc"
}

# cache_entry <name> <function> [args]: print the path of a cache entry, and
# make it first when it is absent, by calling `function <dir> args`.  The
# function fills <dir>, which is renamed when it succeeded: an interrupted build
# leaves no half entry.  $VB_ENTRY is the final path, for files that must name
# it.  The lock makes concurrent callers wait for the one that builds.
#
# The function runs in a fresh shell that knows all functions and the variables
# named VB_*: bash ignores set -e in whatever is called from an `if` or before a
# `||`, and a build that goes on after an error would be renamed as if complete.
cache_entry()
{
	local name=$1 lock rc=0
	local VB_ENTRY=$VB_CACHE/$name

	shift
	if [ ! -e "$VB_ENTRY" ]; then
		mkdir -p "$VB_CACHE/.lock" "$VB_CACHE/.tmp" \
			"$(dirname "$VB_ENTRY")"
		exec {lock}>"$VB_CACHE/.lock/${name//\//_}"
		flock "$lock"
		[ -e "$VB_ENTRY" ] || fresh_shell _cache_build "$@" || rc=$?
		exec {lock}>&-
		[ "$rc" = 0 ] || { log "cannot make cache entry $name"; return 1; }
	fi
	echo "$VB_ENTRY"
}

fresh_shell()
{
	bash -c "set -euo pipefail; shopt -s inherit_errexit
		$(declare -p "${!VB_@}"); $(declare -f); \"\$@\"" fresh_shell "$@"
}

_cache_build()
{
	local fn=$1

	shift
	VB_TMP=$(mktemp -d "$VB_CACHE/.tmp/XXXXXX")
	trap 'rm -rf "$VB_TMP"' EXIT
	chmod 755 "$VB_TMP"
	"$fn" "$VB_TMP" "$@" 1>&2
	mv -T "$VB_TMP" "$VB_ENTRY"
}

# cache_key <string or file>...: a short hash of strings and file contents.
cache_key()
{
	local a

	for a in "$@"; do
		if [ -f "$a" ]; then cat "$a"; else echo "$a"; fi
	done | sha256sum | cut -c1-12
}

# need_packages <package>...: install what is missing, as root; otherwise say
# what to install.
need_packages()
{
	local p missing=()

	for p in "$@"; do
		# shellcheck disable=SC2016
		dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null |
			grep -q '^ii' || missing+=("$p")
	done
	[ ${#missing[@]} = 0 ] && return 0
	[ "$(id -u)" = 0 ] ||
		die "missing packages; run: apt-get install ${missing[*]}"
	log "installing ${missing[*]}"
	mkdir -p "$VB_CACHE/log" "$VB_CACHE/.lock"
	# Steps run beside each other, and dpkg's lock would refuse the second.
	(
		flock 9
		_apt_install "${missing[@]}" || {
			# An index that is absent or old names files that are gone.
			quietly "$VB_CACHE/log/apt-update" apt-get update
			_apt_install "${missing[@]}" ||
				die "cannot install ${missing[*]}"
		}
	) 9>"$VB_CACHE/.lock/packages"
}

_apt_install()
{
	DEBIAN_FRONTEND=noninteractive quietly "$VB_CACHE/log/apt-install" \
		apt-get -o DPkg::Lock::Timeout=900 install -y \
		--no-install-recommends "$@"
}
