# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A driver that was not offered FLUSH: every write that was acknowledged is on the disk.

module
begin
add features_off=flush
cache_is 'write through'
load raw logged "/dev/$DISK" 3 600 through
end
load remove logged
check raw /tmp/start $LOG 3 600 through
