#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compare two runs of the same plan.

usage: compare.py BASE.log NEW.log PERCENT

Exit status 1 if a point has become worse by more than PERCENT, or is missing. The last
line is "N passed, N failed".
"""
import sys

from report import text_table
from results import read

FIGURES = ("instructions", "p50_us")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    base, new = ({(p["point"], p["backend"]): p for p in read(log)[1]} for log in sys.argv[1:3])
    limit, table, failed = float(sys.argv[3]), [], 0
    for key, old in base.items():
        if key not in new:
            table.append((*key, *[""] * 6, "missing"))
            failed += 1
            continue
        row, bad = [*key], False
        for figure in FIGURES:
            a, b = old[figure], new[key][figure]
            percent = 100 * (b - a) / a
            bad = bad or percent > limit
            row += ["%.1f" % a, "%.1f" % b, "%+.1f %%" % percent]
        failed += bad
        table.append((*row, "WORSE" if bad else "ok"))
    print(text_table(("point", "backend", "instructions", "now", "change", "p50 µs", "now",
                      "change", "verdict"), table))
    print("%d passed, %d failed" % (len(table) - failed, failed))
    sys.exit(failed != 0 or not table)


main()
