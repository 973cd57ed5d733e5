# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A worker goes to the processor where its kicks come in, and may then run where it might
# before; it stays where "cpus" says, or taskset.

# The scheduler may be first, many times where processors are emulated and busy.
PLACE_TRIES=30
T=/sys/kernel/tracing

# requests [<length>]: 64 of them, or what makes 1 MiB, one at a time.
requests()
{
	guest_do p "vbio write /dev/vda 1 1 ${1:-16384} 1" >/dev/null
}

# Where the thread was last.
place_of()
{
	sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 37
}

allowed_of()
{
	sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$1/status"
}

# kicks_come_to <processor>: of this guest's vCPUs.
kicks_come_to()
{
	local irq irqs

	irqs=$(sed -n "s/^ *\([0-9]*\):.* virtback-dom$id-v[0-9]*$/\1/p" /proc/interrupts)
	[ "$(echo "$irqs" | wc -w)" = 2 ] || fail "not an interrupt for each vCPU: $irqs"
	for irq in $irqs; do
		echo "$1" >"/proc/irq/$irq/smp_affinity_list" || fail "smp_affinity_list"
	done
}

# worker_on <processor>: it is there, and free to go.
worker_on()
{
	echo "$1" >"$dev/cpus"
	requests 262144
	[ "$(place_of "$pid")" = "$1" ] || fail "the worker is on $(place_of "$pid"), not $1"
	echo 0-1 >"$dev/cpus"
}

# went_to <processor>: it was not the scheduler that took the worker there, which also does
# where it likes to. A thread that moves itself is moved by that of its old processor.
went_to()
{
	grep "^ *migration/.* pid=$pid .* dest_cpu=$1" $T/trace
}

# goes_to <processor>: the worker does, within some requests. Wherever it is, it has to go
# there from the other one.
goes_to()
{
	local n=0

	echo >$T/trace
	until went_to "$1" >/tmp/went; do
		n=$(( n + 1 ))
		[ $n -le $PLACE_TRIES ] || return 1
		worker_on $(( 1 - $1 ))
		requests
	done
	note "the worker goes to $1 at try $n: $(head -n 1 /tmp/went)"
}

load
null_disk nb0 32
guest p "$(disk_line /dev/nb0 xvda w)"
id=$(guest_id p)
dev=$SYS/dom$id.2000000
# The program stays on the vCPU of that queue.
guest_do p 'taskset -p 1 1'
pid=$(cat "$dev/vq0/pid")
grep -q " $T " /proc/mounts || mount -t tracefs tracefs $T
echo 1 >$T/tracing_on
echo "pid == $pid" >$T/events/sched/sched_migrate_task/filter
echo 1 >$T/events/sched/sched_migrate_task/enable
for cpu in 1 0; do
	kicks_come_to $cpu
	goes_to $cpu || fail "its kicks come to $cpu, and the worker does not go there"
	[ "$(allowed_of "$pid")" = 0-1 ] || fail "then it may only run on $(allowed_of "$pid")"
done
echo 0 >$T/events/sched/sched_migrate_task/enable
echo 0 >$T/events/sched/sched_migrate_task/filter
echo >$T/trace
note "and stays where taskset says"
taskset -p 2 "$pid"
requests
[ "$(place_of "$pid")" = 1 ] || fail "it is on $(place_of "$pid")"
[ "$(allowed_of "$pid")" = 1 ] || fail "it may run on $(allowed_of "$pid")"
guest_sane p
destroy p
null_disk_remove nb0
unload
