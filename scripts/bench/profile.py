#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Say where the instructions of a request went.

usage: profile.py COMMIT RECORDINGS LOGS [RST] -- BACKEND...

RECORDINGS has a recording of profile.c for each backend, LOGS its console log and the
symbols of dom0 and of Xen; what was executed is written there, function by function.
"""
import array
import bisect
import collections
import pathlib
import re
import sys

from report import text_table
from results import HERE, read

DOM0, GUEST = 0, 1
END = 0xffffffff
KERNEL = 1 << 63
SPLIT = ("Xen for dom0", "dom0's kernel", "dom0's programs", "Xen for the guest",
         "guest's kernel", "guest's programs")
HEAD = """.. SPDX-License-Identifier: GPL-2.0
.. Made by scripts/bench/profile.py; do not edit.

Commit {commit}. Instructions of one request, by who executed them:

"""
STAGES = """
The same for one 4 KiB read at a time from *{backend}*, from the beginning of a request to
that of the next:

"""
STAGED = "4k-read-qd1"


class Symbols:
    """Functions by address."""

    def __init__(self, lines):
        found = set()
        for line in lines:
            words = line.split()
            if len(words) >= 3 and words[1] in "tTwW" and words[2][0] != "$":
                found.add((int(words[0], 16), words[2]))
        self.list = sorted(found)
        self.addresses = [a for a, _ in self.list]

    def of(self, address):
        i = bisect.bisect_right(self.addresses, address) - 1
        return self.list[i] if i >= 0 else (0, "?")


class Recording:
    """What was executed for one backend."""

    def __init__(self, recordings, logs, backend):
        self.blocks = []
        for line in open(recordings / (backend + ".blocks"), encoding="ascii"):
            _, address, n = line.split()
            self.blocks.append((int(address, 16), int(n)))
        dom0 = (logs / (backend + ".symbols")).read_text(encoding="ascii").splitlines()
        console = open(logs / (backend + ".log"), encoding="utf-8", errors="replace")
        modules = [m[1] for m in map(re.compile(r"@symbol ([0-9a-f]+ .*)").search, console) if m]
        xen = Symbols(open(logs / "xen.symbols", encoding="ascii"))
        self.xen = xen, xen.addresses[0], xen.addresses[-1]
        # The guest has the same kernel at the same address, and modules of its own; or another
        # one, without modules.
        guest = [x for x in dom0 if "[" not in x] + modules if modules else []
        self.kernel = Symbols(dom0), Symbols(guest)
        self.known = {}
        self.words = array.array("I")
        with open(recordings / backend, "rb") as f:
            self.words.frombytes(f.read())
        self.points = read(logs / (backend + ".log"))[1]

    def sections(self):
        first = 0
        for point in self.points:
            end = self.words.index(END, first)
            yield point, self.words[first:end]
            first = end + 1

    def look(self, word):
        """(who, function, is it its beginning, instructions) of a block on a processor."""
        if word not in self.known:
            cpu = word >> 28
            address, n = self.blocks[word & 0xfffffff]
            symbols, first, last = self.xen
            if first <= address <= last + 4096:
                start, name = symbols.of(address)
                who = 3 * cpu
            elif address & KERNEL:
                start, name = self.kernel[cpu].of(address)
                who = 3 * cpu + 1
            else:
                start, name = 0, "-"
                who = 3 * cpu + 2
            self.known[word] = who, name, start == address, n
        return self.known[word]


def split(recording, words):
    """Instructions by who, and by function."""
    by_who, by_function = [0] * 6, collections.Counter()
    for word, times in collections.Counter(words).items():
        who, name, _, n = recording.look(word)
        by_who[who] += n * times
        by_function[SPLIT[who], name] += n * times
    return by_who, by_function


def stages(backend):
    now = None
    for line in (HERE / "stages").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            now = line.strip("[]")
        elif line and line[0] != "#" and now == backend:
            name, cpu, function = re.match(r"(.*?)\t+(\d)\t(\S+)$", line).groups()
            yield name, int(cpu), function


def stage_rows(recording, words, wanted):
    """The mean of the requests that went through all stages in their order."""
    total = [[0] * 6 for _ in wanted]
    now = [[0] * 6 for _ in wanted]
    stage, whole, begun = 0, 0, 0
    first = wanted[0][1:]
    for word in words:
        who, name, begins, n = recording.look(word)
        if begins and (who // 3, name) == wanted[stage][1:]:
            stage += 1
            if stage == len(wanted):
                whole += 1
                for t, s in zip(total, now):
                    for i in range(6):
                        t[i] += s[i]
                stage = 1
            if stage == 1:
                now = [[0] * 6 for _ in wanted]
                begun += 1
        elif begins and (who // 3, name) == first:
            # A stage was left out: nothing of this request counts.
            stage, now, begun = 1, [[0] * 6 for _ in wanted], begun + 1
        if stage:
            now[stage][who] += n
    for (name, *_), t in list(zip(wanted, total))[1:]:
        yield name, [x / max(whole, 1) for x in t]
    print("%d of %d requests went through all stages" % (whole, begun))


def numbers(values):
    values = list(values)
    return ["%.0f" % v for v in (*values, sum(values))]


def main():
    dash = sys.argv.index("--") if "--" in sys.argv else 0
    if dash not in (4, 5):
        sys.exit(__doc__)
    commit, recordings, logs = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    table, stage_tables = [], ""
    for backend in sys.argv[dash + 1:]:
        recording = Recording(recordings, logs, backend)
        for point, words in recording.sections():
            by_who, by_function = split(recording, words)
            requests = point["requests"]
            table.append((point["point"], backend, *numbers(n / requests for n in by_who)))
            with open(logs / ("%s-%s.functions" % (backend, point["point"])), "w",
                      encoding="utf-8") as f:
                for (who, name), n in by_function.most_common():
                    print("%10.1f %-18s %s" % (n / requests, who, name), file=f)
            wanted = list(stages(backend))
            if wanted and point["point"] == STAGED:
                cells = [(str(i), name, *numbers(n)) for i, (name, n) in
                         enumerate(stage_rows(recording, words, wanted), 1)]
                stage_tables += STAGES.format(backend=backend)
                stage_tables += text_table(("", "stage", *SPLIT, "all"), cells)
    text = text_table(("point", "backend", *SPLIT, "all"), table) + stage_tables
    print(text)
    if dash == 5:
        pathlib.Path(sys.argv[4]).write_text(HEAD.format(commit=commit) + text,
                                             encoding="utf-8")


if __name__ == "__main__":
    main()
