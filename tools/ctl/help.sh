# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# What --help says.  Part of virtbackctl.

# help_of <command or nothing>
help_of()
{
	case $1 in
	'')	cat <<-END
		usage: virtbackctl [--json] COMMAND [ARGUMENTS]

		See and change the disks that virtback serves to Xen guests.

		  list                         one line a device
		  show [DEVICE...]             all that is known of devices
		  add OPTION=VALUE...          make a device
		  remove [--force] DEVICE...   remove devices
		  set DEVICE NAME=VALUE...     change a device, for instance its disk
		  stats [--sum] [DEVICE...]    the counters
		  top [-b] [-n COUNT]          rates and latencies, again and again
		  latency [DEVICE...]          histograms of how long requests take
		  doctor                       look for what is missing or wrong
		  version                      of the module, Xen and the kernel

		  -j, --json     print JSON
		  -h, --help     of virtbackctl, or of the command before it
		  -V, --version  of virtbackctl

		Exit status: 0 done; 1 failed or refused by the kernel, or doctor found something
		wrong; 2 wrong usage; 3 the module is not loaded; 4 there is no such device.
		END
		;;
	list)	cat <<-END
		usage: virtbackctl list [--json]

		One line for each device: its domain, how far the guest's driver is, whether the
		disk can be written, its size, the number of queues and what is behind it.
		END
		;;
	show)	cat <<-END
		usage: virtbackctl show [--json] [DEVICE...]
		       virtbackctl show [--json] --module

		All attributes of the devices, or of all devices; with --module (-m), the
		parameters of the module.
		END
		;;
	add)	cat <<-END
		usage: virtbackctl add [--json] OPTION=VALUE...

		Make a device and print its name. backing= is always needed, base= and irq= when
		there is a domid=, which may be the name of a domain that xl knows. virtback(4)
		has the list of options.

		  virtbackctl add domid=guest1 base=0x2000000 irq=33 backing=/dev/vg0/guest1
		END
		;;
	remove)	cat <<-END
		usage: virtbackctl remove [--force] DEVICE...

		Remove devices; it ends when their disks are closed. A device that a running
		guest uses stays, unless --force (-f) is given: its guest then loses the disk, or
		crashes.
		END
		;;
	set)	cat <<-END
		usage: virtbackctl set DEVICE NAME=VALUE...
		       virtbackctl set --module NAME=VALUE...

		Write attributes of a device, or parameters of the module (-m), from left to
		right up to the first that the kernel refuses. Another backing= replaces the
		disk while the guest runs; the same path again looks at its size anew.

		  virtbackctl set dom3.2000000 backing=/dev/vg1/copy
		END
		;;
	stats)	cat <<-END
		usage: virtbackctl stats [--sum] [--json] [DEVICE...]

		The counters of devices, summed over their queues and for each queue, then those
		of the guest. They count from when the device was made. With --sum (-s) one
		table for all of them together, in which each guest counts once.
		END
		;;
	top)	cat <<-END
		usage: virtbackctl top [-b] [-n COUNT] [-d SECONDS] [-s COLUMN] [--json] [DEVICE...]

		  -b            batch: no control of the screen, tables one after the other
		  -n COUNT      end after so many tables
		  -d SECONDS    time between them (default: 2)
		  -s COLUMN     sort by req, mb, traps, irqs, p50, p99 or device (default: req)
		  --json        a JSON document a line instead of each table; implies -b

		REQ/S and MB/S (10^6 bytes) are of the device; TRAPS/R are the guest's traps for
		each request of all its devices, IRQ/R interrupts for each request; P50 and P99
		are times between giving a request to the disk and its answer, from histograms
		of powers of two. The first table comes after the first interval.
		END
		;;
	latency) cat <<-END
		usage: virtbackctl latency [-i SECONDS] [-s STAGE] [-q QUEUE] [--json] [DEVICE...]

		Histograms of how long each stage of a request takes:
		  trap       from the guest's access to the answer
		  submit     from the kick to when a request is given to the disk
		  complete   from there to the disk's answer
		  interrupt  from there to the interrupt

		  -i SECONDS    what happens in that time (default: since the device was made)
		  -s STAGE      this stage alone
		  -q QUEUE      this queue alone, by its number

		Needs root and debugfs in /sys/kernel/debug.
		END
		;;
	doctor)	cat <<-END
		usage: virtbackctl doctor [--json]

		Looks at the kernel, Xen, this domain, the toolstack, the module's parameters and
		the devices, and says what is wrong and what to do. Changes nothing. The exit
		status is 1 if something is wrong.
		END
		;;
	version) cat <<-END
		usage: virtbackctl version [--json]

		The versions of virtbackctl, the module that is loaded, the kernel, and Xen.
		END
		;;
	help)	echo "usage: virtbackctl help [COMMAND]" ;;
	esac
}

cmd_help()
{
	# Words for people: the option that is everyone's changes nothing.
	while :; do
		case ${1:-} in
		-j|--json) shift ;;
		*) break ;;
		esac
	done
	case ${1:-} in
	''|list|show|add|remove|set|stats|top|latency|doctor|version|help) help_of "${1:-}" ;;
	*) COMMAND=; usage_error "there is no command $1" ;;
	esac
}
