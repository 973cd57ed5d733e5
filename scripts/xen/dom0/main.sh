# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs the scenarios in dom0, each from a clean state and in a process of its
# own, with one line of TAP for each.  What complaints of the kernel or of Xen
# mean is judged outside, from the console, where crashes are visible too.
#
# With vb.seconds=N on the kernel's command line the list is run again and again for that
# long, until one fails; scenario 91-faults does that itself, with the rows of
# vb.rows=row+row....

. /vb/lib.sh

# Whatever a scenario left, the next one finds a machine without guests and
# without the module.  Not silent: a clean-up with work to do is a bug.
clean_up()
{
	local d id n

	for id in $(xl list | awk 'NR > 1 && $2 > 0 { print $2 }'); do
		note "clean-up: domain $id"
		timeout 60 xl destroy "$id"
	done
	for d in $(dmsetup ls 2>/dev/null | awk '/^vb/ { print $1 }'); do
		dmsetup resume "$d"
	done
	for d in $(devices); do
		note "clean-up: device $d"
		echo "$d force=1" >$SYS/remove
	done
	# Those on top of others go in an earlier round.
	for n in 1 2 3; do
		for d in $(dmsetup ls 2>/dev/null | awk '/^vb/ { print $1 }'); do
			note "clean-up: dm $d"
			dmsetup remove "$d"
		done
	done
	! loaded || timeout 60 rmmod virtback || note "clean-up: rmmod failed"
	[ ! -d /sys/module/failing ] || rmmod failing
	for d in /sys/kernel/config/nullb/*/; do
		[ ! -d "$d" ] || rmdir "$d"
	done
}

diagnostics()
{
	local f

	for f in "$LOGS"/guest-*.log; do
		[ -e "$f" ] || continue
		note "--- last lines of ${f##*/}"
		tail -n 30 "$f" | tr -d '\r' | sed 's/^/#   /'
	done
	note "--- xl list"
	xl list | sed 's/^/#   /'
	note "--- virtback"
	devices | sed 's/^/#   /'
	xenstore-ls -f /local/domain/0/backend 2>/dev/null |
		grep /state | sed 's/^/#   /'
}

run_one()
{
	local name=$1 n=$2 start rc=0

	start=$(cut -d. -f1 /proc/uptime)
	echo "virtback-test: begin $name" >/dev/kmsg
	rm -f "$LOGS"/guest-*.log
	timeout -k 10 "$(scenario_timeout "$name")" sh -eu -o pipefail -c \
		". /vb/lib.sh; . /vb/scenarios/$name.sh" || rc=$?
	# A scenario that stops it may have been ended meanwhile.
	kill -CONT "$(cat /run/xenstored.pid)" 2>/dev/null || true
	if [ $rc != 0 ]; then
		note "status $rc"
		diagnostics
	fi
	clean_up
	mkdir -p "$LOGS/$name"
	mv "$LOGS"/guest-*.log "$LOGS/$name/" 2>/dev/null
	# One write, so that a line of the kernel does not cut it.
	if [ $rc = 0 ]; then
		printf '\nok %s - %s # %s s\n' "$n" "$name" \
			$(( $(cut -d. -f1 /proc/uptime) - start ))
	else
		printf '\nnot ok %s - %s # %s s\n' "$n" "$name" \
			$(( $(cut -d. -f1 /proc/uptime) - start ))
	fi
	echo "virtback-test: end $name" >/dev/kmsg
	return $rc
}

scenario_timeout()
{
	local t

	t=$(sed -n 's/^# timeout: *//p' "/vb/scenarios/$1.sh")
	echo $(( ${t:-600} + ${ROW_SECONDS:-0} ))
}

# argument <name>: of the kernel's command line, a + for each blank
argument()
{
	sed -n "s/.*vb\\.$1=\\([^ ]*\\).*/\\1/p" /proc/cmdline | tr + ' '
}

for s in $(argument env); do
	export "${s?}"
done
list=$(argument run)
ROWS=$(argument rows)
ROW_SECONDS=$(argument seconds)
ROW_LONG=$(argument long)
export ROWS ROW_SECONDS ROW_LONG
if [ -z "$list" ]; then
	list=$(cd /vb/scenarios && ls | sed 's/\.sh$//')
fi
# shellcheck disable=SC2086
set -- $list
echo "1..$#"
n=0
end=$(( $(cut -d. -f1 /proc/uptime) + ${ROW_SECONDS:-0} ))
while :; do
	for s in "$@"; do
		n=$(( n + 1 ))
		run_one "$s" $n || [ -z "$ROW_SECONDS" ] || break 2
	done
	[ "$(cut -d. -f1 /proc/uptime)" -lt $end ] && [ -z "$ROWS" ] || break
done
