# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Nonsense into each file of the module that can be written, and through virtbackctl: an
# errno and one line in the log that names the file each time, and nothing changes.

P=/sys/module/virtback/parameters
G=/tmp/garbage
rm -rf $G
mkdir -p $G

ram_disk 0
ram_disk 1
load
create "$(tiny_config t -- 'vuart = "sbsa_uart"')" -p
id=$(guest_id t)
echo "domid=$id base=0x2000000 irq=33 backing=/dev/ram0" >$SYS/add || fail "refused"
dev=dom$id.2000000
free="domid=$id base=0x2000200 irq=34 backing=/dev/ram1"

# What no file takes, one a file, for a single write(2). %b so that any byte can be said.
n=10
while IFS= read -r text; do
	n=$(( n + 1 ))
	printf '%b' "$text" >$G/$n
done <<'END_OF_VALUES'
garbage
garbage\n
-2147483649
-99
4294967296
99999999999999999999999999
99999999999999999999999999\n
0x
0xffffffffffffffffff
1e3
1.5
0 0
0\n0\n
\001\002\377\n
%s%n%p
../../../etc/passwd
=
;
"0"
$(reboot)
END_OF_VALUES
# Longer than a page, and cut there a number that would do; a page to the byte.
head -c 5000 /dev/zero | tr '\0' a >$G/long
head -c 4096 /dev/zero | tr '\0' 0 >$G/page
{ head -c 4096 /dev/zero | tr '\0' ' '; echo 0; } >$G/blanks
{ printf %s "$free"; head -c 4096 /dev/zero | tr '\0' ' '; echo queues=0; } >$G/cut
printf '0\0001' >$G/nul
note "$(ls $G | wc -l) kinds of nonsense"

# all_of_it <file> <what the log calls it> [values, beside those of $G, that it refuses]...
all_of_it()
{
	local f=$1 who=$2 before after err v count=0

	shift 2
	rm -f $G/own*
	for v in "$@"; do
		count=$(( count + 1 ))
		printf '%b' "$v" >$G/own$count
	done
	count=0
	before=$(cat "$f" 2>/dev/null) || before=
	mark_log
	for v in $G/*; do
		case $f$v in
		# The kernel hands over what is in front of it, and nobody can know.
		$P/*$G/nul) continue ;;
		esac
		if dd if="$v" of="$f" bs=8192 conv=notrunc 2>/tmp/err; then
			fail "$f takes ${v##*/}: $(head -c 60 "$v")"
		fi
		read -r err </tmp/err
		case $err in
		*'Invalid argument'|*'No such '*|*'Is a directory'|*'device required') ;;
		*) fail "$f and ${v##*/}: $err" ;;
		esac
		count=$(( count + 1 ))
	done
	after=$(cat "$f" 2>/dev/null) || after=
	[ "$after" = "$before" ] || fail "$f was $before and is $after"
	log_since_mark | sed 's/.*virtback: //' >/tmp/lines
	[ "$(wc -l </tmp/lines)" = $count ] || {
		sed 's/^/# /' /tmp/lines
		fail "$f: $(wc -l </tmp/lines) lines in the log of $count refusals"
	}
	if grep -v "^$who.*: ..*" /tmp/lines | sed 's/^/# /' | grep .; then
		fail "lines do not say $who and why"
	fi
	note "$f: $count refused"
	[ "$(nr_devices)" = 1 ] || fail "$(nr_devices) devices, not 1"
}

# writable <directory>/: the files below it that can be written, but for the kernel's own
writable()
{
	find "$1" -maxdepth 2 -type f -perm -200 | sed "s#^$1*##" | grep -v '^uevent$\|^power/' |
		sort
}

step "Attributes of a device"
written=
for a in $(writable "$SYS/$dev/"); do
	f=$SYS/$dev/$a
	case $a in
	backing) all_of_it "$f" "$dev: backing" '\n' none / /dev /dev/none '/dev/ram0\n\n/dev/ram1' ;;
	cpus) all_of_it "$f" "$dev: cpus" '\n' 0- 0-99999999 99 1-0 -1 all0 0:1 ;;
	poll_us) all_of_it "$f" "$dev: poll_us" '\n' -1 1001 +1 yes ;;
	priority) all_of_it "$f" "$dev: priority" '\n' -21 20 0x5 ;;
	*) fail "$a can be written, and this scenario does not know it" ;;
	esac
	written="$written $a"
done
[ "$written" = " backing cpus poll_us priority" ] || fail "written were$written"

step "Parameters of the module"
written=
for p in $(writable $P/); do
	f=$P/$p
	case $p in
	# A blank text means none, so it has a value to keep.
	defaults)
		echo queues=1 >"$f"
		all_of_it "$f" defaults queues queues= queues=0 ' =1' domid=1 'queues=1 queues=1' ;;
	latency) all_of_it "$f" latency '\n' -1 2 01 nope ;;
	grant_map_kb) all_of_it "$f" grant_map_kb '\n' -1 1025 64k ;;
	map_limit_mb) all_of_it "$f" map_limit_mb '\n' -1 16385 64M ;;
	*) fail "$p can be written, and this scenario does not know it" ;;
	esac
	written="$written $p"
done
[ "$written" = " defaults grant_map_kb latency map_limit_mb" ] || fail "written were$written"
echo >$P/defaults
mark_log
! echo 16385 >$P/map_limit_mb 2>/dev/null || fail "too much is accepted"
log_since_mark | grep -q "16385: out of range, 1 to 16384, or 0 for the default" ||
	fail "it does not say that 0 is possible"
mark_log
! echo "queues=99 domid=3 base=4" >$P/defaults 2>/dev/null || fail "bad defaults are accepted"
log_since_mark | grep -q 'virtback: defaults=.*: queues=99: out of range' ||
	fail "the line does not say defaults: $(log_since_mark)"

step "add and remove"
all_of_it $SYS/add '' '\n' ' \n' "$free queues" "$free;$free"
all_of_it $SYS/remove '' '\n' "$dev force" "$dev force=" "$dev force=maybe" "$dev $dev" "$dev;"

# ctl_refuses <status> <what it says> <argument>...
ctl_refuses()
{
	local rc=0 status=$1 want=$2

	shift 2
	virtbackctl "$@" >/tmp/said 2>&1 || rc=$?
	[ $rc = "$status" ] && grep -q -- "$want" /tmp/said || {
		sed 's/^/# /' /tmp/said
		fail "virtbackctl $* ended with $rc, not $status, or does not say: $want"
	}
}

step "virtbackctl"
window="domid=t base=0x2000200 irq=34"
# Scenario 85 has each option; here it is whether the reason gets through.
for v in queues=-1 cpus=99 nonsense=1; do
	# shellcheck disable=SC2086
	ctl_refuses 1 "the kernel says: .*${v%%=*}" add $window backing=/dev/ram1 $v
done
ctl_refuses 1 "the kernel says: .*priority" set "$dev" priority=20
ctl_refuses 1 "the kernel says: defaults=irq=1: irq: " set --module defaults=irq=1
[ "$(nr_devices)" = 1 ] || fail "$(nr_devices) devices, not 1"

step "What is right still works"
virtbackctl set "$dev" poll_us=7 priority=3 cpus=0 || fail "that is refused"
for v in poll_us=7 priority=3 cpus=0; do
	[ "$(cat "$SYS/$dev/${v%%=*}")" = "${v#*=}" ] || fail "$v has no effect"
done
echo "$free" >$SYS/add || fail "the second device is refused"
destroy t
nothing_left /dev/ram0 /dev/ram1
unload
