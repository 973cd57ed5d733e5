#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Judge a run of scenarios by the console of the machine (dom0's and Xen's, if Xen runs).

usage: judge.py [--repeated] CONSOLE SCENARIO_DIR NAME...
       judge.py --rows|--rows-interrupted CONSOLE SCENARIO_DIR NAME

A scenario passed when the console has exactly one "ok" line of it (or, when repeated,
at least one), no "not ok", and neither the kernel nor Xen complained while it ran.  A scenario may
declare complaints that belong to it in lines "# expect: REGEX".  One more
result stands for the machine: boot, the time between scenarios, power-off.
Prints the reasons and one line "N passed, N failed"; exit status 1 if any failed.

With --rows (--rows-interrupted if a person ended it) a line "ROW PASSED FAILED" for each row of that scenario (dom0/faults.sh), and
the reasons of those that failed. Rows are done at the same time, so it matters whose
failure it is:
- what a row says of itself is its own;
- what the kernel complains of may be anybody's: all rows fail that had begun by then and
  had not passed, and nothing counts that comes afterwards;
- so do they when the machine stops without a word. When a person ends it, that says
  nothing about them;
- what is wrong when all have passed, as a module that cannot be unloaded, is everybody's.
"""

import re
import sys

COMPLAINTS = re.compile(
    r"BUG:|WARNING:|Oops|Unable to handle|Internal error|[Cc]all trace:"
    r"|kernel BUG|Kernel panic|refcount_t|list_(add|del) corruption"
    r"|blocked for more than|detected stall|nobody cared|soft lockup"
    r"|possible (circular|recursive) locking|inconsistent lock state"
    r"|suspicious RCU|sleeping function called|scheduling while atomic"
    r"|critical (medium|target) error|I/O error"
    r"|\(XEN\).*(Assertion|BUG|[Pp]anic|crash|traps\.c|HSR=|gpa=)")
STAMP = re.compile(r"^\[ *\d+\.\d+\] ")
BEGIN = re.compile(r"virtback-test: begin (\S+)")
END = re.compile(r"virtback-test: end (\S+)")
RESULT = re.compile(r"^(ok|not ok) \d+ - (\S+)")
DONE = re.compile(r"# (dom0|machine) done")
# What a guest says, at the begin of a line, or torn into one of the kernel's: both write
# to the same console.
GUEST = re.compile(r"# [a-z][a-z0-9-]*(?:\.\d+)?: ")
MACHINE = "machine"
# <row> or <row>.<number>, as dom0/faults.sh says it.
ROW = re.compile(r"^# (([a-z][a-z0-9-]*)(?:\.\d+)?): (?:(row begins)|(row passed) in"
                 r"|(?:FAILED: |row ended with (?!0(?:$|\[)))(.*))")


def complains(line):
    """Does dom0's kernel, or Xen, complain in this line?"""
    return not line.startswith("#") and COMPLAINTS.search(GUEST.split(line, maxsplit=1)[0])


def expected_complaints(directory, name):
    with open("%s/%s.sh" % (directory, name), encoding="utf-8") as f:
        found = re.findall(r"^# expect: *(.+)$", f.read(), re.M)
    return [re.compile(x) for x in found]


def read_console(lines):
    """Results and complaints by scenario, and whether the machine came to its end."""
    results, complaints, done, now = {}, {}, False, MACHINE
    for line in lines:
        line = STAMP.sub("", line.rstrip("\n"), count=1)
        begin, end, result = BEGIN.search(line), END.search(line), RESULT.match(line)
        if begin:
            now = begin.group(1)
        elif end:
            now = MACHINE
        elif result:
            results.setdefault(result.group(2), []).append(result.group(1))
        elif DONE.match(line):
            done = True
        elif complains(line):
            complaints.setdefault(now, []).append(line)
    return results, complaints, done


def judge(lines, names, expected, repeated=False):
    """Return {name: [reason to fail]} for every name and for the machine."""
    results, complaints, done = read_console(lines)
    verdict = {}
    for name in names:
        reasons = []
        got = results.get(name, [])
        if not got:
            reasons.append("no result")
        elif set(got) != {"ok"} or (len(got) > 1 and not repeated):
            reasons.append("result: " + ", ".join(got))
        for line in complaints.get(name, []):
            if not any(x.search(line) for x in expected.get(name, [])):
                reasons.append("console: " + line)
        verdict[name] = reasons
    reasons = ["console: " + x for x in complaints.get(MACHINE, [])]
    if not done:
        reasons.append("it did not come to its end")
    reasons += ["unknown scenario " + x for x in results if x not in names]
    verdict[MACHINE] = reasons
    return verdict


def judge_rows(lines, name, expected, interrupted):
    """{row: [passed, [reason to fail]]} of the rows of a scenario."""
    rows, under_way, failed = {}, set(), set()
    ok = done = False
    for line in lines:
        line = STAMP.sub("", line.rstrip("\n"), count=1)
        row, result = ROW.match(line), RESULT.match(line)
        if row:
            process, kind, begins, passed, reason = row.groups()
            sums = rows.setdefault(kind, [0, []])
            if begins:
                under_way.add(process)
                continue
            under_way.discard(process)
            if passed:
                sums[0] += 1
            elif process not in failed:
                failed.add(process)
                sums[1].append(reason)
        elif result:
            ok = result.groups() == ("ok", name)
        elif DONE.match(line):
            done = True
        elif complains(line) and not any(x.search(line) for x in expected):
            return all_fail(rows, under_way, "console: " + line)
    if interrupted:
        return rows
    if not done:
        return all_fail(rows, under_way, "the machine did not come to its end")
    if not ok and not failed:
        return all_fail(rows, rows, "the rows passed, the scenario did not")
    return rows


def all_fail(rows, whose, reason):
    """Those, or all if none was under way."""
    kinds = {x.partition(".")[0] for x in whose} or set(rows)
    for kind in kinds:
        rows[kind][1].append(reason)
    return rows


def main_rows(how, console, directory, name):
    with open(console, encoding="utf-8") as f:
        rows = judge_rows(f, name, expected_complaints(directory, name),
                          how == "--rows-interrupted")
    for row, (passed, reasons) in sorted(rows.items()):
        for reason in reasons:
            print("FAILED %s: %s" % (row, reason))
        print("%s %d %d" % (row, passed, len(reasons)))
    return 0


def main():
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    if sys.argv[1:2] in (["--rows"], ["--rows-interrupted"]):
        return main_rows(*sys.argv[1:])
    repeated = sys.argv[1:2] == ["--repeated"]
    console, directory, *names = sys.argv[2 if repeated else 1:]
    expected = {n: expected_complaints(directory, n) for n in names}
    with open(console, encoding="utf-8") as f:
        verdict = judge(f, names, expected, repeated)
    for name, reasons in verdict.items():
        for reason in reasons[:8]:
            print("FAILED %s: %s" % (name, reason))
        if len(reasons) > 8:
            print("FAILED %s: and %d more" % (name, len(reasons) - 8))
    failed = sum(1 for reasons in verdict.values() if reasons)
    print("%d passed, %d failed" % (len(verdict) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
