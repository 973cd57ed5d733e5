# shellcheck shell=sh disable=SC2148
# SPDX-License-Identifier: GPL-2.0
# A disk that hangs does not keep another guest from starting, and what waits for it is not
# taken for a task that hangs: a dom0 with kernel.hung_task_panic would go down with it.

HUNG_TASK=/proc/sys/kernel/hung_task_timeout_secs
load
timeout=$(cat $HUNG_TASK)
# Longer than the toolstack is made to wait for the disk (5 s), which is no hang either.
echo 7 >$HUNG_TASK
ram_disk 0
ram_disk 1
ram_disk 2
modprobe dm-mod
dmsetup create vbhung --table "0 65536 linear /dev/ram0 0"
dmsetup mknodes
hung=/dev/mapper/vbhung
guest a "$(disk_line $hung xvda w)"
guest_do a 'vbio write /dev/vda 8 1'
dmsetup suspend --nolockfs --noflush vbhung
guest_send a 'vbio write /dev/vda 8 2'
sleep 2
start=$(cut -d. -f1 /proc/uptime)
guest b "$(disk_line /dev/ram1 xvda w)"
guest_do b 'vbio write /dev/vda 4 3 && vbio verify /dev/vda 4 3'
note "guest b started and did I/O in $(( $(cut -d. -f1 /proc/uptime) - start )) s"
destroy a
end=$(( $(cut -d. -f1 /proc/uptime) + 15 ))
note "guest a destroyed while its disk hangs"
guest_do b 'vbio write /dev/vda 4 4 && vbio verify /dev/vda 4 4'
guest_sane b
# A third guest comes and goes while the dead one's requests still hang.
create "$(tiny_config c "$(disk_line /dev/ram2 xvda w)")" -p
destroy c
# By then whoever looks for hung tasks has done so twice.
while [ "$(cut -d. -f1 /proc/uptime)" -le $end ]; do sleep 1; done
dmsetup resume vbhung
echo "$timeout" >$HUNG_TASK
destroy b
nothing_left $hung /dev/ram1 /dev/ram2
dmsetup remove vbhung
unload
