#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Keep a console in a file and show a person the lines that matter.

usage: console.py LOG START PATTERN

Each line of stdin goes to LOG with the seconds since this program started.  What
PATTERN matches is printed with the time since START (seconds of the epoch); the
part in its first group, if it has one.
"""

import re
import signal
import sys
import time


def main():
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__.strip())
        return
    path, start, pattern = sys.argv[1], float(sys.argv[2]), re.compile(sys.argv[3])
    # Ctrl-C ends QEMU, too; what it still says belongs to the log.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin = time.monotonic()
    with open(path, "w", encoding="utf-8") as log:
        for raw in iter(sys.stdin.buffer.readline, b""):
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            print("[%7.2f] %s" % (time.monotonic() - begin, line), file=log, flush=True)
            match = pattern.match(line)
            if match:
                sec = int(time.time() - start)
                text = match.group(1) if pattern.groups else line
                print("[%3d:%02d] %s" % (sec // 60, sec % 60, text), flush=True)


main()
