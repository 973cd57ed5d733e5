#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What gcov counted, as a table, and the lines that were not reached.

The counts have the path of their object as their name, with # for /. Those of
the suites themselves are left out. Ends with "N passed, N failed": one verdict
for each demanded directory.
"""
import argparse
import collections
import glob
import json
import os
import shutil
import subprocess
import sys


def counts(data, module):
    """{file: {line: times}} of all files of the module."""
    lines = collections.defaultdict(lambda: collections.defaultdict(int))
    for name in sorted(os.listdir(data)):
        inside = name.replace('#', '/').rpartition('/module/')[2]
        if not inside.startswith('drivers/'):
            continue
        gcda = os.path.join(module, inside)
        # gcov wants counts and notes beside each other.
        shutil.copyfile(os.path.join(data, name), gcda)
        out = subprocess.run(['gcov', '--json-format', '--stdout', gcda], cwd=module,
                             check=True, stdout=subprocess.PIPE).stdout
        for file in json.loads(out)['files']:
            path = os.path.relpath(os.path.join(module, file['file']), module)
            if path.startswith(('drivers/', 'include/virtback/')):
                for line in file['lines']:
                    lines[path][line['line_number']] += line['count']
    return lines


def ranges(numbers):
    """[(first, last)] of neighbours."""
    found = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def row(name, all_lines, hit):
    print(f'{name:32} {all_lines:6} {hit:6} {100 * hit / max(all_lines, 1):7.1f}')


def table(lines):
    """Prints it; {directory: (lines, hit)}."""
    sums = collections.defaultdict(lambda: [0, 0])
    print(f'{"file":32} {"lines":>6} {"hit":>6} {"percent":>7}')
    for path in sorted(lines):
        hit = sum(1 for times in lines[path].values() if times)
        row(path, len(lines[path]), hit)
        sums[os.path.dirname(path)][0] += len(lines[path])
        sums[os.path.dirname(path)][1] += hit
    print()
    for path in sorted(sums):
        row(path, *sums[path])
    row('all', sum(s[0] for s in sums.values()), sum(s[1] for s in sums.values()))
    return sums


def missed(lines, module):
    print('\nnot reached:')
    for path in sorted(lines):
        with open(os.path.join(module, path)) as source:
            text = source.read().splitlines()
        for first, last in ranges(sorted(n for n, times in lines[path].items() if not times)):
            where = f'{path}:{first}' + (f'-{last}' if last != first else '')
            print(f'{where:36} {text[first - 1].strip()[:60]}')


def not_built(lines, module):
    found = [os.path.relpath(path, module)
             for path in glob.glob(os.path.join(module, 'drivers/**/*.c'), recursive=True)]
    print('\nnot built in UML:', ' '.join(sorted(p for p in found if p not in lines
                                                 and not p.endswith('.mod.c'))))


def main():
    arg = argparse.ArgumentParser(description=__doc__)
    arg.add_argument('data', help='directory of the counts')
    arg.add_argument('module', help='directory that the module was built in')
    arg.add_argument('--minimum', type=float, required=True, help='percent')
    arg.add_argument('--demand', action='append', default=[], help='directory that must reach it')
    arg = arg.parse_args()

    lines = counts(arg.data, arg.module)
    sums = table(lines)
    missed(lines, arg.module)
    not_built(lines, arg.module)
    print()
    failed = 0
    for path in arg.demand:
        all_lines, hit = sums[path]
        if not all_lines or 100 * hit / all_lines < arg.minimum:
            failed += 1
            print(f'FAIL {path}: {hit} of {all_lines} lines, less than {arg.minimum:g} %')
    print(f'{len(arg.demand) - failed} passed, {failed} failed')
    return 1 if failed or not arg.demand else 0


if __name__ == '__main__':
    sys.exit(main())
