#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compare a guest beside a noisy one with itself alone.

usage: neighbour.py CONSOLE

A line for each point; exit status 1 if a rate fell below half or a 99th percentile
doubled.
"""
import sys

from results import read


def compare(points):
    """(line, good) for each point."""
    alone = {p["point"].split("/")[1]: p for p in points if p["point"].startswith("alone/")}
    for p in points:
        line = "%-24s %8.0f IOPS, p99 %7.1f us" % (p["point"], p["iops"], p["p99_us"])
        mode, point = p["point"].split("/")
        if mode == "alone":
            yield line, True
            continue
        rate = p["iops"] / alone[point]["iops"]
        p99 = p["p99_us"] / alone[point]["p99_us"]
        good = rate >= 0.5 and p99 <= 2
        yield "%s: rate x %.2f, p99 x %.2f%s" % (line, rate, p99, "" if good else "  FAIL"), good


def main():
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 2
    _, points = read(sys.argv[1])
    results = list(compare(points))
    failed = sum(not good for _, good in results)
    for line, _ in results:
        print(line)
    print("%d passed, %d failed" % (len(results) - failed, failed))
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
