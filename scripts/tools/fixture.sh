# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A tree that looks like the parts of /sys and /proc that virtbackctl reads, and commands
# that stand for xl, xenstore and dmesg.  To be sourced by scripts/tools-test.

# fixture_shell <dash|busybox>: $VB_BIN, a PATH with nothing but what a Debian base
# system (with mawk) or busybox has.
fixture_shell()
{
	local p

	VB_BIN=$VB_TMP/bin-$1
	mkdir -p "$VB_BIN"
	if [ "$1" = busybox ]; then
		busybox --install -s "$VB_BIN"
	else
		for p in mawk basename cat cut date dd dirname env find grep head ls mkdir \
			pidof printf readlink rm sed sleep sort stat stty tail tr uname zcat gzip; do
			ln -s "$(type -P "$p")" "$VB_BIN/$p"
		done
		ln -s mawk "$VB_BIN/awk"
		ln -s "$(type -P "$1")" "$VB_BIN/sh"
	fi
	# Not the machine's: what a test wants of them is put into $FAKE.
	rm -f "$VB_BIN"/{uname,dmesg,modinfo,pidof,xl}
}

# fixture_run <function>: in a new tree, as a machine with Xen and two devices.
fixture_run()
{
	T=$(mktemp -d "$VB_TMP/t-XXXXXX")
	ROOT=$T/root FAKE=$T/fake
	CLASS=$ROOT/sys/class/virtback
	mkdir -p "$FAKE" "$CLASS"
	fixture_machine
	"$1"
}

# ctl [argument]...: virtbackctl with that shell; output in $OUT, errors in $ERR, the
# status in $RC
ctl()
{
	RC=0
	env -i PATH="$FAKE:$VB_BIN" VIRTBACK_ROOT="$ROOT" "$VB_BIN/sh" \
		"$VB_TOP/tools/virtbackctl" "$@" >"$T/out" 2>"$T/err" </dev/null || RC=$?
	OUT=$(tr -d '\0' <"$T/out")
	ERR=$(cat "$T/err")
	# No message of a shell or of awk belongs to what a user sees.
	if grep -E 'awk:|syntax error|not found|unbound|parameter not set|line [0-9]+:' "$T/err"; then
		echo "virtbackctl $* is broken"
		return 1
	fi
}

# expect_rc <status>
expect_rc()
{
	[ "$RC" = "$1" ] || { echo "status $RC, not $1"; cat "$T/out" "$T/err"; return 1; }
}

# expect <text> <regex>
expect()
{
	grep -qE -- "$2" <<<"$1" || { echo "no match of $2 in:"; echo "$1"; return 1; }
}

expect_not()
{
	! grep -qE -- "$2" <<<"$1" || { echo "a match of $2 in:"; echo "$1"; return 1; }
}

# expect_json <python expression of j>
expect_json()
{
	python3 - "$T/out" "$1" <<-'END'
	import json, sys
	text = open(sys.argv[1], "rb").read().decode("utf-8")
	j = json.loads(text)
	if not eval(sys.argv[2]):
	    sys.exit("not so: %s in %s" % (sys.argv[2], text))
	END
}

# put <file below the tree> <text>
put()
{
	mkdir -p "$(dirname "$ROOT/$1")"
	printf '%s\n' "$2" >"$ROOT/$1"
}

# fake <command> <line of shell>...: stands for a command of the machine
fake()
{
	local name=$1

	shift
	{ echo "#!$VB_BIN/sh"; printf '%s\n' "$@"; } >"$FAKE/$name"
	chmod +x "$FAKE/$name"
}

# fixture_device <name> <domid> <queues>: attributes as the module has them
fixture_device()
{
	local d=sys/class/virtback/$1 q c

	put "$d/domid" "$2"
	put "$d/state" driver-ok
	put "$d/readonly" 0
	put "$d/queues" "$3"
	put "$d/serial" 12345
	put "$d/backing" /dev/vg0/guest
	put "$d/features_offered_names" "flush mq version_1"
	put "$d/bad_accesses" 0
	put "$d/orphans" 0
	put "$d/dma" bounce
	put "$d/host" xen
	put "$d/uevent" DEVTYPE=no
	put "$d/power/control" auto
	put "$d/child/uevent" a
	put "$d/child/stranger" 1
	chmod 444 "$ROOT/$d"/{domid,state,readonly,queues,serial,dma,host}
	for (( q = 0; q < $3; q++ )); do
		for c in kicks requests completed bounced direct irqs sectors_read \
			sectors_written sectors_discarded; do
			put "$d/vq$q/$c" $(( 100 * (q + 1) ))
		done
	done
	put "$d/xen/traps" 900
}

fixture_machine()
{
	local kernel=6.12.1-test

	fixture_device dom3.2000000 3 2
	fixture_device dom12.2000200 12 1
	put sys/class/virtback/version 0.1
	put sys/class/virtback/add ''
	put sys/class/virtback/remove ''
	put sys/module/virtback/parameters/map_limit_mb 0
	put sys/module/virtback/parameters/latency 1
	put sys/module/virtback/parameters/defaults ''
	put sys/hypervisor/type xen
	put sys/hypervisor/guest_type PVH
	put sys/hypervisor/version/major 4
	put sys/hypervisor/version/minor 20
	put sys/hypervisor/version/extra .3
	put sys/bus/xen-backend/drivers_probe ''
	put sys/kernel/debug/virtback/dom3.2000000/latency "# unit: ns
0 complete 1024 10
0 complete 4096 80
1 complete 4096 10
0 trap 512 7"
	put proc/xen/capabilities control_d
	put proc/uptime "100.00 1.00"
	put boot/config-$kernel CONFIG_XEN_UNPOPULATED_ALLOC=y
	fake uname "[ \"\$1\" = -m ] && echo aarch64 || echo $kernel"
	fake dmesg 'cat $0.log 2>/dev/null; exit 0'
	fake xl '[ "$1 $2" = "domid guest1" ] && echo 3 || exit 1'
	fake xenstore-read 'case $1 in */3/name) echo guest1 ;; */0/name) echo Domain-0 ;; *) exit 1 ;; esac'
}
