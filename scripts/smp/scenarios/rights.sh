# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# What SECURITY.md says of users: the modes of all files, that somebody without
# privileges reads what is world readable, changes nothing and sees nothing of debugfs, and
# that user id 0 without CAP_SYS_ADMIN changes nothing either.

DBG=/sys/kernel/debug/virtback
PARAM=/sys/module/virtback/parameters

# as_nobody <command>
as_nobody()
{
	su -s /bin/sh nobody -c "$1"
}

files()
{
	find $SYS/ -follow -maxdepth 3 -type f ! -path '*/power/*' ! -name uevent
	find $PARAM -type f
}

# mode_is <mode> <file>...
mode_is()
{
	local mode=$1 f

	shift
	for f in "$@"; do
		[ "$(stat -c %a "$f")" = "$mode" ] || fail "$f has mode $(stat -c %a "$f")"
		[ "$(stat -c %u:%g "$f")" = 0:0 ] || fail "$f is not root's"
	done
}

mkdir -p /etc
echo nobody:x:65534:65534::/:/bin/sh >/etc/passwd
grep -q /sys/kernel/debug /proc/mounts || mount -t debugfs debugfs /sys/kernel/debug
make_disks
insmod /vb/virtback.ko
echo "backing=/dev/ram0" >$SYS/add
d=$(echo $SYS/loop.*)
mode_is 200 $SYS/add $SYS/remove
mode_is 444 $SYS/version
mode_is 644 "$d/backing" "$d/poll_us" "$d/cpus" "$d/priority"
files >/tmp/files
[ "$(wc -l </tmp/files)" -gt 60 ] || fail "only $(wc -l </tmp/files) files"
while read -r f; do
	case $(stat -c %a "$f") in
	200|444|644) ;;
	*) fail "$f has mode $(stat -c %a "$f")" ;;
	esac
done </tmp/files
# One shell for all of them, which is what takes time here.
cat >/tmp/try.sh <<'END'
while read -r f; do
	case $(stat -c %a "$f") in
	200) ! cat "$f" || echo "reads $f" ;;
	*) cat "$f" >/dev/null || echo "cannot read $f" ;;
	esac
	! echo 1 >"$f" || echo "writes $f"
done </tmp/files
! ls /sys/kernel/debug || echo "sees debugfs"
! insmod /vb/virtback.ko || echo "loads a module"
! rmmod virtback || echo "unloads the module"
echo "tried $(id -u)"
END
chmod 644 /tmp/try.sh /tmp/files
chmod 755 /tmp
as_nobody 'sh /tmp/try.sh 2>/dev/null' >/tmp/tried
[ "$(cat /tmp/tried)" = "tried 65534" ] || fail "$(cat /tmp/tried)"
# User id 0 without rights, as a container's root is: modes let it in, the module does not.
# (What starts the torture is only in a module for tests.)
while read -r f; do
	case $(stat -c %a "$f"):$f in
	444:*|*/torture*) ;;
	*) echo "$f" ;;
	esac
done </tmp/files >/tmp/writable
n=$(wc -l </tmp/writable)
[ "$n" -ge 10 ] || fail "only $n files to write"
cat >/tmp/try.sh <<'END'
while read -r f; do
	e=$( { echo 1 >"$f"; } 2>&1 ) && echo "writes $f"
	case $e in
	*"Operation not permitted"*) ;;
	*) echo "$f: $e" ;;
	esac
done </tmp/writable
! insmod /vb/virtback.ko 2>/dev/null || echo "loads a module"
! rmmod virtback 2>/dev/null || echo "unloads the module"
echo "tried $(id -u)"
END
unshare -U -r sh /tmp/try.sh >/tmp/tried 2>&1 || fail "no namespace: $(cat /tmp/tried)"
[ "$(cat /tmp/tried)" = "tried 0" ] || fail "without rights: $(cat /tmp/tried)"
note "$n files that user id 0 without rights cannot write"
[ "$(cat "$d/backing")" = /dev/ram0 ] || fail "backing has changed"
[ -d "$DBG" ] || fail "no $DBG"
note "$(wc -l </tmp/files) files"
echo "${d##*/}" >$SYS/remove
rmmod virtback
remove_disks
