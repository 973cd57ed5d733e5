# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Past domain id 12, and a disk named xvdq: names of any length work.

load
ram_disk 0
ram_disk 1
while :; do
	create "$(tiny_config t "$(disk_line /dev/ram0 xvda w)" \
		"$(disk_line /dev/ram1 xvdq w)")" -p
	id=$(guest_id t)
	[ "$(nr_devices "$id.")" = 2 ] || fail "domain $id has $(nr_devices "$id.") devices"
	destroy t
	nothing_left /dev/ram0 /dev/ram1
	[ "$id" -lt 13 ] || break
done
note "tiny guests up to domain id $id had their devices"
guest q "$(disk_line /dev/ram0 xvda w)" "$(disk_line /dev/ram1 xvdq w)"
[ "$(guest_id q)" -gt 13 ] || fail "domain id $(guest_id q)"
guest_do q 'for d in vda vdb; do vbio write /dev/$d 4 9 && vbio verify /dev/$d 4 9 || exit 1; done'
guest_sane q
destroy q
nothing_left /dev/ram0 /dev/ram1
unload
