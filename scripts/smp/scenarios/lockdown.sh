# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# kernel: signed
# What SECURITY.md says of signed modules and of lockdown: which module the kernel takes,
# and what of a device works in each of the two modes.

KO=/vb/virtback.ko
SEC=/sys/kernel/security/lockdown
DBG=/sys/kernel/debug/virtback
TRACE=/sys/kernel/tracing

# loads <module>
loads()
{
	insmod "$1" 2>/tmp/err || fail "$1 does not load: $(cat /tmp/err)"
	rmmod virtback
}

# refused <module>: by the kernel, for its signature.
refused()
{
	! insmod "$1" 2>/tmp/err || fail "$1 was loaded"
	grep -q "Key was rejected" /tmp/err || fail "$1: $(cat /tmp/err)"
}

# locked <mode>: the mode that the kernel is in.
locked()
{
	grep -qF "[$1]" $SEC || fail "lockdown is $(cat $SEC)"
}

# taken <file> <value>
taken()
{
	echo "$2" >"$1" || fail "$1 does not take $2"
}

# files <directory>: how many there are; each that has read permission can be read.
files()
{
	local f n=0

	find "$1/" -follow -maxdepth 2 -type f ! -path '*/power/*' ! -name uevent >/tmp/files
	while read -r f; do
		case $(stat -c %a "$f") in
		4??|6??) ;;
		*) continue ;;
		esac
		cat "$f" >/dev/null || fail "$f cannot be read"
		n=$(( n + 1 ))
	done </tmp/files
	echo $n
}

# device <mode>: one with each kind of store has its life: made, used, changed, read, removed.
device()
{
	local b name disk n

	insmod $KO || fail "the signed module does not load"
	for b in $DISKS; do
		taken $SYS/add "backing=$b"
		name=$(cd $SYS && echo loop.*)
		disk=$(cd /dev && echo vd?)
		dd if=/dev/zero of="/dev/$disk" bs=64k count=16 oflag=direct 2>/dev/null ||
			fail "$b: no write"
		dd if="/dev/$disk" of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null ||
			fail "$b: no read"
		taken "$SYS/$name/poll_us" 20
		taken "$SYS/$name/cpus" 0-1
		taken "$SYS/$name/priority" 3
		n=$(files "$SYS/$name")
		[ "$n" -gt 40 ] || fail "only $n files of $name"
		[ -d "$DBG/$name" ] || fail "no $DBG/$name"
		debugfs_shut "$DBG/$name/latency"
		taken $SYS/remove "$name"
	done
	taken /sys/module/virtback/parameters/latency 0
	taken /sys/module/virtback/parameters/defaults "poll_us=10"
	note "$1: $n files of a device read"
	rmmod virtback
}

debugfs_shut()
{
	! cat "$1" 2>/dev/null || fail "$1 can be read"
	! echo 0 2>/dev/null >"$1" || fail "$1 can be written"
}

# Trace events of the module can be switched on, and what they print read.
traces()
{
	insmod $KO
	echo 1 2>/dev/null >$TRACE/events/virtback/enable &&
		cat $TRACE/events/virtback/virtback_kick/format >/dev/null 2>&1 &&
		cat $TRACE/trace >/dev/null 2>&1 || { rmmod virtback; return 1; }
	echo 0 >$TRACE/events/virtback/enable
	rmmod virtback
}

mount -t securityfs securityfs /sys/kernel/security 2>/dev/null || true
mount -t tracefs tracefs $TRACE 2>/dev/null || true
make_disks
modprobe virtio_blk
for n in unsigned stranger changed; do
	[ -s /vb/$n.ko ] || fail "no /vb/$n.ko"
done

# Secure Boot has made it so.
locked integrity
[ "$(cat /sys/module/module/parameters/sig_enforce)" = Y ] || fail "signatures are not enforced"
loads $KO
for n in unsigned stranger changed; do
	refused /vb/$n.ko
done
device integrity
traces || fail "no trace events in lockdown"

echo confidentiality >$SEC
locked confidentiality
loads $KO
device confidentiality
! traces || fail "trace events in confidentiality"
remove_disks
