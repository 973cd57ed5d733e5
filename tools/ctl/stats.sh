# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# Figures: stats, top and latency.  Part of virtbackctl.

cmd_stats()
{
	_args= _sum=0
	for _a in "$@"; do
		case $_a in
		-j|--json) ;;
		-s|--sum) _sum=1 ;;
		-*) usage_error "stats: unknown option $_a" ;;
		*)	need_module
			need_device "$_a"
			_args="$_args $_a" ;;
		esac
	done
	# A name of a device has no blank.
	# shellcheck disable=SC2086
	chosen_devices $_args
	snapshot | awk_with stats -- -v json="$JSON" -v sum="$_sum"
}

# option_value <command> <option> <kind> [value]: in VALUE, checked
option_value()
{
	[ $# = 4 ] || usage_error "$1: $2 needs a value"
	VALUE=$4
	case $3 in
	count) _re='^[1-9][0-9]*$' ;;
	number) _re='^[0-9][0-9]*$' ;;
	seconds) _re='^([0-9]*[1-9][0-9]*([.][0-9]+)?|[0-9]*[.][0-9]*[1-9][0-9]*)$' ;;
	*) _re="^($3)\$" ;;
	esac
	printf '%s\n' "$VALUE" | grep -Eq "$_re" ||
		usage_error "$1: $2 $VALUE: must be a $(kind_text "$3")"
}

kind_text()
{
	case $1 in
	count) echo "whole number above 0" ;;
	number) echo "whole number" ;;
	seconds) echo "number of seconds above 0" ;;
	*) echo "value among $(echo "$1" | tr '|' ' ')" ;;
	esac
}

# A snapshot with the time, in seconds with fractions, of the files in FILES.
timed_snapshot()
{
	read -r _up _ <"$ROOT/proc/uptime"
	printf '@time\t-\t%s\n' "$_up"
	printf '%s\n' "$FILES" | awk -f "$LIB/snapshot.awk"
}

# Those of NAMES that rates and histograms are made of.
figure_files()
{
	FILES=$(device_files latency | awk -F "$TAB" '
		$2 ~ /^(state|domid|@latency|xen\/traps)$/ ||
		$2 ~ /^vq[0-9]+\/(completed|irqs|sectors_(read|written))$/')
}

# Lines of the terminal, less the one that the cursor is on.
screen_lines()
{
	_size=$(stty size 2>/dev/null </dev/tty) || _size=
	case $_size in
	[1-9]*\ *) echo $(( ${_size% *} - 1 )) ;;
	*) echo 23 ;;
	esac
}

cmd_top()
{
	_count=0 _delay=2 _sort=req _batch=$JSON _args=
	while [ $# != 0 ]; do
		case $1 in
		-j|--json) ;;
		-b) _batch=1 ;;
		-n) option_value top -n count ${2+"$2"}; _count=$VALUE; shift ;;
		-d) option_value top -d seconds ${2+"$2"}; _delay=$VALUE; shift ;;
		-s) option_value top -s 'req|mb|traps|irqs|p50|p99|device' ${2+"$2"}
			_sort=$VALUE; shift ;;
		-*) usage_error "top: unknown option $1" ;;
		*)	need_module
			need_device "$1"
			_args="$_args $1" ;;
		esac
		shift
	done
	# shellcheck disable=SC2086
	chosen_devices $_args
	trap 'exit 0' INT
	_shown=0
	figure_files
	_before=$(timed_snapshot)
	while :; do
		sleep "$_delay"
		need_module
		# Devices come and go.
		_names=$(device_names)
		if [ -z "$_args" ] && [ "$_names" != "$NAMES" ]; then
			NAMES=$_names
			figure_files
		fi
		_now=$(timed_snapshot)
		_lines=0
		if [ "$_batch" = 0 ]; then
			_lines=$(screen_lines)
			printf '\033[H\033[J'
		fi
		printf '%s\n@now\n%s\n' "$_before" "$_now" |
			awk_with figures top -- -v json="$JSON" -v sort="$_sort" \
				-v lines="$_lines" -v clock="$(date +%H:%M:%S)"
		_before=$_now
		_shown=$(( _shown + 1 ))
		[ $_shown != "$_count" ] || break
		[ "$_batch$JSON" != 10 ] || echo
	done
}

cmd_latency()
{
	_interval= _stage= _queue= _args=
	while [ $# != 0 ]; do
		case $1 in
		-j|--json) ;;
		-i) option_value latency -i seconds ${2+"$2"}; _interval=$VALUE; shift ;;
		-s) option_value latency -s 'trap|submit|complete|interrupt' ${2+"$2"}
			_stage=$VALUE; shift ;;
		-q) option_value latency -q number ${2+"$2"}; _queue=$VALUE; shift ;;
		-*) usage_error "latency: unknown option $1" ;;
		*)	need_module
			need_device "$1"
			_args="$_args $1" ;;
		esac
		shift
	done
	# shellcheck disable=SC2086
	chosen_devices $_args
	_before=
	figure_files
	if [ -n "$_interval" ]; then
		_before=$(timed_snapshot)
		sleep "$_interval"
	fi
	printf '%s\n@now\n%s\n' "$_before" "$(timed_snapshot)" |
		awk_with figures latency -- -v json="$JSON" -v stage="$_stage" -v queue="$_queue"
	latency_hint
}

# Why there are no histograms; to stderr, since the output may be JSON.
latency_hint()
{
	[ -n "$NAMES" ] || return 0
	for _n in $NAMES; do
		# Root may read each file, says "test", and then it does not open.
		! cat "$DEBUGFS/$_n/latency" >/dev/null 2>&1 || continue
		if [ -n "$(lockdown_mode)" ] && [ -e "$DEBUGFS/$_n/latency" ]; then
			say "$_n: no histograms: this kernel is locked down ($(lockdown_mode)), and nobody can open them" \
				"counters, 'stats', work; without Secure Boot or lockdown=... there are histograms"
		elif [ -d "$DEBUGFS/$_n" ]; then
			say "$_n: no histograms: this version of the module has none"
		elif [ -d "$DEBUGFS" ]; then
			say "$_n: no histograms in $DEBUGFS"
		elif [ ! -r "${DEBUGFS%/*}" ] && [ -d "${DEBUGFS%/*}" ]; then
			say "$_n: no histograms: only root may read $DEBUGFS"
		elif [ -z "$(ls "${DEBUGFS%/*}" 2>/dev/null)" ]; then
			say "$_n: no histograms: debugfs is not mounted" \
				"'mount -t debugfs debugfs ${DEBUGFS%/*}' does it"
		else
			say "$_n: no histograms: there is no $DEBUGFS"
		fi
		return $EX_FAILED
	done
}
