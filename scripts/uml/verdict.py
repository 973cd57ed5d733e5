#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Verdict on the console log of a KUnit run.

Reads the nested KTAP of the log and, because KUnit says "ok" while KASAN or
lockdep complains, every line of the kernel too. Prints what failed, with its
messages, and then "N passed, N failed". Exit status 0 only when all passed.
"""
import argparse
import fnmatch
import os
import re
import sys

STAMP = re.compile(r'^(?:<\d+>)?\[ *\d+\.\d+\](?:\[[^]]*\])? ?')
RESULT = re.compile(r'^(not )?ok (\d+)(?: -)? ([^\s#]+)(.*)$')
PLAN = re.compile(r'^1\.\.(\d+)$')
SUBTEST = re.compile(r'^# Subtest: (\S+)$')
END = re.compile(r'virtback-test: END insmod=(-?\d+) rmmod=(-?\d+)')
COMPLAINT = re.compile(
    r'BUG:|WARNING:|KASAN|UBSAN|Kernel panic|Oops|INFO: |ODEBUG|DEBUG_LOCKS_WARN'
    r'|general protection|unreferenced object|Bail out|corruption|Call Trace'
    r'|cannot create duplicate|scheduling while atomic|virtback-test: mount')
# Follow-ups of one report (its trace, its "Bail out") within so many lines are
# not counted as another.
REPORT_LINES = 60
FOLLOW_UP = re.compile(r'Call Trace|KASAN|corruption')


class Suite:
    def __init__(self, name):
        self.name = name
        self.plan = None
        self.cases = []         # (name, 'ok' | 'not ok' | 'skip', messages)
        self.result = None


def lines_of(path):
    with open(path, errors='backslashreplace') as log:
        for line in log:
            yield STAMP.sub('', line.rstrip('\r\n'))


def parse(lines):
    """The suites of the log; whatever is between two results belongs to the later one."""
    suites, suite, plan, pending = [], None, 0, []
    for line in lines:
        depth = (len(line) - len(line.lstrip(' '))) // 4
        text = line.strip()
        match = SUBTEST.match(text)
        if match and depth == 1:
            suite = Suite(match.group(1))
            suites.append(suite)
            pending = []
            continue
        match = PLAN.match(text)
        if match and depth == 0:
            plan += int(match.group(1))
            continue
        if match and depth == 1 and suite and suite.plan is None:
            suite.plan = int(match.group(1))
            continue
        match = RESULT.match(text)
        if match and depth == 1 and suite:
            state = 'not ok' if match.group(1) else 'ok'
            if '# SKIP' in match.group(4):
                state = 'skip'
            suite.cases.append((match.group(3), state, pending + [text]))
            pending = []
        elif match and depth == 0 and suite and suite.name == match.group(3):
            suite.result = 'not ok' if match.group(1) else 'ok'
            suite = None
        elif suite:
            pending.append(line)
    return suites, plan


def complaints(lines):
    """Each report of the kernel once: its first line and the lines after it."""
    found, last = [], -REPORT_LINES
    for number, line in enumerate(lines):
        if not COMPLAINT.search(line):
            continue
        if FOLLOW_UP.search(line) and number - last < REPORT_LINES and \
           not re.search(r'BUG:|WARNING:', line):
            continue
        last = number
        found.append(lines[number:number + 12])
    return found


def listed_skips(path, step):
    """Globs "step/suite.case" of the skips that have a reason in the tree."""
    listed = []
    if path and os.path.exists(path):
        with open(path) as skips:
            for line in skips:
                words = line.split(None, 1)
                if words and not words[0].startswith('#') and len(words) == 2:
                    listed.append((words[0], words[1].strip()))
    return lambda name: next((reason for glob, reason in listed
                              if fnmatch.fnmatch(f'{step}/{name}', glob)), None)


class Verdict:
    def __init__(self):
        self.passed = self.failed = 0

    def fail(self, what, details=()):
        self.failed += 1
        print(f'FAIL {what}')
        for line in details:
            print(f'     {line}')


def judge_suite(verdict, suite, reason_to_skip):
    bad_before = verdict.failed
    for name, state, messages in suite.cases:
        full = f'{suite.name}.{name}'
        if state == 'ok':
            verdict.passed += 1
        elif state == 'not ok':
            verdict.fail(full, messages[-30:])
        else:
            reason = reason_to_skip(full)
            if reason:
                print(f'skip {full}: {reason}')
            else:
                verdict.fail(f'{full}: skipped, and scripts/skips.txt has no reason',
                             messages[-5:])
    if not suite.plan:
        verdict.fail(f'{suite.name}: an empty plan')
    elif len(suite.cases) != suite.plan:
        verdict.fail(f'{suite.name}: {suite.plan} cases planned, {len(suite.cases)} ran')
    if suite.result is None:
        verdict.fail(f'{suite.name}: did not end')
    elif suite.result == 'not ok' and verdict.failed == bad_before:
        verdict.fail(f'{suite.name}: the suite itself failed')


def nothing_ran(verdict, arg, lines):
    """Whether a filter is at fault only shows when the kernel came to its end."""
    if arg.filter and any(map(END.search, lines)):
        verdict.fail(f'FILTER={arg.filter} matches no test; the suites are:',
                     arg.known.split())
    else:
        verdict.fail('no suite ran')


def main():
    arg = argparse.ArgumentParser(description=__doc__)
    arg.add_argument('log')
    arg.add_argument('--step', default='kunit', help='name used in the skip list')
    arg.add_argument('--skips', help='skip list')
    arg.add_argument('--suites', type=int, help='number of suites linked into the module')
    arg.add_argument('--filter', default='', help='only suites (suite.case) of this glob')
    arg.add_argument('--known', default='', help='names of all suites, for a filter that fails')
    arg = arg.parse_args()

    lines = list(lines_of(arg.log))
    suites, plan = parse(lines)
    verdict = Verdict()
    if arg.filter:
        # kernels before 6.6 do not filter the suites of a module
        wanted = arg.filter.split('.')
        suites = [s for s in suites if fnmatch.fnmatch(s.name, wanted[0])]
    elif arg.suites is not None and len(suites) != arg.suites:
        verdict.fail(f'{arg.suites} suites are linked in, {len(suites)} ran')
    elif plan and plan != len(suites):
        verdict.fail(f'{plan} suites planned, {len(suites)} ran')
    if not suites:
        nothing_ran(verdict, arg, lines)
    reason_to_skip = listed_skips(arg.skips, arg.step)
    for suite in suites:
        judge_suite(verdict, suite, reason_to_skip)

    for report in complaints(lines):
        verdict.fail('kernel: ' + report[0].strip(), report[1:])
    end = next(filter(None, map(END.search, lines)), None)
    if not end:
        verdict.fail('the log has no END: the kernel died or hung', lines[-15:])
    elif end.group(1) != '0':
        verdict.fail('insmod failed')
    elif end.group(2) != '0':
        verdict.fail('rmmod failed')
    print(f'{verdict.passed} passed, {verdict.failed} failed')
    return 0 if verdict.passed and not verdict.failed else 1


if __name__ == '__main__':
    sys.exit(main())
