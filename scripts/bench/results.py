# SPDX-License-Identifier: GPL-2.0
"""What a run of the bench left on its consoles."""
import pathlib
import re

LINE = re.compile(r"@(point|count|idle|dom0|guest) (.*)")
HERE = pathlib.Path(__file__).resolve().parent
NS_PER_INSTRUCTION = 2      # -icount shift=1


def table(name):
    """The lines of a file here, split into words."""
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.split()


def pairs(text):
    for word in text.split():
        key, sep, value = word.partition("=")
        if sep:
            yield key, int(value) if value.isdigit() else value


def read(log):
    """The machine, and a dictionary for each point, in the order of the log."""
    machine, points = {}, {}
    for line in open(log, encoding="utf-8", errors="replace"):
        m = LINE.search(line)
        if not m:
            continue
        values = dict(pairs(m[2]))
        if m[1] in ("dom0", "guest"):
            machine.setdefault(m[1], values)
            continue
        if m[1] == "idle":
            machine.setdefault("idle", {})[values.pop("backend")] = values
            continue
        key = values["backend"], values["point"]
        if m[1] == "point":
            points[key] = values
        else:
            counts = {k: v for k, v in values.items() if k not in ("backend", "point")}
            points[key]["counts"] = counts
    return machine, [derive(p) for p in points.values()]


def derive(p):
    """The figures that people want, of those that vbaio printed (ns)."""
    seconds = p["elapsed"] / 1e9
    all_requests = p["requests"] + p["warm"]
    out = {
        "backend": p["backend"],
        "point": p["point"],
        "requests": p["requests"],
        "errors": p["errors"],
        "iops": p["requests"] / seconds,
        "mb_s": p["bytes"] / seconds / 1e6,
        "instructions": p["elapsed"] / NS_PER_INSTRUCTION / p["requests"],
    }
    for key in ("mean", "min", "p50", "p90", "p99", "max"):
        out[key + "_us"] = p[key] / 1e3
    if p.get("window"):
        out["busy_share"] = p["busy"] / p["window"]
    # Of the warm-up as well, since they are read around the whole of vbaio.
    out["per_request"] = {k: v / all_requests for k, v in p.get("counts", {}).items()}
    return out
