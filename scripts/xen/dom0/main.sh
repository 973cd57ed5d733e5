# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs the scenarios in dom0, each from a clean state and in a process of its
# own, with one line of TAP for each.  What complaints of the kernel or of Xen
# mean is judged outside, from the console, where crashes are visible too.

. /vb/lib.sh

# Whatever a scenario left, the next one finds a machine without guests and
# without the module.  Not silent: a clean-up with work to do is a bug.
clean_up()
{
	local d id

	for id in $(xl list | awk 'NR > 1 && $2 > 0 { print $2 }'); do
		note "clean-up: domain $id"
		timeout 60 xl destroy "$id"
	done
	for d in $(dmsetup ls 2>/dev/null | awk '/^vb/ { print $1 }'); do
		note "clean-up: dm $d"
		dmsetup resume "$d"
		sleep 1
		dmsetup remove --force "$d"
	done
	for d in $(devices); do
		note "clean-up: device $d"
		echo "$d force=1" >$SYS/remove
	done
	! loaded || timeout 60 rmmod virtback || note "clean-up: rmmod failed"
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
}

scenario_timeout()
{
	local t

	t=$(sed -n 's/^# timeout: *//p' "/vb/scenarios/$1.sh")
	echo "${t:-600}"
}

for s in $(sed -n 's/.*vb\.env=\([^ ]*\).*/\1/p' /proc/cmdline | tr + ' '); do
	export "${s?}"
done
list=$(sed -n 's/.*vb\.run=\([^ ]*\).*/\1/p' /proc/cmdline | tr + ' ')
if [ -z "$list" ]; then
	list=$(cd /vb/scenarios && ls | sed 's/\.sh$//')
fi
# shellcheck disable=SC2086
set -- $list
echo "1..$#"
n=0
for s in "$@"; do
	n=$(( n + 1 ))
	run_one "$s" $n
done
