# SPDX-License-Identifier: GPL-2.0
"""What of scripts/bench/goals a run of the bench has reached."""
from results import table

COLUMNS = ("point", "backend", "figure", "goal", "measured", "result")
FIGURES = {"p50_us": "p50 µs", "iops": "IOPS", "mb_s": "MB/s", "traps": "traps",
           "dom0_hypercalls": "hypercalls", "maps": "maps", "copies": "copies"}
HYPERCALLS = ("xen_dm_op", "xen_event_channel_op", "xen_grant_table_op", "xen_memory_op")
# A hundredth, which is what runs differ by; and where nothing is the goal, requests of others.
SLACK, NOTHING = 0.01, 0.005


def figure(p, name):
    if name in p:
        return p[name]
    counts = p["per_request"]
    if name == "dom0_hypercalls":
        return sum(counts[k] for k in HYPERCALLS)
    return counts[name]


def rows(points, grants):
    """A row for each goal whose point and backend, and reference, were measured."""
    measured = {(kind, p["point"], p["backend"]): p
                for kind, ps in (("points", points), ("grants", grants)) for p in ps}
    for kind, point, backend, name, how, number, *reference in table("goals"):
        p = measured.get((kind, point, backend))
        other = measured.get((kind, point, *reference)) if reference else None
        if not p or (reference and not other):
            continue
        value, bound = figure(p, name), float(number)
        if reference:
            value /= figure(other, name)
        slack = bound * SLACK or NOTHING
        good = value <= bound + slack if how == "<=" else value >= bound - slack
        # A figure of hundreds needs no hundredths; of a ratio these are what counts.
        digits = 0 if bound >= 100 else 3 if reference else 2
        yield (point, backend, FIGURES[name],
               ("at most " if how == "<=" else "at least ") + number +
               " of ".join(["", *reference]),
               "%.*f" % (digits, value), "reached" if good else "missed")
