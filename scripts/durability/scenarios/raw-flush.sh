# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# Writes of several at once to the disk itself: what was acknowledged before a flush began
# is on the disk when the flush has been acknowledged.

module
begin
add
cache_is 'write back'
load raw logged "/dev/$DISK" 1 400 flush
n=$(counter flushes)
end
load remove logged
check raw /tmp/start $LOG 1 400 flush
[ "$n" -gt 0 ] || fail "no flush reached the module"
