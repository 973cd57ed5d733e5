#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The table of Documentation/reliability.rst, of scripts/soak.rows and scripts/soak.log:

    scripts/reliability.py           write it into the document
    scripts/reliability.py --check   fail when the document is stale, or a file is wrong
    scripts/reliability.py how ROW   print how a row is done
"""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOC = os.path.join(TOP, "Documentation/reliability.rst")
ROWS = os.path.join(TOP, "scripts/soak.rows")
LOG = os.path.join(TOP, "scripts/soak.log")
GOAL = 100
BEGIN, END = ".. table of scripts/reliability.py; do not edit\n", ".. end of the table\n"
COLUMNS = ("command", "what is done", "runs", "failed", "passed since", "goal", "time",
           "last commit", "result")


def lines(name):
    with open(name, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if not line.startswith("#"):
                yield "%s:%d" % (os.path.relpath(name, TOP), number), line.rstrip("\n")


def read_rows():
    """{name: (how, what)}"""
    rows = {}
    for where, line in lines(ROWS):
        name, how, what = line.split("\t")
        kind, _, arg = how.partition(" ")
        there = {"fault": "scripts/xen/faults/%s.sh" % name,
                 "alone": "scripts/xen/faults/%s.sh" % name,
                 "scenario": "scripts/xen/scenarios/%s.sh" % arg,
                 "run": (arg.split() or [""])[0]}.get(kind)
        if not there or not os.path.exists(os.path.join(TOP, there)):
            sys.exit("%s: row %s cannot be done: %s" % (where, name, how))
        if name in rows:
            sys.exit("%s: row %s is there twice" % (where, name))
        rows[name] = (how, what)
    return rows


def read_log(rows):
    """{row: [runs, failed, passed since the last failure, seconds, last commit]}"""
    sums = {}
    for where, line in lines(LOG):
        m = re.fullmatch(r"\d{4}-\d\d-\d\d (\S+) (\S+) (\d+) (\d+) (\d+) (\d+)", line)
        if not m or m[2] not in rows or int(m[3]) != int(m[4]) + int(m[5]):
            sys.exit("%s: not a line of scripts/soak: %s" % (where, line))
        runs, passed, failed, seconds = (int(n) for n in m.groups()[2:])
        s = sums.setdefault(m[2], [0, 0, 0, 0, ""])
        s[0] += runs
        s[1] += failed
        # A row ends with its first failure.
        s[2] = 0 if failed else s[2] + passed
        s[3] += seconds
        s[4] = m[1]
    return sums


def duration(seconds):
    if seconds < 60:
        return "%d s" % seconds
    if seconds < 6000:
        return "%d min" % round(seconds / 60)
    return "%.1f h" % (seconds / 3600)


def table(rows, sums):
    text = [".. list-table::\n   :header-rows: 1\n"]

    def add(cells):
        for i, cell in enumerate(cells):
            text.append("   %s %s" % ("* -" if not i else "  -", cell))

    add(COLUMNS)
    for name, (_, what) in rows.items():
        if name not in sums:
            add(("``make soak ROW=%s``" % name, what, 0, 0, 0, GOAL, "0 s", "none", "not run yet"))
            continue
        runs, failed, since, seconds, commit = sums[name]
        result = "goal reached" if since >= GOAL else "%d to go" % (GOAL - since)
        add(("``make soak ROW=%s``" % name, what, runs, failed, since, GOAL, duration(seconds),
             commit, result))
    return "\n".join(text) + "\n"


def main():
    args = sys.argv[1:]
    rows = read_rows()
    if args[:1] == ["how"] and len(args) == 2:
        if args[1] not in rows:
            sys.exit("there is no row %s; there are: %s" % (args[1], " ".join(rows)))
        print(rows[args[1]][0])
        return 0
    if args not in ([], ["--check"]):
        print(__doc__.strip())
        return 0 if args in (["-h"], ["--help"]) else 2
    with open(DOC, encoding="utf-8") as f:
        old = f.read()
    head, _, rest = old.partition(BEGIN)
    _, _, tail = rest.partition(END)
    new = head + BEGIN + "\n" + table(rows, read_log(rows)) + "\n" + END + tail
    if args:
        if new != old:
            print("Documentation/reliability.rst is stale: run scripts/reliability.py")
            return 1
        print("%d rows" % len(rows))
        return 0
    with open(DOC, "w", encoding="utf-8") as f:
        f.write(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
