#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The tables of Documentation/features.rst, from the tree and scripts/features.map:

    scripts/features.py           write them into the document
    scripts/features.py --check   fail when the document is stale

What exists is read from the sources; a line of the map for something that does not
exist, something without a line, and a test that does not exist are errors.
"""
import glob
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOC = os.path.join(TOP, "Documentation/features.rst")
PEERS = ["QEMU", "SPDK", "vhost-blk", "vdpa_sim_blk", "virtio-disk"]
CELLS = {"yes", "no", "option", "?"}
errors = []


def text(*patterns):
    names = [n for p in patterns for n in sorted(glob.glob(os.path.join(TOP, p)))]
    return "\n".join(open(n, encoding="utf-8").read() for n in names)


def in_tree():
    """{section: {name: (number, supported)}}"""
    drivers = text("drivers/blk/*.c", "drivers/core/*.c", "drivers/xen/*.c", "drivers/loop/*.c")
    listed = re.findall(r"\{\s*(\d+), \"(\w+)\" \}", text("drivers/control/features.c"))
    features = {}
    for bit, name in listed:
        macro = r"\bVIRTIO_(BLK_|RING_)?F_%s\b" % name.upper()
        features[name] = (bit, "yes" if re.search(macro, drivers) else "no")
    blk = text("drivers/blk/*.c")
    requests = {n: ("", "yes") for n in re.findall(r"case VIRTIO_BLK_T_(\w+):", blk)}
    mmio = text("drivers/core/mmio.c")
    registers = {n: ("", "yes") for n in re.findall(r"\bVIRTIO_MMIO_([A-Z_]+)\b", mmio)
                 if not n.startswith("INT_")}
    return {"features": features, "requests": requests, "registers": registers}


def suites():
    """{suite: source}"""
    found = {}
    for name in glob.glob(os.path.join(TOP, "kunit/*_test.c")):
        source = open(name, encoding="utf-8").read()
        for suite in re.findall(r"^\t\.name = \"(virtback_\w+)\",$", source, re.M):
            found[suite] = source
    return found


def check_tests(what, tests, known):
    if not tests:
        errors.append("%s: no test" % what)
    for test in tests:
        suite, _, case = test.partition(".")
        if suite in known:
            if case and not re.search(r"\b%s\b" % case, known[suite]):
                errors.append("%s: suite %s has no case %s" % (what, suite, case))
        elif not os.path.exists(os.path.join(TOP, "scripts/xen/scenarios", test + ".sh")):
            errors.append("%s: there is no test %s" % (what, test))


def read_map():
    """{section: {name: (tests, peers)}}"""
    sections, current, known = {}, None, suites()
    for line in text("scripts/features.map").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), {})
            continue
        name, tests, *peers = [c.strip() for c in line.split("|")]
        if name in current:
            errors.append("%s: twice in the map" % name)
        if peers and (len(peers) != len(PEERS) or not set(peers) <= CELLS):
            errors.append("%s: the peers' columns are wrong" % name)
        check_tests(name, tests.split(), known)
        current[name] = (tests.split(), peers)
    return sections


def table(header, rows):
    out = [".. list-table::", "   :header-rows: 1", ""]
    for row in [header] + rows:
        for i, cell in enumerate(row):
            out.append(("   %s - %s" % (" " if i else "*", cell)).rstrip())
    return "\n".join(out) + "\n"


def tables():
    tree, mapped = in_tree(), read_map()
    out = []
    for section, names in tree.items():
        lines = mapped.get(section, {})
        for name in names.keys() ^ lines.keys():
            errors.append("%s: %s" % (name, "not in scripts/features.map" if name in names
                                      else "not in the tree"))
        rows = []
        for name in lines:
            if name not in names:
                continue
            number, supported = names[name]
            tests, peers = lines[name]
            cells = ["%s (%s)" % (name, number) if number else name, supported]
            rows.append(cells + [", ".join("``%s``" % t for t in tests)]
                        + ["not looked up" if p == "?" else p for p in peers])
        title = section.capitalize()
        header = [title[:-1], "virtback", "tested in"]
        if section != "registers":
            header += PEERS
        out.append("%s\n%s\n\n%s" % (title, "=" * len(title), table(header, rows)))
    return "\n".join(out)


def main():
    mark = ".. scripts/features.py writes what follows.\n\n"
    generated = tables()
    for error in errors:
        print(error)
    if errors:
        return 1
    old = open(DOC, encoding="utf-8").read()
    head, found, _ = old.partition(mark)
    if not found:
        print("%s: the mark of the generated part is gone" % DOC)
        return 1
    new = head + mark + generated
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__.strip())
        return
    if sys.argv[1:] == ["--check"]:
        if new != old:
            print("Documentation/features.rst is stale: run scripts/features.py")
        return int(new != old)
    with open(DOC, "w", encoding="utf-8") as doc:
        doc.write(new)
    return 0


sys.exit(main())
