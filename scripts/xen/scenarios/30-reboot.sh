# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A reboot is a new domain id on the same disk, whose data stays.

load
ram_disk 0
guest r "$(disk_line /dev/ram0 xvda w)"
old=$(guest_id r)
guest_do r 'vbio write /dev/vda 8 5'
guest_send r 'sync; reboot -f'
guest_ready r 2
new=$(guest_id r)
note "domain $old became $new"
[ "$new" != "$old" ] || fail "the domain id is still $old"
[ -z "$(devices "$old.")" ] || fail "devices of domain $old are left"
[ "$(nr_devices "$new.")" = 1 ] || fail "domain $new has no device"
guest_do r 'vbio verify /dev/vda 8 5'
guest_do r 'vbio write /dev/vda 4 6 && vbio verify /dev/vda 4 6'
guest_sane r
destroy r
nothing_left /dev/ram0
unload
