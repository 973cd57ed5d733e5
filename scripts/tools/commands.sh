# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The commands of virtbackctl.  To be sourced by scripts/tools-test.

test_ctl_usage()
{
	local c

	ctl
	expect_rc 2
	expect "$ERR" '^usage: virtbackctl'
	ctl --help
	expect_rc 0
	expect "$OUT" 'Exit status'
	ctl nonsense
	expect_rc 2
	expect "$ERR" 'no command nonsense'
	ctl --nonsense
	expect_rc 2
	ctl help nonsense
	expect_rc 2
	ctl help --json list
	expect_rc 0
	expect "$OUT" '^usage: virtbackctl list'
	for c in list show add remove set stats top latency doctor version help; do
		ctl $c --help
		expect_rc 0
		expect "$OUT" "^usage: virtbackctl $c"
		[ "$c" = help ] || { ctl $c --nonsense; expect_rc 2; }
	done
}

test_ctl_without_module()
{
	local c

	rm -r "$CLASS"
	for c in list show stats top latency 'add backing=/dev/x' 'remove x' 'set x a=b'; do
		# shellcheck disable=SC2086
		ctl $c
		expect_rc 3
		expect "$ERR" 'module virtback is not loaded'
	done
	# What is wrong anyway is said first.
	for c in add remove set; do
		ctl $c
		expect_rc 2
	done
}

test_ctl_no_such_device()
{
	local c

	for c in 'show x' 'stats x' 'top x' 'latency x' 'remove x' 'set x a=b' \
		'show ../virtback' 'remove dom3.2000000 x'; do
		# shellcheck disable=SC2086
		ctl $c
		expect_rc 4
	done
	ctl show x
	expect "$ERR" 'x: there is no such device; there are: dom12.2000200 dom3.2000000'
	# None was removed when one does not exist.
	expect_not "$(cat "$CLASS/remove")" dom3
}

test_ctl_list()
{
	echo disk >"$T/disk"
	put sys/class/virtback/dom12.2000200/backing "$T/disk"
	put sys/class/virtback/dom12.2000200/features_offered_names "ro flush"
	ctl list
	expect_rc 0
	expect "$OUT" '^DEVICE +DOMAIN +STATE +MODE +SIZE +QUEUES +BACKING$'
	expect "$OUT" '^dom3.2000000 +3 \(guest1\) +driver-ok +rw +- +2 +/dev/vg0/guest$'
	expect "$OUT" '^dom12.2000200 +12 +driver-ok +ro +5B +1 '
	ctl list --json
	expect_json 'len(j) == 2 and j[1]["domid"] == 3 and j[1]["domain"] == "guest1"'
	expect_json 'j[0]["readonly"] is True and j[0]["bytes"] == 5 and j[1]["readonly"] is False'
	rm -r "$CLASS"/dom*
	ctl list
	expect_rc 0
	expect "$OUT" '^DEVICE .*BACKING$'
	ctl --json list
	expect_json 'j == []'
}

# A host has dozens of disks: no process for each of them.
test_ctl_list_of_many()
{
	local i

	for i in {20..40}; do
		cp -r "$CLASS/dom12.2000200" "$CLASS/dom$i.2000000"
		echo "$i" >"$CLASS/dom$i.2000000/domid"
		echo disk >"$T/disk $i"
		echo "$T/disk $i" >"$CLASS/dom$i.2000000/backing"
	done
	fake stat 'echo x >>$0.log' "exec $(type -P stat) \"\$@\""
	fake xenstore-read 'echo x >>$0.log' \
		'for p in "$@"; do p=${p#/local/domain/}; echo "guest${p%/name}"; done'
	ctl list
	expect "$OUT" '^dom40.2000000 +40 \(guest40\) +driver-ok +rw +5B +1 .*/disk 40$'
	expect "$OUT" '^dom12.2000200 +12 \(guest12\) '
	[ "$(wc -l <"$T/out")" = 24 ]
	[ "$(wc -l <"$FAKE/stat.log") $(wc -l <"$FAKE/xenstore-read.log")" = '1 1' ]
	# One of these domains has gone meanwhile.
	fake xenstore-read 'case "$*" in *" "*|*/12/*) exit 1 ;; *) echo "one" ;; esac'
	ctl list
	expect "$OUT" '^dom40.2000000 +40 \(one\) '
	expect "$OUT" '^dom12.2000200 +12 +driver-ok'
}

# Paths may have any byte but the zero.
test_ctl_json_of_any_path()
{
	local p

	for p in '/dev/a "b" \c' $'/dev/\t\x01\x7f' $'/dev/\xc3\xa9\xe2\x82\xac' $'/dev/\xff\xc3' \
		$'/dev/\xed\xa0\x80' $'/dev/one\ntwo' '/dev/&\\1\\n'; do
		printf '%s\n' "$p" >"$CLASS/dom3.2000000/backing"
		ctl show --json dom3.2000000
		P=$p python3 -c 'import os; p = os.fsencode(os.environ["P"]).decode("utf-8", "replace")
import json, re, sys
got = json.load(open(sys.argv[1]))[0]["backing"]
squeeze = lambda s: re.sub("\ufffd+", "\ufffd", s)
sys.exit(squeeze(got) != squeeze(p) and "%r is not %r" % (got, p))' "$T/out"
	done
}

test_ctl_show()
{
	put sys/class/virtback/dom3.2000000/unheard_of new
	put sys/class/virtback/dom3.2000000/xen/unheard_of_count 4711
	ctl show dom3.2000000
	expect_rc 0
	expect "$OUT" '^dom3.2000000$'
	expect "$OUT" '^  unheard_of +new$'
	expect "$OUT" '^    unheard_of_count +4711$'
	expect_not "$OUT" 'stranger|uevent|control|dom12'
	ctl show --json
	expect_json 'j[1]["xen"]["unheard_of_count"] == 4711 and j[1]["unheard_of"] == "new"'
	expect_json 'j[1]["serial"] == "12345" and j[0]["vq0"]["kicks"] == 100 and "vq1" not in j[0]'
	ctl show --module
	expect "$OUT" '^map_limit_mb +0$'
	ctl show --module --json
	expect_json 'j["map_limit_mb"] == 0'
	ctl show --module dom3.2000000
	expect_rc 2
}

# 64 bits survive, whatever awk's numbers are.
test_ctl_large_numbers()
{
	put sys/class/virtback/dom3.2000000/xen/hits 18446744073709551615
	put sys/class/virtback/dom3.2000000/vq0/bounced 9000000000000000
	ctl show --json dom3.2000000
	expect_json 'j[0]["xen"]["hits"] == 2**64 - 1'
	ctl stats --json dom3.2000000
	expect_json 'j[0]["total"]["bounced"] == 9000000000000200'
	ctl stats dom3.2000000
	expect "$OUT" 'bounced +9000000000000200 +9000000000000000 +200'
}

test_ctl_stats()
{
	local q

	ctl stats dom3.2000000
	expect_rc 0
	expect "$OUT" '^dom3.2000000 +total +vq0 +vq1$'
	expect "$OUT" '^  kicks +300 +100 +200$'
	expect "$OUT" '^  xen/traps +900$'
	expect "$OUT" '^  orphans +0$'
	expect_not "$OUT" 'queues|pid'
	ctl stats --json
	expect_json 'j[1]["total"]["kicks"] == 300 and j[1]["queues"]["vq1"]["kicks"] == 200'
	expect_json 'j[1]["xen"]["traps"] == 900 and j[0]["own"] == {"bad_accesses": 0, "orphans": 0}'
	for q in 2 3 4 5 6 7 8 9 10; do
		put "sys/class/virtback/dom3.2000000/vq$q/kicks" $q
	done
	ctl stats dom3.2000000
	expect "$OUT" 'vq8 +vq9 +vq10$'
}

# What is of a device is added, what is of a guest counts once for its devices.
test_ctl_stats_sum()
{
	local d=sys/class/virtback

	put $d/dom3.2000000/vq0/kicks 5000
	put $d/dom3.2000000/orphans 3
	put $d/dom3.2000000/xen/copies 20
	put $d/dom3.2000000/xen/pages_max 9
	put $d/dom12.2000200/xen/copies 7
	put $d/dom12.2000200/xen/traps 70
	ctl stats --sum
	expect_rc 0
	expect "$OUT" '^all +total$'
	expect "$OUT" '^  xen/traps +970$'
	expect "$OUT" '^  xen/copies +27$'
	expect "$OUT" '^  orphans +3$'
	expect_not "$OUT" 'pages_max'
	ctl stats --sum --json
	expect_json 'len(j) == 1 and j[0]["device"] == "all" and j[0]["xen"]["traps"] == 970'
	fixture_device dom3.2000200 3 1
	put $d/dom3.2000200/xen/copies 100
	ctl stats -s --json
	expect_json 'j[0]["xen"]["traps"] == 970 and j[0]["xen"]["copies"] == 127'
	ctl stats --sum dom3.2000000 --json
	expect_json 'j[0]["total"]["kicks"] == 5200 and j[0]["xen"]["traps"] == 900'
}

test_ctl_add()
{
	ctl add backing=/dev/x base=0x2000000 irq=33 domid=guest1
	expect_rc 0
	[ "$OUT" = dom3.2000000 ]
	[ "$(cat "$CLASS/add")" = 'backing=/dev/x base=0x2000000 irq=33 domid=3' ]
	ctl add --json backing=/dev/x base=33554944 irq=33 domid=12
	expect_json 'j == {"device": "dom12.2000200"}'
	# Ten, as to the kernel.
	ctl add backing=/dev/x base=010 irq=33 domid=08
	[ "$OUT" = dom8.a ] || { echo "\"$OUT\" is not dom8.a"; return 1; }
	ctl add
	expect_rc 2
	ctl add backing
	expect_rc 2
	ctl add 'backing=/dev/a b'
	expect_rc 2
	expect "$ERR" 'backing: a value cannot have a blank'
	ctl add domid=nobody backing=/dev/x
	expect_rc 1
	expect "$ERR" 'domid=nobody'
}

# The file that is written refuses as the kernel does, and the log says why.
test_ctl_refusals()
{
	ln -sf /dev/full "$CLASS/add"
	ln -sf /dev/full "$CLASS/remove"
	ln -sf /dev/full "$CLASS/dom3.2000000/backing"
	# Each time it is asked, there is more in it.
	fake dmesg 'echo "[1.0] virtback: dom3.2000000: old: news" >>$0.log
		n=$(grep -c . $0.log); [ $n = 1 ] || echo "[$n.0] virtback: dom7.1: other: news" >>$0.log
		[ $n = 1 ] || echo "[$n.1] virtback: dom3.2000000: irq: no such interrupt" >>$0.log
		cat $0.log'
	ctl add backing=/dev/x base=0x2000000 irq=33 domid=3
	expect_rc 1
	expect "$ERR" 'add dom3.2000000: .*irq=33.*: No space left on device'
	expect "$ERR" 'the kernel says: dom3.2000000: irq: no such interrupt'
	expect_not "$ERR" other
	ctl add backing=/dev/x base=zz irq=33 domid=3
	expect "$ERR" 'virtbackctl: add: backing='
	ctl remove dom3.2000000
	expect_rc 1
	expect "$ERR" 'remove dom3.2000000: No space left'
	ctl set dom3.2000000 backing=/dev/y
	expect_rc 1
	expect "$ERR" 'dom3.2000000: backing=/dev/y: No space left'
	# A line with a backslash is found again, and what was before it is no news.
	fake dmesg 'printf "%s\n" "[1.0] virtback: dom3.2000000: old" "[2.0] a\\nb"
		[ ! -e $0.x ] || echo "[3.0] virtback: dom3.2000000: new"; : >$0.x'
	ctl set dom3.2000000 backing=/dev/y
	expect "$ERR" 'the kernel says: dom3.2000000: new'
	expect_not "$ERR" old
	fake dmesg 'exit 1'
	ctl set dom3.2000000 backing=/dev/y
	expect_rc 1
	expect "$ERR" 'log has the reason, and cannot be read'
}

test_ctl_remove()
{
	local c

	ctl remove
	expect_rc 2
	# A variable of a script that is empty is no name, and does not stand for all.
	for c in remove show stats top latency; do
		ctl $c ''
		expect_rc 4
		ctl $c 'dom3.2000000 dom12.2000200'
		expect_rc 4
	done
	[ ! -s "$CLASS/remove" ] || [ -z "$(cat "$CLASS/remove")" ]
	ctl remove dom3.2000000
	expect_rc 0
	[ "$(cat "$CLASS/remove")" = dom3.2000000 ]
	ctl remove dom12.2000200 --force
	[ "$(cat "$CLASS/remove")" = 'dom12.2000200 force=1' ]
}

test_ctl_set()
{
	local d=$CLASS/dom3.2000000

	ctl set dom3.2000000 'backing=/dev/with a blank='
	expect_rc 0
	[ "$(cat "$d/backing")" = '/dev/with a blank=' ]
	ctl set dom3.2000000 xen/traps=5
	[ "$(cat "$d/xen/traps")" = 5 ]
	ctl set dom3.2000000 backing=/dev/z serial=x
	expect_rc 2
	expect "$ERR" 'serial: cannot change.*'
	expect "$ERR" 'these can be set: .*backing'
	# Nothing was set when one cannot be.
	[ "$(cat "$d/backing")" = '/dev/with a blank=' ]
	ctl set dom3.2000000 nonsense=1
	expect_rc 2
	expect "$ERR" 'no such attribute'
	ctl set dom3.2000000 ../version=1
	expect_rc 2
	ctl set dom3.2000000
	expect_rc 2
	ctl set --module map_limit_mb=64
	expect_rc 0
	[ "$(cat "$ROOT/sys/module/virtback/parameters/map_limit_mb")" = 64 ]
}

# sleep stands for an interval in which counters grow.
fixture_work()
{
	fake sleep "cd $CLASS && echo 110.00 1 >$ROOT/proc/uptime" \
		'echo 1100 >dom3.2000000/vq0/completed; echo 700 >dom3.2000000/vq1/completed' \
		'echo 12100 >dom3.2000000/vq0/sectors_read; echo 7730 >dom3.2000000/vq1/sectors_written' \
		'echo 99999 >dom3.2000000/vq1/sectors_discarded; echo 5400 >dom3.2000000/xen/traps' \
		'echo 1600 >dom3.2000000/vq0/irqs; echo 101 >dom12.2000200/vq0/completed' \
		"printf '# unit: ns\n0 complete 1024 10\n0 complete 4096 1080\n1 complete 8192 0\n' \
			>$ROOT/sys/kernel/debug/virtback/dom3.2000000/latency"
}

test_ctl_top()
{
	fixture_work
	ctl top -b -n 1
	expect_rc 0
	expect "$OUT" '2 devices +150 requests/s +1.0 MB/s +over 10.0 s'
	expect "$OUT" 'latencies: none of 1 device'
	expect "$OUT" '^DEVICE +STATE +REQ/S +MB/S +TRAPS/R +IRQ/R +P50 +P99$'
	# 1500 requests in 10 s, 4500 traps; half of a bucket from 4096 to 8192 ns
	expect "$OUT" '^dom3.2000000 +driver-ok +150 +1.0 +3.00 +1.00 +6.14 us +8.15 us$'
	[ "$(grep -n '^dom3' "$T/out" | cut -d: -f1)" -lt "$(grep -n '^dom12' "$T/out" | cut -d: -f1)" ]
}

test_ctl_top_json()
{
	fixture_work
	ctl top --json -n 1 -s device
	expect_json 'j["seconds"] == 10 and j["devices"][1]["requests_per_s"] == 150'
	expect_json 'j["devices"][1]["complete_ns"]["p50"] == 6144'
	expect_json 'j["devices"][0]["complete_ns"] == {"p50": None, "p99": None}'
	expect_json 'j["devices"][0]["device"] == "dom12.2000200"'
	ctl top --json -n 3 -d 0.1
	[ "$(grep -c '^{' "$T/out")" = 3 ]
}

# A device that was made anew has counters below those of before: no negative rates.
test_ctl_top_of_a_new_device()
{
	fake sleep "echo 110 1 >$ROOT/proc/uptime; echo 3 >$CLASS/dom3.2000000/vq0/completed" \
		"rm -r $CLASS/dom12.2000200"
	ctl top -b -n 1
	expect_rc 0
	expect_not "$OUT" ' -[0-9]'
	expect "$OUT" '1 device '
}

test_ctl_top_of_no_device_any_more()
{
	fake sleep "rm -rf $CLASS/dom3.2000000 $CLASS/dom12.2000200"
	ctl top -b -n 1
	expect_rc 0
	expect "$OUT" ' 0 devices '
	expect_not "$OUT" 'latencies'
}

test_ctl_top_arguments()
{
	local a

	for a in '-n 0' '-n x' '-n' '-d 0' '-d -1' '-d x' '-s size' '-d'; do
		# shellcheck disable=SC2086
		ctl top -b $a
		expect_rc 2
	done
}

test_ctl_latency()
{
	ctl latency dom3.2000000
	expect_rc 0
	expect "$OUT" '^dom3.2000000  complete .* 100 times$'
	expect "$OUT" '^ +1.02 us to 2.05 us +10  ####$'
	expect "$OUT" '^ +2.05 us to 4.10 us +0 +$'
	expect "$OUT" '^ +4.10 us to 8.19 us +90  #{40}$'
	expect "$OUT" '^  p50 5.92 us  p90 7.74 us'
	expect "$OUT" 'trap .* 7 times'
	ctl latency -s trap dom3.2000000
	expect_not "$OUT" complete
	ctl latency -q 1 dom3.2000000
	expect "$OUT" 'complete .* 10 times'
	ctl latency --json dom3.2000000
	expect_json 'j[0]["stages"]["complete"]["count"] == 100 and j[0]["unit"] == "ns"'
	expect_json 'j[0]["stages"]["complete"]["buckets"][1] == {"from": 4096, "count": 90}'
	fixture_work
	ctl latency -i 1 dom3.2000000
	expect "$OUT" 'complete .* 1000 times'
	ctl latency -s colour
	expect_rc 2
}

test_ctl_latency_is_missing()
{
	rm "$ROOT/sys/kernel/debug/virtback/dom3.2000000/latency"
	ctl latency dom3.2000000
	expect_rc 1
	expect "$ERR" 'no histograms: this version of the module has none'
	rm -r "$ROOT/sys/kernel/debug/virtback"
	ctl latency dom3.2000000
	expect_rc 1
	expect "$ERR" 'debugfs is not mounted'
	ctl latency --json dom3.2000000
	expect_json 'j[0]["stages"] is None'
	fixture_work
	sed -i 's/.*printf.*/true/; s/.*>.*latency.*//' "$FAKE/sleep"
	ctl top -b -n 1
	expect_rc 0
	expect "$OUT" 'latencies: none of 2 devices'
}

# A socket is a file that root may read, and that does not open.
test_ctl_latency_is_locked_away()
{
	local f="$ROOT/sys/kernel/debug/virtback/dom3.2000000/latency"

	rm "$f"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$f"
	put sys/kernel/security/lockdown '[none] integrity confidentiality'
	ctl latency dom3.2000000
	expect_rc 1
	expect_not "$ERR" 'locked'
	ctl doctor
	expect_not "$OUT" 'locked'
	put sys/kernel/security/lockdown 'none integrity [confidentiality]'
	ctl latency dom3.2000000
	expect_rc 1
	expect "$ERR" 'no histograms: this kernel is locked down \(confidentiality\)'
	ctl doctor
	expect "$OUT" '^info +debugfs: this kernel is locked down \(confidentiality\)'
	# What opens in spite of it is shown.
	rm "$f"
	put "${f#"$ROOT/"}" '# unit: ns'
	ctl latency dom3.2000000
	expect_rc 0
}

test_ctl_doctor()
{
	ctl doctor
	expect_rc 0
	expect "$OUT" '^ok +kernel: 6.12.1-test'
	expect "$OUT" '^ok +module: virtback 0.1 is loaded'
	expect "$OUT" '^ok +Xen: 4.20.3'
	expect "$OUT" '^ok +IOREQ servers'
	expect "$OUT" '^ok +this domain: the control domain$'
	expect "$OUT" '^ok +parameters: all at their defaults$'
	expect "$OUT" '^0 wrong'
	put sys/module/virtback/parameters/latency 0
	put sys/module/virtback/parameters/defaults queues=2
	fake dmesg 'echo "[1.0] virtback: module verification failed: signature missing"'
	ctl doctor
	expect_not "$OUT" 'kernel log'
	expect "$OUT" '^ok +parameters: defaults=queues=2 latency=0$'
	ctl doctor --json
	expect_json 'all(f["status"] in ("ok", "info") for f in j) and len(j) > 8'
}

# finds <regex>: doctor says so, as something wrong
finds()
{
	ctl doctor
	expect_rc 1
	expect "$OUT" "^fail +$1"
	expect "$OUT" '^      -> '
}

test_ctl_doctor_finds_the_machine_wrong()
{
	fake uname '[ "$1" = -m ] && echo aarch64 || echo 6.6.1'
	finds 'kernel: virtback does not build for 6.6.1'
	fake uname '[ "$1" = -m ] && echo aarch64 || echo 5.10.0-9-arm64'
	finds 'kernel: .*too old'
	fake uname '[ "$1" = -m ] && echo x86_64 || echo 6.12.1-test'
	finds 'IOREQ servers: on x86_64'
	fixture_machine
	put proc/self/smaps 'KernelPageSize:       64 kB'
	finds 'page size: 64 KiB'
	rm "$ROOT/proc/self/smaps"
	rm -r "$ROOT/sys/bus/xen-backend"
	finds 'kernel options: .*CONFIG_XEN_BACKEND'
	fixture_machine
	fake xenstore-read 'exit 1'
	finds 'toolstack: xenstored does not answer'
	fixture_machine
	fake pidof 'echo 4711'
	finds 'other back ends: .*4711'
	rm "$FAKE/pidof"
	put sys/hypervisor/type kvm
	finds 'Xen: this machine does not run under Xen'
}

test_ctl_doctor_finds_no_ioreq_servers()
{
	rm -r "$CLASS"/dom*
	ctl doctor
	expect "$OUT" '^info +IOREQ servers: whether Xen has them'
	fake xenhypfs 'echo "# CONFIG_IOREQ_SERVER is not set"'
	finds 'IOREQ servers: Xen was built without'
	fake xenhypfs 'echo CONFIG_IOREQ_SERVER=y'
	ctl doctor
	expect_rc 0
	rm "$FAKE/xenhypfs"
	echo '[1.0] virtback: dom3.2000000: domid: creating an IOREQ server failed: -38' >"$FAKE/dmesg.log"
	finds 'IOREQ servers: Xen refused'
}

test_ctl_doctor_finds_the_module_wrong()
{
	rm -r "$ROOT/sys/module/virtback" "$CLASS"
	finds 'module: virtback is not installed for 6.12.1-test'
	put lib/modules/6.12.1-test/updates/virtback.ko ''
	finds 'module: .*not loaded'
	put sys/kernel/security/lockdown 'none [integrity] confidentiality'
	ctl doctor
	expect "$OUT" '^warn +module signing: this kernel is locked down \(integrity\)'
	fixture_machine
	put sys/class/virtback/version 0.0
	ctl doctor
	expect_rc 0
	expect "$OUT" '^warn +module: virtback 0.0 is loaded, virtbackctl is'
}

test_ctl_doctor_finds_devices_wrong()
{
	local d=sys/class/virtback/dom3.2000000

	rm -f "$ROOT/$d/state" "$ROOT/$d/dma"
	put $d/state needs-reset
	put $d/orphans 3
	put $d/dma direct
	ctl doctor
	expect_rc 0
	expect "$OUT" '^warn +dom3.2000000: its driver broke the rules'
	expect "$OUT" '^warn +dom3.2000000: 3 requests'
	expect "$OUT" '^warn +IOMMU: .*dma=direct is used by dom3.2000000'
	put $d/xen/refused 2
	finds 'dom3.2000000: guest memory could not be mapped 2 times'
	fixture_machine
	rm "$ROOT/$d/xen/refused"
	fake xenstore-list 'case $1 in */virtio_disk) echo 3 ;; */3) echo 51712 ;; esac'
	fake xenstore-read 'case $1 in */state) echo 1 ;; */name) echo x ;; esac'
	finds 'disk 51712 of domain 3: waits for a back end'
}

test_ctl_version()
{
	ctl version
	expect "$OUT" '^module +0.1$'
	expect "$OUT" '^xen +4.20.3$'
	ctl version --json
	expect_json 'j["xen"] == "4.20.3" and j["kernel"] == "6.12.1-test"'
	rm -r "$CLASS" "$ROOT/sys/hypervisor"
	ctl version --json
	expect_rc 0
	expect_json 'j["module"] is None and j["xen"] is None'
}
