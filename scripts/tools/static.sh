# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What can be said about the tools without running them.  To be sourced by
# scripts/tools-test.

test_static_manuals_are_clean()
{
	local m out

	out=$(mandoc -Tlint -W warning "$VB_TOP"/tools/man/* 2>&1) || { echo "$out"; return 1; }
	for m in "$VB_TOP"/tools/man/*; do
		out=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$m" \
			2>&1 >/dev/null)
		[ -z "$out" ] || { echo "$m: $out"; return 1; }
	done
}

# Options of the module, of the ABI of `add` and of virtback(4) are the same, and the
# manual has every number that the module's own description has.
test_static_options_are_in_the_manual()
{
	python3 - "$VB_TOP" "${VIRTBACK_KO:-}" <<-'END'
	import re, subprocess, sys
	top, ko = sys.argv[1:]
	read = lambda name: open(top + "/" + name, encoding="utf-8").read()
	if ko:
	    lines = subprocess.check_output(["modinfo", "-F", "parm", ko], text=True).splitlines()
	    params = dict(l.split(":", 1) for l in lines)
	else:
	    params = dict(re.findall(r'MODULE_PARM_DESC\((\w+), "(.*)"\);', read("drivers/main.c")))
	abi = read("Documentation/ABI/testing/sysfs-class-virtback")
	rules = [m.start() for m in re.finditer(r"^\t\t=====+  ===", abi, re.M)]
	rows = abi[rules[0]:rules[1]]
	abi_options = set(re.findall(r"^\t\t([a-z]\w+)(?:\s|$)", rows, re.M))
	module_only = set(re.findall(r"^What:\t\t/sys/module/virtback/parameters/(\w+)$", abi, re.M))
	page = read("tools/man/virtback.4")
	page = page[page.index(".Sh PARAMETERS"):page.index(".Sh FILES")]
	items = dict(re.findall(r"^\.It Cm (\w+)\n(.*?)(?=^\.It|\Z)", page, re.M | re.S))
	wrong = ["%s: not in virtback(4)" % p for p in sorted(set(params) - set(items))]
	wrong += ["%s: in virtback(4), and no parameter" % p for p in sorted(set(items) - set(params))]
	wrong += ["%s: in the ABI, and no parameter" % p for p in sorted(abi_options - set(params))]
	wrong += ["%s: a parameter, and not in the ABI" % p
	          for p in sorted(set(params) - abi_options - module_only)]
	for p in set(params) & set(items):
	    # 0 or 1 may be said otherwise; what counts is ranges and defaults.
	    for n in re.findall(r"(?<![\w.])\d[\d,]*(?![\w.])", params[p]):
	        if not re.search(r"(?<!\d)%s(?!\d)" % n.rstrip(","), items[p]):
	            wrong.append("%s: virtback(4) does not have %s of \"%s\"" % (p, n, params[p]))
	    default = re.search(r"\(default: ([a-z_,]+)\)", params[p])
	    if default and default[1] not in ("none",) and default[1] not in items[p]:
	        wrong.append("%s: virtback(4) does not have the default %s" % (p, default[1]))
	if len(params) < 10 or len(abi_options) < 10:
	    wrong.append("too few options were found")
	sys.exit("\n".join(wrong) or 0)
	END
}

test_static_commands_are_documented()
{
	local c page

	page=$(mandoc -Tascii "$VB_TOP/tools/man/virtbackctl.8" | col -b)
	for c in $(sed -n 's/^\([a-z|]*|version|help\)) ;;$/\1/p' "$VB_TOP/tools/virtbackctl" | tr '|' ' '); do
		grep -qE "^     $c( |$)" <<<"$page" || { echo "no $c in virtbackctl(8)"; return 1; }
		grep -q "\b$c\b" "$VB_TOP/tools/completion/virtbackctl" ||
			{ echo "no $c in the completion"; return 1; }
	done
}

test_static_version_is_the_modules()
{
	local v

	v=$(sed -n 's/^#define VIRTBACK_VERSION\s*"\(.*\)"/\1/p' "$VB_TOP/drivers/control/control.h")
	[ -n "$v" ]
	grep -qx "VERSION=$v" "$VB_TOP/tools/virtbackctl"
	grep -qx "PACKAGE_VERSION=\"$v\"" "$VB_TOP/dkms.conf"
	[ "$(sed -n '1s/^virtback (\(.*\)) .*/\1/p' "$VB_TOP/debian/changelog")" = "$v" ]
	grep -q "^$v" "$VB_TOP/NEWS"
}

# Parameters that the examples give exist, and so do variables of uevents.
test_static_examples_are_the_modules()
{
	local dir=$VB_TOP/tools/examples p v n=0

	while read -r p; do
		grep -q "^MODULE_PARM_DESC($p," "$VB_TOP/drivers/main.c" ||
			{ echo "virtback.modprobe.conf: no parameter $p"; return 1; }
		n=$((n + 1))
	done < <(sed -n 's/^#*options virtback //p' "$dir/virtback.modprobe.conf" |
		grep -oE '[a-z_]+=' | tr -d =)
	[ $n -ge 4 ]
	# shellcheck disable=SC2013
	for v in $(grep -oE 'VIRTBACK_[A-Z]+' "$dir/60-virtback.rules" | sort -u); do
		grep -q "\"$v=" "$VB_TOP/drivers/control/state.c" ||
			{ echo "60-virtback.rules: uevents have no $v"; return 1; }
	done
	[ -n "${v:-}" ]
	# A state that no device has would never match.
	for v in $(sed -n 's/.*ENV{VIRTBACK_STATE}=="\([^"]*\)".*/\1/p' "$dir/60-virtback.rules" |
		tr '|' ' '); do
		grep -q "\"$v\"" "$VB_TOP/drivers/control/state.c" ||
			{ echo "60-virtback.rules: there is no state $v"; return 1; }
	done
	[ "$(grep -v '^#' "$dir/virtback.modules-load.conf")" = virtback ]
}

# What the doctor says of a kernel is what DKMS does with it.
test_static_doctor_knows_the_kernels_of_dkms()
{
	local v re want got

	re=$(sed -n 's/^BUILD_EXCLUSIVE_KERNEL="\(.*\)"$/\1/p' "$VB_TOP/dkms.conf")
	[ -n "$re" ]
	for v in 5.10.0-9-arm64 6.0 6.0.3 6.1.0-56-amd64 6.4.9 6.5 6.5.1 6.8.12+deb12-amd64 6.9.0 \
		6.10.1 6.12.117+deb13-amd64 6.18.44-test 7.0-rc1 7.3 7.3.4+deb13-amd64 7.4 \
		7.4.0-rc1 7.30.1 7.10 8.0.1; do
		[[ $v =~ $re ]] && want=ok || want=wrong
		got=$(
			set +e +o pipefail
			# shellcheck source=/dev/null
			. "$VB_TOP/tools/ctl/doctor.sh"
			# shellcheck disable=SC2034
			ROOT=/nonexistent
			# shellcheck disable=SC2317
			uname() { echo "$v"; }
			doctor_kernel 2>/dev/null | cut -f 1 | sed 's/fail\|warn/wrong/'
		)
		[ "$got" = "$want" ] || { echo "$v: $got, and DKMS says $want"; return 1; }
	done
}

# completes <line>: what the completion offers for it
completes()
{
	bash -c '
		. "$1"
		_virtbackctl_devices() { echo dom3.2000000; }
		modinfo() { printf "%s\n" "backing:path" "base:address" "devices:all" \
			"defaults:x" "latency:x" "grant_map_kb:x"; }
		compopt() { :; }
		COMP_LINE=$2 COMP_POINT=${#2}
		read -ra COMP_WORDS <<<"$2"
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_virtbackctl
		printf "%s\n" "${COMPREPLY[@]}"' _ "$VB_TOP/tools/completion/virtbackctl" "$1"
}

test_static_completion()
{
	local d

	[ "$(completes 'virtbackctl l')" = $'list\nlatency' ]
	[ "$(completes 'virtbackctl show d')" = dom3.2000000 ]
	[ "$(completes 'virtbackctl add ba')" = $'backing=\nbase=' ]
	[ "$(completes 'virtbackctl add d')$(completes 'virtbackctl add g')" = '' ]
	[ "$(completes 'virtbackctl add l')" = '' ]
	[ "$(completes 'virtbackctl top -s r')" = req ]
	[ "$(completes 'virtbackctl --json st')" = stats ]
	d=$(mktemp -d "$VB_TMP/c-XXXXXX")
	touch "$d/disk1" "$d/disk2"
	[ "$(completes "virtbackctl add backing=$d/d" | sort)" = "$d/disk1"$'\n'"$d/disk2" ]
}

# Installed below a prefix it works, and removed it leaves nothing.
test_static_installation()
{
	local to=$VB_TMP/root/usr

	"$VB_TOP/scripts/install-tools" "$to"
	[ "$(VIRTBACK_ROOT=/nonexistent "$to/sbin/virtbackctl" --version)" = \
		"$("$VB_TOP/tools/virtbackctl" --version)" ]
	[ -e "$to/share/man/man8/virtbackctl.8" ]
	[ -e "$to/share/doc/virtback-tools/examples/virtio-node.dts" ]
	mkdir -p "$to/share/doc/other"
	"$VB_TOP/scripts/install-tools" --remove "$to"
	[ -z "$(find "$to" ! -type d)" ] || { find "$to"; return 1; }
	[ ! -e "$to/share/virtback" ] && [ ! -e "$to/share/doc/virtback-tools" ]
	[ -d "$to/share/doc/other" ]
}

# Whoever may run a script can ask it what it does, and that starts nothing.
test_static_scripts_have_help()
{
	local f out rc=0

	while read -r f; do
		case $f in
		*/init|*/dom0/block|*judge_test.py) continue ;;
		esac
		grep -q 'help_wanted "$@"\|--help\|argparse' "$VB_TOP/$f" ||
			{ echo "$f has no --help"; rc=1; continue; }
		out=$(timeout 20 "$VB_TOP/$f" --help </dev/null 2>/dev/null) && [ -n "$out" ] ||
			{ echo "$f --help fails or says nothing"; rc=1; }
	done < <(cd "$VB_TOP" && find scripts .ci -type f -perm -u+x -exec grep -lE -m 1 '^#!' {} +)
	return $rc
}

# What a script cannot do it says by name, and what it could do instead.
test_static_scripts_name_what_is_wrong()
{
	local line given text out rc r=0

	while IFS='|' read -r line given text; do
		rc=0
		# shellcheck disable=SC2086
		out=$(cd "$VB_TOP" && timeout 20 env $line 2>&1 </dev/null) || rc=$?
		[ $rc = 1 ] || [ $rc = 2 ] || { echo "$line: status $rc"; r=1; }
		! grep -E 'unbound|not found|line [0-9]+:|No such file|logs in' <<<"$out" || r=1
		grep -qF -- "$given" <<<"$out" && grep -qE -- "$text" <<<"$out" ||
			{ echo "$line says: $out"; r=1; }
	done <<-'END'
	make soak ROW=|ROW=|names no row
	scripts/check nope|nope|full
	scripts/smp/run nope|nope|torture
	scripts/smp/run kcsan --source|--source|a directory
	scripts/smp/run kcsan --source /proc|/proc|no tree
	scripts/smp/run --source /proc|--source|kcsan or lockdep
	scripts/smp/mutants nope|nope|lock-order
	scripts/xen/run nope|nope|10-demo
	DOM0_KERNEL=5 scripts/xen/run|DOM0_KERNEL "5"|6\.1 6\.12
	GUEST_KERNEL=5 scripts/xen/run 10-demo|GUEST_KERNEL "5"|6\.1 6\.12
	XEN=4.16 scripts/xen/run|Xen 4.16|4\.17 or 4\.20
	XEN=4.16 scripts/demo|Xen 4.16|4\.17 or 4\.20
	DOM0_KERNEL=5 scripts/demo|DOM0_KERNEL "5"|6\.1 6\.12
	scripts/xen/mutants nope|nope|server-stays
	scripts/uml/kunit 6.2|6.2|6\.12 6\.1
	scripts/uml/kunit 6.12 nope|nope|plain debug gcov
	scripts/uml/kunit 6.12|6.12|a variant
	scripts/uml/failures nope|nope|mutants
	scripts/durability/run nope|nope|raw-flush
	scripts/lint/run nope|nope|checkpatch
	scripts/fuzz nope|nope|coverage
	scripts/fuzz mutants nope|nope|endless-chain
	scripts/fuzz replay fuzz|fuzz|no file
	scripts/fuzz run 5|5|unknown argument
	scripts/mutants nope|nope|kunit/mutants
	scripts/build-matrix 6.1-mips|6.1-mips|no target
	scripts/build-matrix 6.1-amd64 9.9-amd64|9.9-amd64|6\.1 6\.12
	scripts/bench/run quick virtback 4k-read-4x8|quick|none of these points
	scripts/soak hung-disk nope|nope|xenstored
	scripts/soak paused:25|25 rows|24
	scripts/soak paused paused|paused|named twice
	scripts/soak rmmod:2|rmmod|twice at once
	END
	return $r
}

# What a scenario reads of a guest's console, with dom0's shell.
test_static_output_of_a_guest()
{
	local d=$VB_TMP/guest name=vb-test-$$ want text

	mkdir -p "$d"
	sed -n '/^guest_output()/,/^}/p' "$VB_TOP/scripts/xen/dom0/lib.sh" >"$d/lib.sh"
	sed -n '/^row_done()/,/^}/p' "$VB_TOP/scripts/xen/dom0/faults.sh" >>"$d/lib.sh"
	# Without a newline, with one, none at all, and with what the kernel says.
	while IFS='|' read -r text want; do
		printf "@@6 begin\\r\\nold\\r\\n@@6 rc=1\\r\\n[    1.5] it boots@@7 begin\\r\\n$text\\r\\n@@8 begin\\n" \
			>"$d/guest-$name.log"
		LOGS=$d ROW=$name CMD=7 busybox sh -c '. "$1/lib.sh"; guest_output "$ROW" 7 >"$1/out"
			row_done; mv "/tmp/$ROW.out" "$1/row"; rm "/tmp/$ROW.rc"' _ "$d"
		[ "$(paste -sd+ "$d/out")" = "$want" ] || { echo "$text: $(cat "$d/out")"; return 1; }
		[ "$(paste -sd+ "$d/row")" = "$want" ] || { echo "$text, row: $(cat "$d/row")"; return 1; }
	done <<-'END'
	a\nlast@@7 rc=0|a+last
	a\n@@7 rc=0|a
	@@7 rc=3|
	a b@@7 rc=0[   12.25] sd|a b
	a\n[   12.25] it runs@@7 rc=0|a
	END
}
