# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# The driver sets the disk to write-through: every write that was acknowledged is on the
# disk, without a flush. Back in write-back mode flushes count again.

module
begin
add
set_cache 'write through'
load raw logged "/dev/$DISK" 2 600 through
[ "$(counter flushes)" = 0 ] || fail "the driver flushed a disk without a cache"
set_cache 'write back'
end
load remove logged
check raw /tmp/start $LOG 2 600 through
