# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# What changes something: add, remove, set.  Part of virtbackctl.  The kernel is who
# judges; what is found here is only what it could not explain.

log_position()
{
	dmesg 2>/dev/null | tail -n 1
}

# log_since <position> <device>: what virtback said since then; of the device, if it
# is named in any line.
log_since()
{
	# Not by -v, to which a backslash in the log is more than one.
	dmesg 2>/dev/null | LAST=$1 awk -v dev="$2" '
		BEGIN { last = ENVIRON["LAST"] }
		{ line[NR] = $0 }
		$0 == last { from = NR }
		END {
			for (i = from + 1; i <= NR; i++) {
				if (!match(line[i], /virtback: /))
					continue
				text = substr(line[i], RSTART + RLENGTH)
				all = all text "\n"
				if (dev != "" && index(text, dev))
					own = own text "\n"
			}
			printf "%s", own != "" ? own : all
		}'
}

# sysfs_write <file> <text> <who> <device>: write, and say on failure for whom it was,
# what the error is and what the kernel's log says about it.
sysfs_write()
{
	_from=$(log_position)
	# cat says which error it was; the shell's own printf does not everywhere.
	_err=$( { printf '%s\n' "$2" | cat >"$1"; } 2>&1 ) && return 0
	_err=$(printf '%s\n' "$_err" | tail -n 1)
	_err=${_err##*: }
	say "$3: ${_err:-the kernel refused it}"
	_why=$(log_since "$_from" "$4" | tail -n 3)
	if [ -n "$_why" ]; then
		printf '%s\n' "$_why" | sed 's/^/  the kernel says: /' >&2
	elif [ ! -w "$1" ]; then
		echo "  only root may do this" >&2
	elif ! dmesg >/dev/null 2>&1; then
		echo "  the kernel's log has the reason, and cannot be read: see dmesg(1)" >&2
	fi
	return $EX_FAILED
}

# no_octal <number>: 010 is ten to the kernel, and eight to printf
no_octal()
{
	printf '%s\n' "$1" | sed 's/^0*\([0-9]\)/\1/'
}

# The name that the kernel will give to a device; none for what are no numbers.
name_of()
{
	[ -n "$2" ] || return 0
	_x=$(printf 'dom%d.%x' "$(no_octal "$1")" "$(no_octal "$2")" 2>/dev/null) &&
		printf '%s\n' "$_x"
}

cmd_add()
{
	_text= _domid= _base= _wait=
	for _a in "$@"; do
		case $_a in
		-j|--json) continue ;;
		-*) usage_error "add: unknown option $_a" ;;
		[a-z]*=*) ;;
		*) usage_error "add: $_a is not of the form option=value" ;;
		esac
		_k=${_a%%=*} _v=${_a#*=}
		case $_v in
		*[\ \	\;]*|*"
"*)		die $EX_USAGE "add: $_k: a value cannot have a blank or ';' in it" \
			"a path that has: add with backing=none, then '$PROG set DEVICE backing=PATH'" ;;
		esac
		case $_k in
		domid) _domid=$(domid_of "$_v") || exit; _v=$_domid ;;
		base) _base=$_v ;;
		esac
		_text="$_text${_text:+ }$_k=$_v"
	done
	[ -n "$_text" ] || usage_error "add: no options, at least backing= is needed"
	need_module
	_before=$(device_names)
	_name=$(name_of "${_domid:-0}" "$_base")
	sysfs_write "$SYS/add" "$_text" "add${_name:+ $_name}: $_text" "$_name" || exit
	# Of this kernel itself: the number is the kernel's choice.
	[ -n "$_domid" ] || _name=$(device_names | added_name "$_before")
	if [ "$JSON" = 1 ]; then
		printf '%s\n' "$_name" | awk_with added --
	else
		printf '%s\n' "$_name"
	fi
}

# Which name of stdin is not among those of before; the last, if others added as well.
added_name()
{
	awk -v before="$1" '
		BEGIN { n = split(before, b, "\n"); for (i = 1; i <= n; i++) old[b[i]] = 1 }
		!($0 in old) { name = $0 }
		END { print name }'
}

# domid_of <number or name>: the toolstack knows domains by name, too.
domid_of()
{
	case $1 in
	[0-9]*) printf '%s\n' "$1"; return 0 ;;
	esac
	_id=$(xl domid "$1" 2>/dev/null) && [ -n "$_id" ] && { printf '%s\n' "$_id"; return 0; }
	die $EX_FAILED "add: domid=$1: neither a number nor the name of a domain that xl knows"
}

cmd_remove()
{
	_force= _names=
	for _a in "$@"; do
		case $_a in
		-f|--force) _force=' force=1' ;;
		-j|--json) ;;
		-*) usage_error "remove: unknown option $_a" ;;
		# All or none, as far as names go.
		*)	need_module
			need_device "$_a"
			_names="$_names $_a" ;;
		esac
	done
	[ -n "$_names" ] || usage_error "remove: no device is named"
	_rc=0
	for _n in $_names; do
		sysfs_write "$SYS/remove" "$_n$_force" "remove $_n" "$_n" || _rc=$?
	done
	return $_rc
}

# own_attribute <directory of a device> <name>: not what belongs to the kernel's driver
# core, nor a file of a directory that is a device of its own
own_attribute()
{
	case $2 in
	uevent|*/uevent|power/*|subsystem/*|device/*|driver/*) return 1 ;;
	*/*) [ ! -e "$1/${2%/*}/uevent" ] || return 1 ;;
	esac
	[ -e "$1/$2" ] && [ ! -d "$1/$2" ]
}

# writable <file>: by its mode, since root may open any file
writable()
{
	case $(ls -l "$1" 2>/dev/null) in
	??w*) return 0 ;;
	esac
	return 1
}

# The names of the files of a directory that can be written.
writable_names()
{
	for _f in "$1"/* "$1"/*/*; do
		own_attribute "$1" "${_f#"$1/"}" || continue
		! writable "$_f" || printf '%s ' "${_f#"$1/"}"
	done
}

cmd_set()
{
	_dir= _who=
	while [ $# != 0 ]; do
		case $1 in
		-j|--json) ;;
		-m|--module) _dir=$PARAMS _who=module ;;
		-*) usage_error "set: unknown option $1" ;;
		*) break ;;
		esac
		shift
	done
	need_module
	if [ -z "$_dir" ]; then
		[ $# != 0 ] || usage_error "set: no device is named"
		need_device "$1"
		_dir=$SYS/$1 _who=$1
		shift
	fi
	[ $# != 0 ] || usage_error "set: what is to be set? $_who has $(writable_names "$_dir")"
	for _a in "$@"; do
		case $_a in
		-j|--json) continue ;;
		/*|*..*=*|=*) usage_error "set: $_a is not of the form attribute=value" ;;
		[a-z]*=*) ;;
		*) usage_error "set: $_a is not of the form attribute=value" ;;
		esac
		own_attribute "$_dir" "${_a%%=*}" ||
			die $EX_USAGE "$_who: ${_a%%=*}: there is no such attribute" \
			"these can be set: $(writable_names "$_dir")"
		writable "$_dir/${_a%%=*}" ||
			die $EX_USAGE "$_who: ${_a%%=*}: cannot change while the device exists" \
			"these can be set: $(writable_names "$_dir")"
	done
	for _a in "$@"; do
		case $_a in
		-j|--json) continue ;;
		esac
		_dev=$_who
		[ "$_who" != module ] || _dev=${_a%%=*}
		sysfs_write "$_dir/${_a%%=*}" "${_a#*=}" "$_who: $_a" "$_dev" || exit
	done
}
