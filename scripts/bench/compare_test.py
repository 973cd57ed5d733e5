#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What compare.py must find and what not."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
LINE = ("[ 1.00] @point backend=virtback point=%s requests=100 bytes=409600 errors=0 warm=64 "
        "elapsed=%d mean=1 min=1 p50=%d p90=1 p99=1 max=1\n")


class Compare(unittest.TestCase):
    def run_it(self, base, new):
        with tempfile.TemporaryDirectory() as d:
            for name, points in (("a", base), ("b", new)):
                text = "".join(LINE % p for p in points)
                (pathlib.Path(d) / name).write_text(text, encoding="ascii")
            done = subprocess.run([sys.executable, HERE / "compare.py", d + "/a", d + "/b", "3"],
                                  stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout.splitlines()[-1]

    def test_same(self):
        points = [("x", 1000000, 10000), ("y", 2000000, 20000)]
        self.assertEqual(self.run_it(points, points), (0, "2 passed, 0 failed"))

    def test_within_limit_or_better(self):
        self.assertEqual(self.run_it([("x", 1000000, 10000), ("y", 1000000, 10000)],
                                     [("x", 1029000, 10290), ("y", 500000, 5000)]),
                         (0, "2 passed, 0 failed"))

    def test_more_instructions(self):
        self.assertEqual(self.run_it([("x", 1000000, 10000)], [("x", 1031000, 10000)]),
                         (1, "0 passed, 1 failed"))

    def test_longer_median(self):
        self.assertEqual(self.run_it([("x", 1000000, 10000), ("y", 1000000, 10000)],
                                     [("x", 1000000, 10310), ("y", 1000000, 10000)]),
                         (1, "1 passed, 1 failed"))

    def test_missing(self):
        self.assertEqual(self.run_it([("x", 1000000, 10000)], [("y", 1000000, 10000)]),
                         (1, "0 passed, 1 failed"))

    def test_nothing_measured(self):
        self.assertEqual(self.run_it([], []), (1, "0 passed, 0 failed"))


if __name__ == "__main__":
    unittest.main()
