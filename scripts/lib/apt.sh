# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian packages of any architecture, without touching the machine's own apt:
# a private apt root in the cache whose mirrors are the machine's.  Versions are
# resolved when a script runs, because mirrors drop old ones; what was fetched is
# kept, and serves when the mirror fails.  To be sourced after common.sh.
#
#   kernel_known   <option> <version>         ends when there is no such kernel
#   kernel_headers <6.1|6.12> <arm64|amd64>   prints a KDIR
#   kernel_source  <6.1|6.12>                 prints an unpacked linux-source
#   kernel_image   <6.1|6.12> [arm64|amd64]   prints a dir with boot/ and lib/modules

[ -n "${VB_APT_SH:-}" ] && return 0
VB_APT_SH=1

# Hours after which the private index is fetched anew.
VB_APT_MAX_AGE=${VIRTBACK_APT_MAX_AGE:-24}
VB_SUITE=bookworm
VB_APT=$VB_CACHE/apt
VB_DEBS=$VB_CACHE/debs
VB_HOST_ARCH=$(dpkg --print-architecture)

# in_suite <bookworm|trixie|sid> <function> [args]: with packages of that release alone.
# Each has an index of its own, so that no newer one offers itself elsewhere.
in_suite()
{
	local VB_SUITE=$1 VB_APT=$VB_APT VB_DEBS=$VB_DEBS

	shift
	if [ "$VB_SUITE" != bookworm ]; then
		VB_APT=$VB_CACHE/apt/$VB_SUITE
		VB_DEBS=$VB_CACHE/debs/$VB_SUITE
	fi
	"$@"
}

# The URI of the machine's archive that carries a release.
_apt_uri()
{
	local uri

	# shellcheck disable=SC2016
	uri=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' \
			'Created-By: Packages' |
		awk -v r="$1" '$1 == r && $2 == "main" { print $3; exit }')
	[ -n "$uri" ] || die "apt of this machine has no Debian archive for $1"
	echo "${uri%/}"
}

# apt_sources <release>: lines of a sources.list, with its updates and backports.
apt_sources()
{
	local deb sec s k=/usr/share/keyrings/debian-archive-keyring.gpg
	local -a suites=("$1" "$1-updates" "$1-backports")

	# The archive that has this machine's release has the others.
	deb=$(_apt_uri bookworm)
	sec=$(_apt_uri bookworm-security)
	[ "$1" != sid ] || suites=(sid)
	for s in "${suites[@]}"; do
		echo "deb [signed-by=$k] $deb $s main"
	done
	[ "$1" = sid ] || echo "deb [signed-by=$k] $sec $1-security main"
}

# Written each time: the machine's mirrors and proxies may change.
_apt_configure()
{
	local k=/usr/share/keyrings/debian-archive-keyring.gpg

	mkdir -p "$VB_APT"/{lists/partial,cache/archives/partial,dpkg} \
		"$VB_APT"/etc/{apt.conf.d,preferences.d,sources.list.d}
	: >>"$VB_APT/dpkg/status"
	{
		apt_sources "$VB_SUITE"
		echo "deb-src [signed-by=$k] $(_apt_uri bookworm) $VB_SUITE main"
	} >"$VB_APT/etc/sources.list.new"
	mv "$VB_APT/etc/sources.list.new" "$VB_APT/etc/sources.list"
	{
		apt-config dump | grep '^Acquire::.*[Pp]roxy' || true
		cat <<-EOF
		Dir::Etc "$VB_APT/etc";
		Dir::Etc::sourcelist "$VB_APT/etc/sources.list";
		Dir::Etc::sourceparts "$VB_APT/etc/sources.list.d";
		Dir::Etc::parts "$VB_APT/etc/apt.conf.d";
		Dir::State "$VB_APT";
		Dir::State::Lists "$VB_APT/lists";
		Dir::State::status "$VB_APT/dpkg/status";
		Dir::Cache "$VB_APT/cache";
		APT::Architecture "arm64";
		APT::Architectures { "arm64"; "amd64"; };
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "3";
		EOF
		# A mirror that lags behind has an index of sid that calls itself expired,
		# after a week; for builds of tests an old one does.
		[ "$VB_SUITE" != sid ] || echo 'Acquire::Check-Valid-Until "false";'
	} >"$VB_APT/apt.conf.new"
	mv "$VB_APT/apt.conf.new" "$VB_APT/apt.conf"
}

# apt_refresh [force]: make the private index, or renew an old one.
apt_refresh()
{
	local lock stamp=$VB_APT/fetched

	mkdir -p "$VB_CACHE/.lock" "$VB_CACHE/log"
	exec {lock}>"$VB_CACHE/.lock/apt"
	flock "$lock"
	if [ -n "${1:-}" ] || [ ! -e "$stamp" ] ||
	   [ -n "$(find "$stamp" -mmin +$(( VB_APT_MAX_AGE * 60 )))" ]; then
		log "fetching the package index of $VB_SUITE"
		_apt_configure
		if APT_CONFIG=$VB_APT/apt.conf quietly "$VB_CACHE/log/apt-index" \
			apt-get update -o APT::Update::Error-Mode=any; then
			touch "$stamp"
		elif [ -e "$stamp" ]; then
			log "the index cannot be renewed; going on with the old one"
		else
			exec {lock}>&-
			die "cannot fetch the package index"
		fi
	fi
	exec {lock}>&-
}

apt_cache()
{
	APT_CONFIG=$VB_APT/apt.conf apt-cache "$@"
}

# _apt_candidates <arch> <package>...: lines "package version" of those that are
# in the index, as apt would choose: backports only for what nothing else has.
_apt_candidates()
{
	local arch=$1

	shift
	apt_cache policy "${@/%/:$arch}" | awk '
		/^[^ ]/ { sub(/:.*/, ""); p = $1 }
		/^  Candidate:/ && $2 != "(none)" { print p, $2 }'
}

# deb_fetch <arch> <package[=version]>...: print the paths of the .debs, one a
# line, from the cache where the version is there already.
deb_fetch()
{
	local arch=$1 p v
	local -A ver

	shift
	apt_refresh
	while read -r p v; do
		ver[$p]=$v
	done < <(_apt_candidates "$arch" "${@%%=*}")
	for p in "$@"; do
		case $p in
		*=*) _deb_fetch_one "$arch" "${p%%=*}" "${p#*=}" ;;
		*) _deb_fetch_one "$arch" "$p" "${ver[$p]:-}" ;;
		esac
	done
}

_deb_fetch_one()
{
	local pkg=$2 ver=$3 arch=$1 f=

	mkdir -p "$VB_DEBS"
	if [ -n "$ver" ]; then
		f=$(_deb_cached "$pkg" "$ver" "$arch")
		[ -n "$f" ] || _deb_download "$pkg" "$ver" "$arch" || true
		f=$(_deb_cached "$pkg" "$ver" "$arch")
	fi
	if [ -z "$f" ]; then
		# The mirror does not give it: any version fetched before does.
		f=$(_deb_cached "$pkg" '*' "$arch")
		[ -n "$f" ] || die "cannot fetch $pkg${ver:+ $ver} ($arch)"
		log "$pkg ${ver:-(not in the index)}: using ${f##*/} from the cache"
	fi
	echo "$f"
}

# apt writes ':' of an epoch as %3a in file names.
_deb_cached()
{
	local f

	for f in "$VB_DEBS/${1}_"${2//:/%3a}_{"$3",all}.deb; do
		[ ! -e "$f" ] || echo "$f"
	done | sort -V | tail -n 1
}

# What takes a while is announced where a person sees it.
_deb_announce()
{
	local mb

	mb=$(apt_cache show --no-all-versions "$1:$3=$2" 2>/dev/null |
		awk '/^Size:/ { print int($2 / 1048576); exit }') || true
	if [ "${mb:-0}" -ge 10 ]; then
		announce "fetching $1 $2 ($3), $mb MiB"
	else
		log "fetching $1 $2 ($3)"
	fi
}

_deb_download()
{
	local tmp rc=0

	_deb_announce "$1" "$2" "$3"
	mkdir -p "$VB_CACHE/.tmp" "$VB_CACHE/log"
	tmp=$(mktemp -d "$VB_CACHE/.tmp/deb-XXXXXX")
	( cd "$tmp" && APT_CONFIG=$VB_APT/apt.conf quietly \
		"$VB_CACHE/log/apt-download" apt-get download "$1:$3=$2" ) || rc=$?
	[ "$rc" != 0 ] || mv "$tmp"/*.deb "$VB_DEBS/"
	rm -rf "$tmp"
	return "$rc"
}

# deb_unpack <dir> <deb>...
deb_unpack()
{
	local dir=$1 d

	shift
	for d in "$@"; do
		dpkg-deb -x "$d" "$dir"
	done
}

# deb_libraries <arch> <package>...: the libraries that they need, directly or for
# another library; not what comes with a program or a language that they need.
deb_libraries()
{
	local arch=$1 p new
	local -A seen=()

	shift
	apt_refresh
	while [ $# != 0 ]; do
		mapfile -t new < <(apt_cache depends --important "${@/%/:$arch}" |
			sed -n 's/^ *|\?\(Pre-\)\?Depends: \(z\?lib[^: ]*\).*/\2/p' | sort -u)
		set --
		for p in "${new[@]}"; do
			[ -z "${seen[$p]:-}" ] || continue
			seen[$p]=1
			set -- "$@" "$p"
		done
	done
	printf '%s\n' "${!seen[@]}" | sort
}

# Of Debian 12 and its backports.
VB_KERNELS="6.1 6.12"

kernel_known()
{
	# shellcheck disable=SC2086
	one_of "$1" "$2" $VB_KERNELS
}

# kernel_abi <6.1|6.12> <arch>: the newest ABI of the plain kernel ("6.1.0-56")
# whose headers and image are both in the index, or failing that in the cache.
# Names are listed instead of reading one meta package, because 6.12 comes from
# security or backports, under names that differ in time.
kernel_abi()
{
	local v=$1 arch=$2 abi

	apt_refresh
	abi=$(_kernel_abis "$v" "$arch" | sort -V | tail -n 1)
	if [ -z "$abi" ]; then
		abi=$(find "$VB_DEBS" -name "linux-headers-$v.*-${arch}_*.deb" \
				-printf '%f\n' 2>/dev/null |
			sed -n "s/^linux-headers-\(.*\)-${arch}_.*/\1/p" |
			sort -V | tail -n 1)
	fi
	[ -n "$abi" ] || die "no Debian kernel $v for $arch in the index"
	echo "$abi"
}

_kernel_abis()
{
	local v=$1 arch=$2 abi

	apt_cache pkgnames "linux-headers-$v." |
		sed -n "s/^linux-headers-\(${v//./\\.}\.[0-9][^-]*\(-[0-9]*\)\?\)-$arch$/\1/p" |
	while read -r abi; do
		[ "$(_apt_candidates "$arch" "linux-headers-$abi-$arch" \
			"linux-image-$abi-$arch" | wc -l)" != 2 ] || echo "$abi"
	done
}

# The linux-kbuild package that headers of an ABI want: 6.1 names it by version
# only, 6.12 by ABI.  It holds programs of the machine that builds.
_kernel_kbuild()
{
	local deb=$1

	dpkg-deb -f "$deb" Depends | tr ',|' '\n\n' |
		sed -n 's/^ *\(linux-kbuild-[^ (]*\).*/\1/p' | head -n 1
}

kernel_headers()
{
	local v=$1 arch=$2 abi ver hdr common kb entry

	abi=$(kernel_abi "$v" "$arch")
	hdr=$(deb_fetch "$arch" "linux-headers-$abi-$arch")
	ver=$(dpkg-deb -f "$hdr" Version)
	entry=headers/$abi-$arch-${ver//[^A-Za-z0-9.+-]/_}
	if [ ! -e "$VB_CACHE/$entry" ]; then
		# For all architectures, as the source is.
		common=$(deb_fetch arm64 "linux-headers-$abi-common=$ver")
		kb=$(deb_fetch "$VB_HOST_ARCH" "$(_kernel_kbuild "$hdr")")
		set -- "$hdr" "$common" "$kb"
	fi
	entry=$(cache_entry "$entry" _make_headers "$abi-$arch" "$abi-common" "$@")
	echo "$entry/usr/src/linux-headers-$abi-$arch"
}

_make_headers()
{
	local dir=$1 own=$2 common=$3 mk

	shift 3
	deb_unpack "$dir" "$@"
	# It names /usr/src, where the headers would be if installed.
	mk=$dir/usr/src/linux-headers-$own/Makefile
	grep -q "^include /usr/src/linux-headers-$common/Makefile" "$mk"
	sed -i "s#/usr/src/linux-headers-#$VB_ENTRY&#" "$mk"
	[ -x "$dir/usr/src/linux-headers-$own/scripts/mod/modpost" ]
}

kernel_source()
{
	local v=$1 deb ver

	# For all architectures, which apt knows under its primary one.
	deb=$(deb_fetch arm64 "linux-source-$v")
	ver=$(dpkg-deb -f "$deb" Version)
	cache_entry "source/linux-$v-${ver//[^A-Za-z0-9.+-]/_}" \
		_make_kernel_source "$v" "$deb"
}

_make_kernel_source()
{
	announce "unpacking linux-source-$2"
	dpkg-deb --fsys-tarfile "$3" |
		tar -xO "./usr/src/linux-source-$2.tar.xz" |
		tar -xJ -C "$1" --strip-components=1
	[ -e "$1/Makefile" ]
}

kernel_image()
{
	local arch=${2:-arm64} abi deb ver

	abi=$(kernel_abi "$1" "$arch")
	deb=$(deb_fetch "$arch" "linux-image-$abi-$arch")
	ver=$(dpkg-deb -f "$deb" Version)
	cache_entry "image/$abi-$arch-${ver//[^A-Za-z0-9.+-]/_}" deb_unpack "$deb"
}

# xen_source <4.17|4.20>, in the suite that has it: an unpacked hypervisor source
# tree.  The orig tarball is fetched by the name in the Sources index: its .dsc may
# be gone already.
xen_source()
{
	local v=$1 path sum tar

	apt_refresh
	mkdir -p "$VB_CACHE/src"
	read -r sum path < <(_xen_orig "$v") || true
	tar=$VB_CACHE/src/${path##*/}
	if [ -n "${path:-}" ] && [ ! -e "$tar" ]; then
		log "fetching ${path##*/}"
		_fetch "$path" "$sum" "$tar" || true
	fi
	if [ -z "${path:-}" ] || [ ! -e "$tar" ]; then
		tar=$(find "$VB_CACHE/src" -name "xen_$v.*.orig.tar.xz" |
			sort -V | tail -n 1)
		[ -n "$tar" ] || die "cannot fetch the source of Xen $v"
	fi
	path=${tar##*/}
	cache_entry "source/${path%.orig.tar.xz}" _make_tar_source "$tar"
}

# SHA-256 and URL of the newest orig tarball of Xen <version>.
_xen_orig()
{
	local deb

	deb=$(_apt_uri bookworm)
	apt_cache showsrc xen | awk -v v="xen_$1." -v base="$deb" '
		/^Directory:/ { dir = $2 }
		/^[A-Z]/ { sha = /^Checksums-Sha256/ }
		sha && index($3, v) == 1 && /orig\.tar\.xz$/ { sum = $1; f = $3 }
		/^$/ { if (f) print sum, base "/" dir "/" f; f = "" }
		END { if (f) print sum, base "/" dir "/" f }' |
		sort -V -k2 | tail -n 1
}

_fetch()
{
	local tmp=$3.part.$$

	# '+' in a pool path is a blank to some mirrors.
	curl -fsS --retry 3 -o "$tmp" "${1//+/%2b}" &&
		echo "$2  $tmp" | sha256sum -c --quiet - &&
		mv "$tmp" "$3"
	local rc=$?

	rm -f "$tmp"
	return "$rc"
}

_make_tar_source()
{
	tar -xf "$2" -C "$1" --strip-components=1
}
