#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Say what drivers/core and drivers/blk executed for a request in user space.

usage: core.py table COMMIT RECORDINGS LOGS RST
       core.py compare RECORDINGS LOGS PERCENT

RECORDINGS has recordings of profile.c: this.words, and base.words to compare with. LOGS has
the console, the symbols and the sections of each program. A table says which goals are
missed; compare has exit status 1 if a figure is more than PERCENT worse.
"""
import array
import bisect
import collections
import pathlib
import re
import sys

from profile import END, Symbols
from report import text_table
from results import pairs

LIMIT = 1000            # instructions of drivers/core, for a read of 4 KiB on a split ring
# What the kernel has in its own assembly, of the same origin as the C library's.
COPY = re.compile(r"_*mem(cpy|move|set)(_generic)?$")
STUBS = "stubs"
HEAD = """.. SPDX-License-Identifier: GPL-2.0
.. Made by scripts/bench/core; do not edit.

Commit {commit}. Instructions for a request of 4 KiB, of the module alone:

"""


class Program:
    """A program and what it executed."""

    def __init__(self, recordings, logs, name):
        self.symbols = Symbols(open(logs / (name + ".symbols"), encoding="ascii"))
        self.files = []
        for line in open(logs / (name + ".sections"), encoding="ascii"):
            m = re.search(r"(\S+) +PROGBITS +([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)", line)
            if not m:
                continue
            own = re.match(r"drivers_([^_]+)_(.+)", m[1])
            file = "%s/%s.c" % own.groups() if own else STUBS if "plt" in m[1] else None
            if file:
                self.files.append((int(m[2], 16), int(m[2], 16) + int(m[3], 16), file))
        self.files.sort()
        self.starts = [f[0] for f in self.files]
        self.blocks = []
        for line in open(recordings / (name + ".words.blocks"), encoding="ascii"):
            _, address, n = line.split()
            self.blocks.append((int(address, 16), int(n)))
        self.words = array.array("I")
        with open(recordings / (name + ".words"), "rb") as f:
            self.words.frombytes(f.read())
        self.points = []
        for line in open(logs / (name + ".log"), encoding="utf-8", errors="replace"):
            if "@core " in line:
                self.points.append(dict(pairs(line)))

    def file_of(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        return self.files[i][2] if i >= 0 and address < self.files[i][1] else None

    def counts(self):
        """(point, {(file, function): instructions}, {function of the kernel: calls})"""
        first = 0
        for point in self.points:
            end = self.words.index(END, first)
            yield (point, *self.count(self.words[first:end], point["requests"]))
            first = end + 1

    def count(self, words, requests):
        own, calls, last = collections.Counter(), collections.Counter(), None
        copying = False
        for word in words:
            address, n = self.blocks[word & 0xfffffff]
            file = self.file_of(address)
            if address >> 63 or file == STUBS:
                continue            # the kernel below; the way to a function
            start, name = self.symbols.of(address)
            if file:
                own[file, name] += n
            elif last and start == address:
                calls[name] += 1
            copying = not file and (copying or last) and COPY.match(name)
            if copying:
                own["copy", name.strip("_").replace("_generic", "")] += n
            last = file
        return ({k: v / requests for k, v in own.items()},
                {k: v / requests for k, v in calls.items()})


def title(point):
    return "%(op)s, %(ring)s, %(layout)s, %(dma)s, QD%(qd)d" % point


def part(own, which):
    return sum(n for (file, _), n in own.items() if file.split("/")[0] == which)


def in_all(own):
    return sum(own.values())


def missed(results):
    """What is not as it should be of the core alone."""
    reads = {(p["ring"], p["layout"], p["dma"], p["qd"]): part(own, "core")
             for p, own, _ in results if p["op"] == "read"}
    for (ring, layout, dma, qd), n in reads.items():
        what = "the core for a read of 4 KiB (%s, dma=%s, QD%d)" % (layout, dma, qd)
        if ring == "split" and n >= LIMIT:
            yield "%s takes %.0f instructions on a split ring, not less than %d" % (what, n, LIMIT)
        if ring == "packed" and n >= reads["split", layout, dma, qd]:
            yield "%s takes no less on a packed ring than on a split one" % what


def rows(results):
    for point, own, calls in results:
        core, blk, copy = (part(own, x) for x in ("core", "blk", "copy"))
        yield (point["op"], point["layout"], point["ring"], point["dma"], "%d" % point["qd"],
               "%.0f" % core,
               "%.0f" % blk, "%.0f" % copy, "%.0f" % (core + blk + copy),
               "%.1f" % sum(n for name, n in calls.items() if not COPY.match(name)))


def matrix(results, what):
    """A row for each name that what() has of a result, a column for each result."""
    names = collections.Counter()
    for r in results:
        for name, n in what(r).items():
            names[name] += n
    for name, _ in names.most_common():
        cells = [what(r).get(name, 0) for r in results]
        yield (*(name if isinstance(name, tuple) else (name,)),
               *("%.1f" % c if c else "" for c in cells))


def tables(results):
    reads = [r for r in results if r[0]["op"] == "read"]
    some = [r for r in reads if (r[0]["dma"], r[0]["layout"]) == ("bounce", "table")]
    columns = ["%s QD%d" % (r[0]["ring"], r[0]["qd"]) for r in some]
    return (text_table(("op", "layout", "ring", "dma", "QD", "core", "blk", "copy", "in all", "calls"),
                       list(rows(results))),
            text_table(("file", "function", *columns), list(matrix(some, lambda r: r[1]))),
            text_table(("function of the kernel or the host", "", *columns),
                       [(x[0], "-", *x[1:]) for x in matrix(some, lambda r: r[2])]))


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    if (mode, len(sys.argv)) not in (("table", 6), ("compare", 5)):
        sys.exit(__doc__)
    recordings, logs = map(pathlib.Path, sys.argv[3:5] if mode == "table" else sys.argv[2:4])
    results = list(Program(recordings, logs, "this").counts())
    sums, functions, calls = tables(results)
    (logs / "tables.txt").write_text("\n".join((sums, functions, calls)), encoding="utf-8")
    if mode == "table":
        print(sums)
        text = HEAD.format(commit=sys.argv[2]) + sums
        text += "\nThe reads with ``dma=bounce``, function by function:\n\n" + functions
        text += "\nand what they call, how often for each request:\n\n" + calls
        pathlib.Path(sys.argv[5]).write_text(text, encoding="utf-8")
        for line in missed(results):
            print("goal missed:", line)
        return
    base = {title(p): in_all(own) for p, own, _ in Program(recordings, logs, "base").counts()}
    bad, table = 0, []
    for point, own, _ in results:
        old, new = base[title(point)], in_all(own)
        change = 100 * (new - old) / old
        bad += change > float(sys.argv[4])
        table.append((title(point), "", "%.1f" % old, "%.1f" % new, "%+.1f %%" % change,
                      "WORSE" if change > float(sys.argv[4]) else "ok"))
    print(text_table(("request", "", "base", "this", "change", "verdict"), table))
    print("%d passed, %d failed" % (len(table) - bad, bad))
    sys.exit(bool(bad) or not table)


if __name__ == "__main__":
    main()
