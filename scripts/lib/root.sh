# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Clean roots of Debian releases for this machine's architecture, made by mmdebstrap from
# the machine's own mirrors, and commands run in them.  Needs root.  To be sourced after
# common.sh and apt.sh.
#
#   debian_root <release> <package>...	prints a cached root, which nobody may change
#   root_run <root> <command>...	with /proc and /dev, in a mount namespace of its own;
#					ROOT_BIND="from:to ..." are more mounts

debian_root()
{
	local suite=$1 sources

	shift
	[ "$(id -u)" = 0 ] || die "a root of Debian can be made and entered by root only"
	need_packages mmdebstrap
	# In time, packages of the release change: the index in use says when.
	in_suite "$suite" apt_refresh
	sources=$(apt_sources "$suite")
	cache_entry "root/$suite-$(cache_key "$sources" "$*" "$(_root_month)")" \
		_make_debian_root "$suite" "$sources" "$@"
}

# Packages change, names of mirrors do not: a new root each month.
_root_month()
{
	date +%Y-%m
}

_make_debian_root()
{
	local dir=$1 suite=$2 sources=$3 packages

	shift 3
	announce "making a root of Debian $suite (log/root-$suite)"
	packages=$(IFS=,; echo "$*")
	{
		apt-config dump | grep '^Acquire::.*[Pp]roxy' || true
		# As in _apt_configure().
		[ "$suite" != sid ] || echo 'Acquire::Check-Valid-Until "false";'
	} >"$VB_CACHE/.tmp/aptopt.$$"
	printf '%s\n' "$sources" |
		quietly "$VB_CACHE/log/root-$suite" mmdebstrap --mode=root --variant=minbase \
			--include="$packages" --aptopt="$VB_CACHE/.tmp/aptopt.$$" \
			--aptopt='Acquire::Retries "3"' --aptopt='APT::Install-Recommends "false"' \
			"$suite" "$dir" -
	rm -f "$VB_CACHE/.tmp/aptopt.$$"
	# Package files and the index are of no use there.
	rm -rf "$dir"/var/cache/apt/archives/*.deb "$dir"/var/lib/apt/lists/*
	chmod 755 "$dir"
}

# The mounts go with the namespace.
root_run()
{
	local root=$1

	shift
	# shellcheck disable=SC2016
	unshare -m bash -euc '
		root=$1
		shift
		mount --make-rprivate /
		mount -t proc proc "$root/proc"
		mount -t tmpfs tmp "$root/dev"
		for d in null zero full random urandom tty; do
			touch "$root/dev/$d"
			mount --bind "/dev/$d" "$root/dev/$d"
		done
		ln -s /proc/self/fd "$root/dev/fd"
		for b in ${ROOT_BIND:-}; do
			mkdir -p "$root/${b#*:}"
			mount --bind "${b%%:*}" "$root/${b#*:}"
		done
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
			DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
	' root_run "$root" "$@"
}
