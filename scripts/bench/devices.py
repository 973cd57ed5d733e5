#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make a table of what many devices take.

usage: devices.py COMMIT CONSOLE [RST]

Exit status 1 if a goal is missed. The last line is "N passed, N failed".
"""
import json
import pathlib
import re
import sys

from report import text_table

LIMIT_NS = 1000000      # to make a device
# What may be left of a device after its removal: what the kernel keeps for later.
LEFT_KIB = 16           # of slabs, stacks, mappings and memory of processors
LEFT_FREE_KIB = 256     # less free, which the pages that processors keep make uncertain
KINDS = ("Slab", "VmallocUsed", "KernelStack", "Percpu")
HEAD = """.. SPDX-License-Identifier: GPL-2.0
.. Made by scripts/bench/devices; do not edit.

Commit {commit}, Linux {kernel} for arm64 on {cpus} processors, {devices} devices of the loop
host. The clock is 2 ns for each instruction.

"""


def number(text):
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def read(console):
    """{what: [{key: value}]}"""
    found = {}
    for line in open(console, encoding="utf-8", errors="replace"):
        m = re.search(r"@(\w+) (.*)", line)
        if m:
            values = dict(word.split("=", 1) for word in m[2].split() if "=" in word)
            found.setdefault(m[1], []).append({k: number(v) for k, v in values.items()})
    return found


def by_queues(found, what, driver=0):
    return {x["queues"]: x for x in found[what] if x["driver"] == driver}


def times(found):
    for what, name in (("made", "to make"), ("removed", "to remove")):
        for queues, x in by_queues(found, what).items():
            yield (name, "%d" % queues, *("%.0f" % (x[k] / 1000) for k in ("min", "p50", "max")))


def memory(found, driver):
    rows = by_queues(found, "memory", driver)
    more = {k: (rows[4][k] - rows[1][k]) / 3 for k in ("memory", *KINDS)}
    for name, x in (("1 queue", rows[1]), ("4 queues", rows[4]), ("each further queue", more)):
        yield (name, "", "%.0f" % x["memory"], *("%.0f" % x[k] for k in KINDS))


def idle(found):
    for x in found["idle"]:
        yield ("%d" % x["devices"], "", *("%d" % x[k] for k in (
            "seconds", "switches", "wakeups", "timers", "works", "timer_interrupts")))


def judge(found):
    """(what, is it as it should be)"""
    for queues, x in by_queues(found, "made").items():
        yield "%d queues: made in less than 1 ms, the slowest too" % queues, x["max"] < LIMIT_NS
    for x in found["left"]:
        kinds = sum(x[k] for k in KINDS)
        yield "%d queues%s: nothing is left after removal" % (
            x["queues"], " with a driver" * x["driver"]), \
            kinds < LEFT_KIB and x["memory"] < LEFT_FREE_KIB
    quiet = found["idle"][-1]
    yield "idle: no thread of a queue runs", quiet["switches"] == 0 and quiet["wakeups"] == 0
    yield "idle: no timer", quiet["timers"] == 0
    # One for all of them, and it does not wake a processor.
    yield "idle: no work but the look at the disks' sizes", \
        quiet["functions"] in ("-", "blk_look") and quiet["works"] <= quiet["seconds"] + 1
    yield "in use: threads run", found["used"][0]["switches"] > 0


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    found = read(sys.argv[2])
    pathlib.Path(sys.argv[2]).with_name("results.json").write_text(
        json.dumps({"commit": sys.argv[1], **found}, indent=1) + "\n", encoding="utf-8")
    text = text_table(("µs", "queues", "least", "half", "most"), list(times(found)))
    columns = ("device with", "", "in all", *KINDS)
    text += "\nMemory of a device that has no driver yet, in KiB, and of which kind it is:\n\n"
    text += text_table(columns, list(memory(found, 0)))
    text += ("\nThe same with a driver, whose own memory in this kernel (disk, tags, rings) is "
             "in it:\n\n" + text_table(columns, list(memory(found, 1))))
    text += "\nWhat went on while nobody used them:\n\n"
    text += text_table(("devices", "", "seconds", "switches to queues' threads", "their wake-ups",
                        "timers started", "work items", "timer interrupts of all processors"),
                       list(idle(found)))
    print(text)
    verdicts = list(judge(found))
    for what, ok in verdicts:
        print("%s %s" % ("ok  " if ok else "FAIL", what))
    if len(sys.argv) == 4:
        pathlib.Path(sys.argv[3]).write_text(
            HEAD.format(commit=sys.argv[1], **found["machine"][0]) + text, encoding="utf-8")
    failed = sum(not ok for _, ok in verdicts)
    print("%d passed, %d failed" % (len(verdicts) - failed, failed))
    sys.exit(failed != 0)


main()
