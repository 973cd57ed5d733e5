#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make tables and a chart of what a run of the bench measured.

usage: report.py COMMIT LOGS [DOCUMENTATION]

LOGS is the run's directory: normal.log and perhaps wide.log and grants.log are read, results.json,
table.txt and chart.svg written; the table is printed, too. With DOCUMENTATION,
performance-results.rst and performance.svg are written there.
"""
import json
import os
import pathlib
import sys

import goals
from results import read

REFERENCE = "blkback"
# Then a nanosecond is nothing but a nanosecond.
HOST_CLOCK = os.environ.get("BENCH_CLOCK") == "host"
COLUMNS = ("point", "backend", "p50 µs", "p99 µs", "IOPS", "MB/s", "instructions", "of blkback")
COLOURS = {"native": "#9e9e9e", "blkback": "#37474f", "blkback-np": "#78909c",
           "virtback": "#c62828", "direct": "#ef6c00", "split": "#6a1b9a",
           "one-queue": "#ef9a9a", "poll": "#2e7d32", "grant": "#00838f",
           "grant-map": "#4dd0e1"}
HEAD = """.. SPDX-License-Identifier: GPL-2.0
.. Made by scripts/bench/report.py; do not edit.

Commit {commit}, Xen {xen}, Linux {kernel} in dom0 and guest. *instructions* are those of
Xen, dom0 and the guest together for one request; *of blkback* is the ratio of the IOPS to
those of xen-blkback with persistent grants.

"""


def ratio(point, points, reference=REFERENCE):
    for p in points:
        if p["point"] == point["point"] and p["backend"] == reference:
            return point["iops"] / p["iops"]
    return None


def by_point(points):
    order = list(dict.fromkeys(p["point"] for p in points))
    return sorted(points, key=lambda p: order.index(p["point"]))


def rows(points):
    for p in by_point(points):
        r = ratio(p, points)
        yield (p["point"], p["backend"], "%.1f" % p["p50_us"], "%.1f" % p["p99_us"],
               "%.0f" % p["iops"], "%.1f" % p["mb_s"],
               "" if HOST_CLOCK else "%.0f" % p["instructions"],
               "%.2f" % r if r else "")


def grant_rows(points):
    for p, row in zip(by_point(points), rows(points)):
        r = ratio(p, points, "blkback-np")
        yield (*row, "%.2f" % r if r else "")


COUNTS = ("xen_aborts", "traps", "xen_dm_op", "irqs", "xen_event_channel_op", "maps", "copies",
          "xen_grant_table_op", "xen_memory_op", "xen_switches")
# Of the time of dom0's processors, in microseconds.
TIMES = ("worker_ns", "poll_ns")
COUNT_COLUMNS = ("point", "backend", "aborts (Xen)", "traps", "dm_op (Xen)", "interrupts",
                 "event_channel_op", "maps", "copies", "grant_table_op", "memory_op",
                 "context switches", "worker µs", "polling µs")


IDLE_COLUMNS = ("backend", "of one", "traps", "dm_op (Xen)", "worker µs", "polling µs")


def count_rows(points):
    for p in by_point(points):
        c = p["per_request"]
        if p["backend"] != "native" and c:
            yield (p["point"], p["backend"],
                   *("%.2f" % c[k] if k in c else "" for k in COUNTS),
                   *("%.1f" % (c[k] / 1e3) if k in c else "" for k in TIMES))


def idle_rows(machine):
    for backend, c in machine.get("idle", {}).items():
        yield (backend, "second", "%d" % c["traps"], "%d" % c["xen_dm_op"],
               *("%.1f" % (c[k] / 1e3) if k in c else "" for k in TIMES))


def disagreements(points):
    """Where Xen has not counted the same: as many traps, and no more interrupts than
    were wanted (queues share one that is not acknowledged)."""
    for p in points:
        c = p["per_request"]
        if "traps" not in c:
            continue
        slack = 0.01 + 2 / p["requests"]
        if (abs(c["traps"] - c["xen_aborts"]) > slack or c["xen_dm_op"] > c["irqs"] + slack):
            yield ("%s of %s: %.2f traps and %.2f interrupts a request here, %.2f and %.2f in Xen"
                   % (p["point"], p["backend"], c["traps"], c["irqs"], c["xen_aborts"],
                      c["xen_dm_op"]))


def text_table(columns, cells):
    """As people read it and as reStructuredText has it, which is the same."""
    cells = [columns, *cells]
    width = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    # A column without any text is there so that the next one is set to the right.
    rule = "  ".join("=" * w for w in width if w)
    text = []
    for row in cells:
        line = [c.ljust(w) if i < 2 else c.rjust(w)
                for i, (c, w) in enumerate(zip(row, width)) if w]
        # An empty cell would otherwise be taken for the end of the row before.
        text.append("  ".join(c if c.strip() else "\\".rjust(len(c)) for c in line).rstrip())
    return "\n".join([rule, text[0], rule, *text[1:], rule]) + "\n"


def chart(points):
    """IOPS against xen-blkback's, a group of bars for each point."""
    groups = {}
    for p in by_point(points):
        r = ratio(p, points)
        if r and p["backend"] != REFERENCE:
            groups.setdefault(p["point"], []).append((p["backend"], r))
    left, bar, unit = 130, 12, 150
    out, y, seen = [], 40, {}
    most = max((r for g in groups.values() for _, r in g), default=1)
    width = left + unit * most + 60
    for point, bars in groups.items():
        out.append('<text x="%d" y="%d" text-anchor="end">%s</text>'
                   % (left - 8, y + bar * len(bars) / 2 + 4, point))
        for backend, r in bars:
            seen[backend] = COLOURS.get(backend, "#000000")
            out.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>'
                       % (left, y, unit * r, bar - 2, seen[backend]))
            out.append('<text x="%.1f" y="%d" font-size="9">%.2f</text>'
                       % (left + unit * r + 4, y + bar - 3, r))
            y += bar
        y += 10
    out.append('<line x1="%d" y1="34" x2="%d" y2="%d" stroke="#37474f" stroke-dasharray="4 3"/>'
               % (left + unit, left + unit, y))
    out.append('<text x="%d" y="16" font-weight="bold">IOPS, xen-blkback = 1</text>' % left)
    for i, (backend, colour) in enumerate(seen.items()):
        out.append('<rect x="%d" y="22" width="10" height="10" fill="%s"/>'
                   % (left + i * 90, colour))
        out.append('<text x="%d" y="31">%s</text>' % (left + i * 90 + 14, backend))
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
            'font-family="sans-serif" font-size="11">\n'
            '<rect width="100%%" height="100%%" fill="white"/>\n%s\n</svg>\n'
            % (width, y + 10, "\n".join(out)))


def busy_text(points):
    cells = [(p["point"], p["backend"], "%.1f" % p["p50_us"], "%.0f" % p["iops"],
              "%.0f %%" % (100 * p["busy_share"])) for p in by_point(points) if "busy_share" in p]
    if not cells:
        return ""
    return ("\nWhat a program in dom0 that never rests gets of dom0's only processor meanwhile"
            "\n(*native*: the requests are made by another program there):\n\n" +
            text_table(("point", "backend", "p50 µs", "IOPS", "the program's share"), cells))


def measured(log):
    return read(log) if log.exists() else ({}, [])


def grants_text(guest, points):
    return ("\nA second pair: the same Xen and dom0, and Linux %s in the guest, which can grant its"
            "\nmemory to a virtio device (``mapping=grant``). *of blkback-np* is the ratio to"
            "\nxen-blkback without persistent grants.\n\n" % guest +
            text_table((*COLUMNS, "of blkback-np"), list(grant_rows(points))) + "\n" +
            text_table(COUNT_COLUMNS, list(count_rows(points))))


def goals_text(points, grants):
    return ("\nThe goals, within a hundredth; *of* another backend is what is measured divided by the"
            "\nsame of that one. Why some are missed, and a second one for the same figure, is"
            "\nbelow.\n\n" +
            text_table(goals.COLUMNS, list(goals.rows(points, grants))))


def document(docs, results, table, counts):
    machine, grants = results["machine"], results["grants"]
    dom0 = machine["dom0"]
    text = HEAD.format(commit=results["commit"], xen=dom0["xen"], kernel=dom0["kernel"]) + table
    text += goals_text(results["points"], grants["points"])
    text += ("\nWhat was counted, for each request: by Xen itself, and (*traps*, *interrupts*,"
             "\n*maps*, *copies*) by virtback. Its traps are Xen's aborts. Interrupts are those"
             "\nthat the driver wanted; several share an injection (a dm_op) until it is"
             "\nacknowledged. *Worker* is what the threads of the queues had of dom0's processors"
             "\n(while one has a processor, those of the guest run as well), *polling* the part of"
             "\nit that they looked on for the next request."
             "\n\n" + counts +
             "\nThe same in a second in which the guest does nothing:\n\n" +
             text_table(IDLE_COLUMNS, list(idle_rows(machine))) + busy_text(results["points"]))
    if grants["points"]:
        text += grants_text(grants["machine"]["guest"]["kernel"], grants["points"])
    (docs / "performance-results.rst").write_text(text, encoding="utf-8")
    (docs / "performance.svg").write_text(chart(results["points"]), encoding="utf-8")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    commit, logs = sys.argv[1], pathlib.Path(sys.argv[2])
    machine, points = measured(logs / "normal.log")
    points += measured(logs / "wide.log")[1]
    granting, grants = measured(logs / "grants.log")
    if not points and not grants:
        sys.exit("nothing was measured")
    results = {"commit": commit, "machine": machine, "points": points,
               "grants": {"machine": granting, "points": grants}}
    (logs / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    table = text_table(COLUMNS, list(rows(points)))
    counts = text_table(COUNT_COLUMNS, list(count_rows(points)))
    table_too = grants_text(granting["guest"]["kernel"], grants) if grants else ""
    (logs / "table.txt").write_text("\n".join((table, counts, busy_text(points), table_too)), encoding="utf-8")
    (logs / "chart.svg").write_text(chart(points or grants), encoding="utf-8")
    print(table if points else "", busy_text(points), table_too, goals_text(points, grants),
          sep="\n")
    wrong = list(disagreements(points)) + list(disagreements(grants))
    if wrong:
        sys.exit("\n".join(["the counters do not agree:", *wrong]))
    if len(sys.argv) == 4:
        document(pathlib.Path(sys.argv[3]), results, table, counts)


if __name__ == "__main__":
    main()
