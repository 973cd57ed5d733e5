# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Every file that the module shows in sysfs and debugfs is in Documentation/ABI, and
# every file that is described there exists.

DBG=/sys/kernel/debug

# The files of the documents, each with its whole path.
described()
{
	awk '/^[A-Z][A-Za-z]*:/ { what = /^What:/ } what && NF { print $NF }' /vb/abi/* |
		sort -u
}

# The files of this machine under the documents' names. What the kernel's core gives
# to every device is not ours.
there()
{
	local d

	for d in $SYS/dom*; do
		find "$d/" -type f
	done | grep -vE '/(uevent|power/[a-z_]*)$'
	find $SYS/ -maxdepth 1 -type f
	find $DBG/virtback /sys/module/virtback/parameters -type f
	# Directories that a document describes as such.
	ls -d $SYS/dom* $DBG/virtback/*
}

named()
{
	there | sed -e 's#//#/#g' -e 's#/dom[0-9]*\.[0-9a-f]*#/<device>#' \
		-e 's#/vq[0-9]*/#/vq<n>/#' | sort -u
}

grep -q " $DBG " /proc/mounts || mount -t debugfs debugfs $DBG
create "$(tiny_config t -- 'vuart = "sbsa_uart"')" -p
id=$(guest_id t)
load
# Some attributes exist where the option was given.
echo "domid=$id base=0x2000000 irq=33 backing=/dev/ram0 map_limit_mb=64" >$SYS/add ||
	fail "the device is refused"
described >/tmp/described
named >/tmp/there
note "$(wc -l </tmp/described) files described, $(wc -l </tmp/there) are there"
[ "$(wc -l </tmp/there)" -gt 60 ] || fail "that is too few"
grep -vxFf /tmp/described /tmp/there >/tmp/undescribed || true
grep -vxFf /tmp/there /tmp/described >/tmp/absent || true
sed 's/^/# not described: /' /tmp/undescribed
sed 's/^/# not there: /' /tmp/absent
[ ! -s /tmp/undescribed ] || fail "files are not described"
[ ! -s /tmp/absent ] || fail "what is described does not exist"
# And each can be read as its mode says.
there | while read -r f; do
	[ -f "$f" ] && [ "$(( $(stat -c 0%a "$f") & 0444 ))" != 0 ] || continue
	cat "$f" >/dev/null || echo "$f"
done >/tmp/unreadable
sed 's/^/# cannot be read: /' /tmp/unreadable
[ ! -s /tmp/unreadable ] || fail "files cannot be read"
destroy t
nothing_left /dev/ram0
[ -z "$(ls $DBG/virtback)" ] || fail "the device is still in debugfs"
unload
[ ! -e $DBG/virtback ] || fail "the module is still in debugfs"
