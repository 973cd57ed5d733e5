#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Write what dom0 is to do, from the files points and backends.

usage: plan.py quick|full|wide|grants|profile|profile-grants [BACKEND,...] [POINT,...]

Prints a shell script for dom0/bench.sh; nothing if the plan has nothing of what is named.
"""
import sys

from results import table

INCLUDES = {"quick": {"quick"}, "full": {"quick", "full"}, "wide": {"wide"},
            "grants": {"grants"}, "profile": {"quick"}, "profile-grants": {"grants"}}
# Each instruction is recorded, so these are shorter, and few.
PROFILES = ("profile", "profile-grants")
PROFILED = ("4k-read-qd1", "4k-read-qd32", "128k-read-qd8")


def plan(which, backends=None, points=None):
    """{(backend, disk): [(point, arguments)]} in the order of the file backends."""
    todo = {}
    for name, *_ in table("backends"):
        for point, has, who, *args in table("points"):
            if has not in INCLUDES[which] or name not in who.split(","):
                continue
            if (backends and name not in backends) or (points and point not in points):
                continue
            disk = "cached" if "disk=cached" in args else "plain"
            args = [a for a in args if a != "disk=cached"]
            if which in PROFILES and point not in PROFILED:
                continue
            if which in PROFILES:
                args = [a for a in args if not a.startswith("n=")] + ["n=200"]
            todo.setdefault((name, disk), []).append((point, args))
    return todo


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in INCLUDES:
        sys.exit(__doc__)
    names = [a.split(",") if a else None for a in sys.argv[2:4]] + [None, None]
    kinds = {name: rest for name, *rest in table("backends")}
    todo = plan(sys.argv[1], names[0], names[1])
    for disk in dict.fromkeys(disk for _, disk in todo):
        print("null_disk nb-%s 64 %d" % (disk, 1 if disk == "cached" else 0))
    for (backend, disk), points in todo.items():
        kind, *arg = kinds[backend]
        print("begin %s %s %s %s" % (backend, disk, kind, "'%s'" % " ".join(arg) if arg else ""))
        for point, args in points:
            print("point", point, *args)
        if sys.argv[1] in PROFILES:
            print("symbols")
        print("end")


main()
