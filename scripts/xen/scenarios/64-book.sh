# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# What the book says is run as it says it: the marked blocks of Documentation/*.rst, which
# scripts/book.py has put into /vb/book. Their domain 3 is the guest of the moment.

# This dom0 has the module in one place alone.
cat >/tmp/modprobe.sh <<'END'
modprobe()
{
	case $* in
	virtback) insmod /vb/virtback.ko ;;
	'-r virtback') rmmod virtback ;;
	*) return 1 ;;
	esac
}
END

# book <block>: run it, with its output in the log; every line has to succeed
book()
{
	note "book: $1"
	[ -s "/vb/book/$1" ] || fail "the book has no block $1"
	sed "s/dom3\./dom${id:-3}./g" "/vb/book/$1" | cat /tmp/modprobe.sh - >/tmp/block
	( cd /tmp && sh -e ./block ) >/tmp/said 2>&1 || {
		sed 's/^/# /' /tmp/said
		fail "the book's block $1 fails"
	}
	sed 's/^/# /' /tmp/said
}

mkdir -p /dev/vg0 /dev/vg1
ram_disk 0
ram_disk 1
ram_disk 2
ln -sf /dev/ram0 /dev/vg0/guest1
ln -sf /dev/ram1 /dev/vg0/data
ln -sf /dev/ram2 /dev/vg1/copy

step "Getting started"
book load
guest_config guest1 "$(disk_line /dev/vg0/guest1 xvda w)" >/dev/null
book guest
grep -q '/dev/vg0/guest1$' /tmp/said || fail "virtbackctl list does not show the disk"
guest_ready guest1
id=$(guest_id guest1)
guest_do guest1 'vbio write /dev/vda 4 3 && vbio verify /dev/vda 4 3 16384'
book look

step "Tuning and looking"
for block in threads poll polled limit first state hangs; do
	book $block
done
[ "$(cat "$SYS/dom$id.2000000/poll_us")" = 200 ] || fail "poll_us was not set"
guest_sane guest1
book end
nothing_left /dev/ram0
! loaded || fail "the module is still there"

step "By hand"
load
book defaults
grep -q queues=2 /sys/module/virtback/parameters/defaults || fail "no defaults"
ln -sf /vb/virtio-node.dtb /tmp/virtio-node.dtb
guest_config guest1 -- 'device_tree = "virtio-node.dtb"' 'vuart = "sbsa_uart"' >/dev/null
rm -f "$LOGS/guest-guest1.log"
book hand
id=$(guest_id guest1)
guest_ready guest1
[ "$(cat "$SYS/dom$id.2000000/queues")" = 2 ] || fail "the defaults do not hold"
book placeholder
[ "$(cat "$SYS/dom$id.2000200/backing")" = /dev/vg0/data ] || fail "no disk in the placeholder"
book change
[ "$(cat "$SYS/dom$id.2000000/backing")" = /dev/vg1/copy ] || fail "the disk was not replaced"
guest_do guest1 'vbio write /dev/vda 4 4 && vbio verify /dev/vda 4 4 16384'
guest_sane guest1
destroy guest1
nothing_left /dev/ram0 /dev/ram1 /dev/ram2

step "A disk line with an image file"
# In a file system that can do direct I/O, which tmpfs of Linux 6.1 cannot.
modprobe ext4
mke2fs -F /dev/ram0 >/dev/null || fail "no file system on /dev/ram0"
mount -t ext4 /dev/ram0 /mnt || fail "/dev/ram0 cannot be mounted"
truncate -s 8M /mnt/guest.img
create "$(tiny_config f "$(disk_line /mnt/guest.img xvda w)")" -p
[ "$(cat "$SYS/dom$(guest_id f).2000000/backing")" = /mnt/guest.img ] || fail "backing is wrong"
destroy f
nothing_left
umount /mnt || fail "/mnt is still in use"
unload
