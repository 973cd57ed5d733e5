# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A QEMU that is new enough for what it is to do: this machine's, or the backport's.
# To be sourced after common.sh and apt.sh.
#
#   qemu_since <version> <qemu-system-aarch64|qemu-system-x86_64>
#					prints the path of one

qemu_since()
{
	local since=$1 program=$2 package v

	v=$("$program" --version | sed -n 's/.*version \([0-9.]*\).*/\1/p')
	if printf '%s\n%s\n' "$since" "$v" | sort -VC; then
		command -v "$program"
		return
	fi
	case $program in
	qemu-system-aarch64) package=qemu-system-arm ;;
	qemu-system-x86_64) package=qemu-system-x86 ;;
	esac
	v=$(_qemu_backport "$package")
	[ -n "$v" ] || die "no QEMU $since or later: $VB_SUITE-backports is not in the index"
	echo "$(_qemu_fetched "$program" "$package" "$v")/usr/bin/$program"
}

_qemu_backport()
{
	apt_refresh
	apt_cache madison "$1:$VB_HOST_ARCH" | awk '$6 ~ /-backports/ { print $3; exit }'
}

# Its libraries are those of the QEMU that the machine has.
_qemu_fetched()
{
	local program=$1 package=$2 v=$3 debs

	mapfile -t debs < <(deb_fetch "$VB_HOST_ARCH" "$package=$v" "qemu-system-common=$v")
	[ ${#debs[@]} = 2 ] || die "QEMU $v cannot be fetched"
	cache_entry "qemu/$(cache_key "${debs[@]##*/}")" _qemu_unpack "$program" "${debs[@]}"
}

_qemu_unpack()
{
	local dir=$1 program=$2

	shift 2
	deb_unpack "$dir" "$@"
	"$dir/usr/bin/$program" --version
}
