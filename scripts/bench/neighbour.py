#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compare a guest beside a noisy one with itself alone.

usage: neighbour.py CONSOLE [COMMIT RST]

Prints a table, and writes it as a page of the documentation. Exit status 1 if a rate fell
below half or a 99th percentile doubled. Of one that has many requests in flight it may
rise by a quarter more: half of the rate, which is its fair share, is twice the wait of all.
"""
import pathlib
import re
import sys

from report import text_table
from results import read

RATE, P99, P99_MANY = 0.5, 2, 2.5
NOISE = {
    "alone": "none",
    "spins": "computes, leaves its disk alone",
    "kicks": "notifies a queue that has nothing",
    "registers": "reads a register that a thread answers",
    "resets": "starts the device and resets it",
    "invalidates": "gives pages back to Xen and takes them again",
    "requests": "keeps three queues full of short reads",
}
HEAD = """.. SPDX-License-Identifier: GPL-2.0
.. Made by scripts/bench/neighbour; do not edit.

Commit {commit}. What a guest has of its disk, beside one with three vCPUs that does its
worst with all of them:

"""


def compare(points):
    """(row, is it as it should be)"""
    alone = {p["point"].split("/")[1]: p for p in points if p["point"].startswith("alone/")}
    for p in points:
        mode, point = p["point"].split("/")
        rate = p["iops"] / alone[point]["iops"]
        p99 = p["p99_us"] / alone[point]["p99_us"]
        one = re.search("qd1$", point)
        good = rate >= RATE and p99 <= (P99 if one else P99_MANY)
        yield (point, NOISE.get(mode, mode), "%.0f" % p["iops"], "%.0f" % p["p50_us"],
               "%.0f" % p["p99_us"], "%.2f" % rate, "%.2f" % p99,
               "" if good else "missed"), good


def main():
    if len(sys.argv) not in (2, 4) or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 2
    _, points = read(sys.argv[1])
    results = sorted(compare(points), key=lambda x: x[0][0])
    table = text_table(("point", "noise", "IOPS", "p50 µs", "p99 µs", "of its rate",
                        "of its p99", "goal"), [row for row, _ in results])
    print(table)
    if len(sys.argv) == 4:
        pathlib.Path(sys.argv[3]).write_text(HEAD.format(commit=sys.argv[2]) + table,
                                             encoding="utf-8")
    failed = sum(not good for _, good in results)
    print("%d passed, %d failed" % (len(results) - failed, failed))
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
