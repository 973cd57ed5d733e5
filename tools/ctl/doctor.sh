# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# virtbackctl doctor: looks at all that has to be there, in the order in which one thing
# needs the other.  Part of virtbackctl.

# Findings are lines "status<TAB>subject<TAB>what is<TAB>what to do"; the status is ok,
# info, warn or fail.
finding()
{
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}"
}

ok() { finding ok "$@"; }
info() { finding info "$@"; }
warn() { finding warn "$@"; }
bad() { finding fail "$@"; }

on_xen()
{
	[ "$(cat "$ROOT/sys/hypervisor/type" 2>/dev/null)" = xen ]
}

# The value of a CONFIG_ option of this kernel: y, m, n, or nothing if nobody knows.
kernel_config()
{
	for _f in "$ROOT/boot/config-$(uname -r)" "$ROOT/lib/modules/$(uname -r)/config"; do
		[ -r "$_f" ] || continue
		sed -n "s/^$1=//p" "$_f" | grep . || echo n
		return
	done
	[ ! -r "$ROOT/proc/config.gz" ] || {
		zcat "$ROOT/proc/config.gz" 2>/dev/null | sed -n "s/^$1=//p" | grep . || echo n
	}
}

doctor_kernel()
{
	_v=$(uname -r)
	case $_v in
	[1-5].*|6.0|6.0[.-]*) bad kernel "$_v is too old" "run Linux 6.1 or later" ;;
	6.[5-8]|6.[5-8][.-]*) bad kernel "virtback does not build for $_v" \
		"run Linux 6.1 to 6.4, or 6.9 or later" ;;
	6.[0-9]*|7.[0-3]|7.[0-3][!0-9]*) ok kernel "$_v" ;;
	*) warn kernel "$_v is newer than 7.3, the last that virtback was built for" \
		"DKMS leaves it out: look for a newer virtback, or try 'make' in its source" ;;
	esac
	_kb=$(awk '/^KernelPageSize/ { print $2; exit }' "$ROOT/proc/self/smaps" 2>/dev/null)
	case $_kb in
	''|4) ;;
	*) bad 'page size' "$_kb KiB; Xen's interfaces are made of pages of 4 KiB" \
		"run a kernel with pages of 4 KiB in this domain" ;;
	esac
}

doctor_module()
{
	if [ -d "$ROOT/sys/module/virtback" ]; then
		_v=$(cat "$SYS/version" 2>/dev/null)
		if [ "$_v" = "$VERSION" ]; then
			ok module "virtback $_v is loaded"
		else
			warn module "virtback ${_v:-of an unknown version} is loaded, virtbackctl is $VERSION" \
				"install both from one version, and load the module anew when no guest uses it"
		fi
		return
	fi
	_l=$(lockdown_mode)
	if find "$ROOT/lib/modules/$(uname -r)" -name 'virtback.ko*' 2>/dev/null | grep -q .; then
		bad module "virtback is installed for this kernel and not loaded" "modprobe virtback"
	elif command -v dkms >/dev/null && dkms status virtback 2>/dev/null | grep -q .; then
		bad module "DKMS has virtback, but not built for $(uname -r)" \
			"apt install linux-headers-$(uname -r) && dkms autoinstall"
	else
		bad module "virtback is not installed for $(uname -r)" \
			"install virtback-dkms, or in its source: make && make install"
	fi
	[ -z "$_l" ] ||
		warn 'module signing' "this kernel is locked down ($_l) and loads signed modules only" \
			"sign virtback.ko with a key that the machine trusts: see mokutil(1), and virtback(4)"
}

doctor_xen()
{
	if ! on_xen; then
		bad Xen "this machine does not run under Xen" \
			"boot Xen; without it virtback has only disks of this kernel itself (for tests)"
		return 1
	fi
	_v=$(xen_version)
	case $_v in
	[1-3].*|4.[0-9].*|4.1[0-6].*) bad Xen "$_v: its toolstack has no virtio disks" \
		"run Xen 4.17 or later, or make devices by hand" ;;
	4.1[7-9].*) ok Xen "$_v (disk lines with grant_usage=1 need 4.20)" ;;
	*) ok Xen "$_v" ;;
	esac
}

# Xen does not tell a domain; its own configuration does, where hypfs has it, and so
# does a device that works.
doctor_ioreq()
{
	_arch=$(uname -m)
	case $_arch in
	aarch64) ;;
	*)	bad 'IOREQ servers' "on $_arch, virtback refuses devices for guests of Xen" \
			"use a host of 64-bit Arm"
		return ;;
	esac
	if grep -qx xen "$SYS"/*/host 2>/dev/null; then
		ok 'IOREQ servers' "Xen has them: there is a device that uses one"
		return
	fi
	_c=$(xenhypfs cat /buildinfo/config 2>/dev/null)
	case $_c in
	*CONFIG_IOREQ_SERVER=y*) ok 'IOREQ servers' "Xen was built with them" ;;
	*CONFIG_*) bad 'IOREQ servers' "Xen was built without CONFIG_IOREQ_SERVER" \
		"build Xen with CONFIG_EXPERT=y and CONFIG_IOREQ_SERVER=y" ;;
	*)	if dmesg 2>/dev/null | grep -q 'virtback: .*creating an IOREQ server failed: -\(38\|95\)'; then
			bad 'IOREQ servers' "Xen refused to make one, it is built without" \
				"build Xen with CONFIG_EXPERT=y and CONFIG_IOREQ_SERVER=y"
		else
			info 'IOREQ servers' "whether Xen has them shows with the first device" \
				"Xen for Arm needs CONFIG_IOREQ_SERVER=y, which distributions leave out"
		fi ;;
	esac
}

doctor_domain()
{
	_type=$(cat "$ROOT/sys/hypervisor/guest_type" 2>/dev/null)
	# Arm has one kind, and that file says HVM there.
	[ "$(uname -m)" != aarch64 ] || _type=
	case $(cat "$ROOT/proc/xen/capabilities" 2>/dev/null) in
	*control_d*) ok 'this domain' "the control domain${_type:+ ($_type)}" ;;
	*)	if [ ! -d "$ROOT/proc/xen" ] || [ -z "$(ls "$ROOT/proc/xen" 2>/dev/null)" ]; then
			warn 'this domain' "cannot tell whether it is dom0: xenfs is not mounted" \
				"mount -t xenfs xenfs /proc/xen"
		else
			warn 'this domain' "not the control domain${_type:+ ($_type)}" \
				"let Xen's policy (FLASK) give it the rights of a device model for the guests"
		fi ;;
	esac
	[ -d "$ROOT/sys/bus/xen-backend" ] ||
		bad 'kernel options' "this kernel has no CONFIG_XEN_BACKEND" \
			"run a kernel with CONFIG_XEN_BACKEND; the module then has to be built anew"
	if [ "$(kernel_config CONFIG_XEN_UNPOPULATED_ALLOC)" = n ]; then
		info 'kernel options' "no CONFIG_XEN_UNPOPULATED_ALLOC: mapped guest memory costs memory of this domain" \
			"give dom0 some 64 MiB more for each guest, see map_limit_mb in virtback(4)"
	fi
}

doctor_toolstack()
{
	if ! command -v xl >/dev/null; then
		info toolstack "there is no xl here" "make devices by hand: virtbackctl add --help"
		return
	fi
	if xenstore-read /local/domain/0/name >/dev/null 2>&1; then
		ok toolstack "xl is there and xenstored answers"
	else
		bad toolstack "xenstored does not answer" "start Xen's services: systemctl start xen"
	fi
	_pid=$(pidof virtio-disk virtio-disk-backend 2>/dev/null)
	[ -z "$_pid" ] || bad 'other back ends' "a virtio-disk daemon runs (pid $_pid), which claims the same disks" \
		"stop it: there must be one back end"
	doctor_nodes
}

# Disks that xl announced and nobody serves: the guest's start fails after 10 s.
doctor_nodes()
{
	_b=/local/domain/0/backend/virtio_disk
	for _g in $(xenstore-list $_b 2>/dev/null); do
		for _d in $(xenstore-list $_b/"$_g" 2>/dev/null); do
			_s=$(xenstore-read $_b/"$_g"/"$_d"/state 2>/dev/null) || continue
			[ "$_s" = 1 ] || continue
			bad "disk $_d of domain $_g" "waits for a back end" \
				"the kernel's log says why virtback left it: dmesg | grep virtback"
		done
	done
}

doctor_iommu()
{
	_has=
	if on_xen; then
		case $(xl info 2>/dev/null | sed -n 's/^virt_caps *: *//p') in
		*directio*) _has=1 ;;
		esac
	elif [ -n "$(ls "$ROOT/sys/class/iommu" 2>/dev/null)" ]; then
		_has=1
	fi
	[ -n "$_has" ] && { ok IOMMU "there is one in use; dma=direct may work with disks behind it"; return; }
	_direct=
	for _f in "$SYS"/*/dma; do
		[ "$(cat "$_f" 2>/dev/null)" != direct ] || _direct="$_direct $(basename "${_f%/dma}")"
	done
	if [ -n "$_direct" ]; then
		warn IOMMU "there is none, and dma=direct is used by$_direct" \
			"right only for disks without DMA (brd, null_blk); else remove the option: data goes astray"
	else
		info IOMMU "there is none: keep dma=bounce, the default"
	fi
}

doctor_parameters()
{
	[ -d "$PARAMS" ] || return 0
	_set=
	for _f in "$PARAMS"/*; do
		[ -f "$_f" ] || continue
		_v=$(cat "$_f" 2>/dev/null) || continue
		_default=0
		[ "${_f##*/}" != latency ] || _default=1
		case $_v in
		''|"$_default") ;;
		*) _set="$_set ${_f##*/}=$_v" ;;
		esac
	done
	_set=${_set# }
	ok parameters "${_set:-all at their defaults}"
	for _f in "$ROOT"/etc/modprobe.d/*.conf; do
		[ -r "$_f" ] || continue
		sed -n 's/^ *options  *virtback  *//p' "$_f" | tr ' ' '\n' | sed -n 's/=.*//p' |
		while read -r _k; do
			modinfo -F parm virtback 2>/dev/null | grep -q . || break
			modinfo -F parm virtback | grep -q "^$_k:" ||
				bad parameters "${_f#"$ROOT"}: virtback has no parameter $_k" \
					"take it out: modprobe ignores it with a line in the kernel's log"
		done
	done
}

doctor_devices()
{
	_count=0
	for _n in $(device_names); do
		_count=$(( _count + 1 ))
		case $(attribute "$_n" state) in
		needs-reset|broken) warn "$_n" "its driver broke the rules of virtio, and no request is done until it resets the device" \
			"look for the reason in the kernel's log; restart the guest" ;;
		failed) warn "$_n" "the guest's driver gave the device up" \
			"look into the guest's log" ;;
		esac
		[ "$(attribute "$_n" backing)" != none ] ||
			info "$_n" "has no disk yet" "virtbackctl set $_n backing=PATH"
		_v=$(attribute "$_n" orphans)
		case ${_v:-0} in
		0) ;;
		*) warn "$_n" "$_v requests from before a reset are still at the disk" \
			"the disk hangs: look at it and at the kernel's log" ;;
		esac
		_v=$(attribute "$_n" bad_accesses)
		case ${_v:-0} in
		0) ;;
		*) info "$_n" "$_v register accesses that no correct driver makes" ;;
		esac
		_v=$(attribute "$_n" xen/refused)
		case ${_v:-0} in
		0) ;;
		*) bad "$_n" "guest memory could not be mapped $_v times" \
			"give this domain more memory, or the guest a larger map_limit_mb" ;;
		esac
	done
	[ $_count = 0 ] && info devices "there is none" || ok devices "$_count"
}

doctor_log()
{
	# That the module is not signed is the kernel's line, and nothing that failed.
	_lines=$(dmesg 2>/dev/null | sed -n 's/.*virtback: //p' |
		grep '\(refused\|failed\|cannot\|missing\|not \)' | grep -v '^module verification failed') ||
		return 0
	_n=$(printf '%s\n' "$_lines" | grep -c .)
	_last=$(printf '%s\n' "$_lines" | tail -n 1)
	info 'kernel log' "$_n lines about what was refused or failed; the last: $_last"
}

doctor_debugfs()
{
	[ -d "$ROOT/sys/module/virtback" ] || return 0
	_l=$(lockdown_mode)
	if [ -n "$_l" ]; then
		info debugfs "this kernel is locked down ($_l): top and latency have no histograms" \
			"counters work; histograms need a boot without Secure Boot or lockdown=..."
		return
	fi
	[ -d "$DEBUGFS" ] ||
		info debugfs "no ${DEBUGFS#"$ROOT"}: top and latency have no histograms" \
			"mount -t debugfs debugfs /sys/kernel/debug; histograms need root"
}

doctor_all()
{
	doctor_kernel
	doctor_module
	if doctor_xen; then
		doctor_ioreq
		doctor_domain
		doctor_toolstack
	fi
	doctor_iommu
	doctor_parameters
	doctor_debugfs
	[ ! -d "$SYS" ] || doctor_devices
	doctor_log
}

cmd_doctor()
{
	for _a in "$@"; do
		case $_a in
		-j|--json) ;;
		*) usage_error "doctor: unknown argument $_a" ;;
		esac
	done
	doctor_all | awk_with doctor -- -v json="$JSON"
}
