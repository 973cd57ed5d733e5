# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# What there is: names of devices, a snapshot of their files, and the commands list,
# show and version.  Part of virtbackctl.

# need_module: nothing works without the class
need_module()
{
	[ ! -d "$SYS" ] || return 0
	die $EX_MODULE "$SYS is not there: the module virtback is not loaded" \
		"'modprobe virtback' loads it; '$PROG doctor' says what else is missing"
}

# What the kernel keeps from root: integrity or confidentiality, or nothing.
lockdown_mode()
{
	sed -n -e 's/.*\[none\].*//' -e 's/.*\[\(.*\)\].*/\1/p' \
		"$ROOT/sys/kernel/security/lockdown" 2>/dev/null
}

# The names of all devices, one a line.
device_names()
{
	for _d in "$SYS"/*/; do
		_d=${_d%/}
		[ ! -d "$_d" ] || printf '%s\n' "${_d##*/}"
	done
}

# need_device <name>
need_device()
{
	case $1 in
	''|.|..|*/*) die $EX_DEVICE "\"$1\" is no name of a device" ;;
	esac
	[ ! -d "$SYS/$1" ] || return 0
	_names=$(device_names | tr '\n' ' ')
	die $EX_DEVICE "$1: there is no such device; there ${_names:+are: }${_names:-is none}"
}

# chosen_devices [name]...: those, or all; in NAMES, one a line
chosen_devices()
{
	need_module
	for _n in "$@"; do
		need_device "$_n"
	done
	if [ $# != 0 ]; then
		NAMES=$(printf '%s\n' "$@")
	else
		NAMES=$(device_names)
	fi
}

# device_files: "device attribute path" of each file of the devices in NAMES.
# Whatever is there: a new attribute needs no change here.
device_files()
{
	# Of no device there are none.
	[ -n "$NAMES" ] || return 0
	printf '%s\n' "$NAMES" | while IFS= read -r _n; do
		printf '%s\n' "$SYS/$_n"/*/ "$SYS/$_n"/*/*/ "$SYS/$_n"/* "$SYS/$_n"/*/*
		[ -z "${1:-}" ] || printf '%s\n' "$SYS/$_n/@latency"
	done | awk -v sys="$SYS/" -v debugfs="$DEBUGFS/" -f "$LIB/files.awk"
}

# snapshot: "device<TAB>attribute<TAB>value" of the devices in NAMES
snapshot()
{
	[ -z "$NAMES" ] || device_files | awk -f "$LIB/snapshot.awk"
}

# snapshot_of <attribute>...: of these alone
snapshot_of()
{
	[ -n "$NAMES" ] || return 0
	printf '%s\n' "$NAMES" | while IFS= read -r _n; do
		for _a in "$@"; do
			printf '%s\t%s\t%s\n' "$_n" "$_a" "$SYS/$_n/$_a"
		done
	done | awk -f "$LIB/snapshot.awk"
}

# attribute <device> <name>
attribute()
{
	cat "$SYS/$1/$2" 2>/dev/null
}

# domain_names <snapshot>: what its domains are called, lines "@domain<TAB>domid<TAB>name",
# where xenstore says. One process asks for all; if one of them is gone, it gives up.
domain_names()
{
	command -v xenstore-read >/dev/null || return 0
	_ids=$(printf '%s\n' "$1" | awk -F "$TAB" '$2 == "domid" { print $3 }' | sort -un)
	[ -n "$_ids" ] || return 0
	# shellcheck disable=SC2086
	set -- $_ids
	for _id in "$@"; do
		set -- "$@" "/local/domain/$_id/name"
		shift
	done
	if _all=$(xenstore-read "$@" 2>/dev/null); then
		# A line of the one belongs to a line of the other.
		printf '%s\n@\n%s\n' "$_ids" "$_all" | awk '
			$0 == "@" && !second { second = 1; next }
			!second { id[++n] = $0; next }
			{ printf "@domain\t%s\t%s\n", id[++m], $0 }'
		return 0
	fi
	for _id in $_ids; do
		_name=$(xenstore-read "/local/domain/$_id/name" 2>/dev/null) || continue
		printf '@domain\t%s\t%s\n' "$_id" "$_name"
	done
}

# backing_stores <snapshot>: what its paths lead to, lines "@store<TAB>mode, major, minor
# (all in hex) and bytes<TAB>path". One process looks at all.
backing_stores()
{
	_paths=$(printf '%s\n' "$1" | awk -F "$TAB" '
		$2 == "backing" && $3 ~ /^\// && !seen[$3]++ { gsub(/\\\\/, "\\", $3); print $3 }')
	[ -n "$_paths" ] || return 0
	(
		# Paths may have blanks, stars, and all that.
		set -f
		IFS='
'
		# shellcheck disable=SC2086
		stat -L -c "@store$TAB%f %t %T %s$TAB%n" -- $_paths 2>/dev/null
	)
	return 0
}

cmd_list()
{
	_names=
	while [ $# != 0 ]; do
		case $1 in
		-j|--json) ;;
		*) usage_error "list: unknown argument $1" ;;
		esac
		shift
	done
	chosen_devices
	_snapshot=$(snapshot_of domid state readonly features_offered_names queues backing)
	{
		printf '%s\n' "$NAMES" | sed '/^$/d; s/.*/&	@device	/'
		domain_names "$_snapshot"
		backing_stores "$_snapshot"
		printf '%s\n' "$_snapshot"
	} | awk_with list -- -v json="$JSON" -v blocks="$ROOT/sys/dev/block/"
}

cmd_show()
{
	_module=0 _args=
	for _a in "$@"; do
		case $_a in
		-j|--json) ;;
		-m|--module) _module=1 ;;
		-*) usage_error "show: unknown option $_a" ;;
		*)	need_module
			need_device "$_a"
			_args="$_args $_a" ;;
		esac
	done
	if [ $_module = 1 ]; then
		[ -z "$_args" ] || usage_error "show: --module takes no device"
		need_module
		show_parameters | awk_with show -- -v json="$JSON" -v plain=1
		return
	fi
	# A name of a device has no blank.
	# shellcheck disable=SC2086
	chosen_devices $_args
	snapshot | awk_with show -- -v json="$JSON" -v plain=0
}

# "module<TAB>parameter<TAB>value" of those that can be read
show_parameters()
{
	for _f in "$PARAMS"/*; do
		[ ! -f "$_f" ] || printf 'virtback\t%s\t%s\n' "${_f##*/}" "$_f"
	done | awk -f "$LIB/snapshot.awk"
}

cmd_version()
{
	for _a in "$@"; do
		case $_a in
		-j|--json) ;;
		*) usage_error "version: unknown argument $_a" ;;
		esac
	done
	{
		printf 'virtbackctl\t%s\n' "$VERSION"
		printf 'module\t%s\n' "$(cat "$SYS/version" 2>/dev/null)"
		printf 'kernel\t%s\n' "$(uname -r)"
		printf 'xen\t%s\n' "$(xen_version)"
	} | awk_with version -- -v json="$JSON"
}

# "4.17.5", or nothing where there is no Xen
xen_version()
{
	_h=$ROOT/sys/hypervisor
	[ "$(cat "$_h/type" 2>/dev/null)" = xen ] || return 0
	printf '%s.%s%s\n' "$(cat "$_h/version/major")" "$(cat "$_h/version/minor")" \
		"$(cat "$_h/version/extra")" 2>/dev/null
}
