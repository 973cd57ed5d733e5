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


ROWS = """[   1.00] 1..1
[   1.10] [    0.9] virtback-test: begin r
[   1.20] # a: row begins
[   1.21] # b: row begins
[   1.22] # b.2: row begins
[   1.30] # a: row passed in 7 s
[   1.31] # b: row passed in 7 s
[   1.32] # a: row begins
[   1.33] # b.2: row passed in 7 s
[   1.40] # a: row passed in 7 s
[   1.41] # a: row ended with 0
[   1.42] # b: row ended with 0
[   1.43] # b.2: row ended with 0
[   1.50] ok 1 - r # 2 s
[   1.60] [    1.0] virtback-test: end r
[   2.00] # dom0 done, up 3 s
""".splitlines()


def rows(lines, interrupted=False, expected=()):
    """{row: (passed, failed)}"""
    verdict = judge.judge_rows(lines, "r", expected, interrupted)
    return {row: (passed, len(reasons)) for row, (passed, reasons) in verdict.items()}


def rows_with(after, line):
    i = next(n for n, x in enumerate(ROWS) if after in x)
    return ROWS[:i + 1] + [line] + ROWS[i + 1:]


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


class Rows(unittest.TestCase):
    def test_good_run(self):
        self.assertEqual(rows(ROWS), {"a": (2, 0), "b": (2, 0)})

    def test_a_row_fails_alone(self):
        lines = [x.replace("a: row passed", "a: FAILED: x") for x in ROWS]
        lines = [x.replace("a: row ended with 0", "a: row ended with 1") for x in lines]
        self.assertEqual(rows([x.replace("ok 1", "not ok 1") for x in lines]),
                         {"a": (0, 1), "b": (2, 0)})

    def test_a_row_ends_without_a_word(self):
        lines = [x.replace("a: row ended with 0", "a: row ended with 2") for x in ROWS]
        self.assertEqual(rows([x.replace("ok 1", "not ok 1") for x in lines]),
                         {"a": (2, 1), "b": (2, 0)})

    def test_the_kernel_speaks_into_the_line(self):
        torn = "row ended with 0[ 3224.233324] virtback: dom3.2000000: gone"
        self.assertEqual(rows([x.replace("row ended with 0", torn) for x in ROWS]),
                         {"a": (2, 0), "b": (2, 0)})
        torn = torn.replace("with 0", "with 10")
        self.assertEqual(rows([x.replace("a: row ended with 0", "a: " + torn) for x in ROWS]),
                         {"a": (2, 1), "b": (2, 0)})

    def test_a_complaint_is_theirs_who_are_under_way(self):
        bug = "[   1.34] [    1.1] WARNING: CPU: 0 PID: 1 at x.c:1"
        self.assertEqual(rows(rows_with("b.2: row passed", bug)), {"a": (1, 1), "b": (2, 0)})
        self.assertEqual(rows(rows_with("b.2: row begins", bug)), {"a": (0, 1), "b": (0, 1)})
        self.assertEqual(rows(rows_with("ok 1", bug)), {"a": (2, 1), "b": (2, 1)})

    def test_expected_complaint(self):
        lines = rows_with("b.2: row begins", "[   1.34] [    1.1] I/O error, dev nb")
        self.assertEqual(rows(lines), {"a": (0, 1), "b": (0, 1)})
        self.assertEqual(rows(lines, expected=[re.compile("I/O error, dev nb")]),
                         {"a": (2, 0), "b": (2, 0)})

    def test_a_guest_complains_within_a_line_of_the_kernel(self):
        torn = "[   1.34] [    1.1] v# a.2: [    0.9] I/O error, dev vda, sector 1irtback: gone"
        self.assertEqual(rows(rows_with("b.2: row begins", torn)), {"a": (2, 0), "b": (2, 0)})
        torn = "[   1.34] [    1.1] WARNING: CPU: 0# a.2: [    0.9] I/O error, dev vda"
        self.assertEqual(rows(rows_with("b.2: row begins", torn)), {"a": (0, 1), "b": (0, 1)})

    def test_the_machine_stops(self):
        self.assertEqual(rows(ROWS[:8]), {"a": (1, 1), "b": (1, 1)})
        self.assertEqual(rows(ROWS[:8], interrupted=True), {"a": (1, 0), "b": (1, 0)})
        self.assertEqual(rows([]), {})

    def test_a_row_failed_before_a_person_ended_it(self):
        lines = [x.replace("b.2: row passed", "b.2: FAILED: x") for x in ROWS[:9]]
        self.assertEqual(rows(lines, interrupted=True), {"a": (1, 0), "b": (1, 1)})

    def test_the_scenario_fails_after_its_rows(self):
        self.assertEqual(rows([x.replace("ok 1", "not ok 1") for x in ROWS]),
                         {"a": (2, 1), "b": (2, 1)})


if __name__ == "__main__":
    unittest.main()
