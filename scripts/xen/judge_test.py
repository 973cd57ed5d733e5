#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of judge.py: each way in which a run can be bad must turn it red."""

import re
import unittest

import judge

GOOD = """[   0.10] (XEN) Xen version 4.17
[   1.00] 1..2
[   1.10] [    0.9] virtback-test: begin a
[   1.20] # a note with WARNING: in it
[   1.30] ok 1 - a # 2 s
[   1.40] [    1.0] virtback-test: end a
[   1.50] [    1.1] virtback-test: begin b
[   1.60] ok 2 - b # 2 s
[   1.70] [    1.2] virtback-test: end b
[   2.00] # dom0 done, up 3 s
""".splitlines()


def failed(lines, expected=None, repeated=False):
    verdict = judge.judge(lines, ["a", "b"], expected or {}, repeated)
    return sorted(name for name, reasons in verdict.items() if reasons)


def with_line(after, line):
    i = next(n for n, x in enumerate(GOOD) if after in x)
    return GOOD[:i + 1] + [line] + GOOD[i + 1:]


class Judge(unittest.TestCase):
    def test_good_run(self):
        self.assertEqual(failed(GOOD), [])

    def test_missing_result(self):
        self.assertEqual(failed([x for x in GOOD if "ok 2" not in x]), ["b"])

    def test_repeated_result(self):
        twice = with_line("ok 1", "[   1.31] ok 2 - a # 2 s")
        self.assertEqual(failed(twice), ["a"])
        self.assertEqual(failed(twice, repeated=True), [])
        self.assertEqual(failed([x for x in GOOD if "ok 2" not in x], repeated=True), ["b"])
        self.assertEqual(failed(with_line("ok 1", "[   1.31] not ok 2 - a"), repeated=True), ["a"])

    def test_not_ok(self):
        self.assertEqual(failed([x.replace("ok 2", "not ok 2") for x in GOOD]), ["b"])

    def test_two_results(self):
        self.assertEqual(failed(with_line("ok 1", "[ 1.3] ok 1 - a # 1 s")), ["a"])

    def test_kernel_warning_in_a_scenario(self):
        line = "[   1.55] [    1.1] WARNING: CPU: 0 PID: 1 at x.c:1"
        self.assertEqual(failed(with_line("begin b", line)), ["b"])

    def test_xen_complaint_outside(self):
        line = "[   0.20] (XEN) Assertion 'x' failed at y.c:1"
        self.assertEqual(failed(with_line("Xen version", line)), ["machine"])

    def test_expected_complaint(self):
        line = "[   1.55] (XEN) traps.c:1980:d1v0 HSR=0x93804006 gpa=0x02000000"
        self.assertEqual(failed(with_line("begin b", line)), ["b"])
        expected = {"b": [re.compile(r"traps\.c")]}
        self.assertEqual(failed(with_line("begin b", line), expected), [])

    def test_machine_without_xen(self):
        lines = [x.replace("# dom0 done", "# machine done") for x in GOOD]
        self.assertEqual(failed(lines), [])

    def test_dom0_died(self):
        self.assertEqual(failed(GOOD[:-1]), ["machine"])

    def test_unknown_scenario(self):
        self.assertEqual(failed(with_line("ok 2", "[ 1.6] ok 3 - c # 1 s")), ["machine"])

    def test_empty_console(self):
        self.assertEqual(failed([]), ["a", "b", "machine"])


if __name__ == "__main__":
    unittest.main()
