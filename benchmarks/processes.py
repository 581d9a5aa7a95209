"""What a second core is worth here: two processes that resize by themselves, beside one.

Run as a program it is such a process, which for each number that it reads resizes for so many seconds, and prints how
many calls a second it made.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

import portresize
from benchmarks.cases import RGB, checked
from benchmarks.machine import ROOT

SECONDS = 0.25


def speedup(case: int, n_rounds: int) -> float:
    """Calls a second of two processes together, as a multiple of those of one alone; the median over rounds."""
    command = [sys.executable, __file__, str(case)]
    with ExitStack() as stack:
        pair = [
            stack.enter_context(
                subprocess.Popen(  # noqa: S603  this file
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    bufsize=1,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
            )
            for _ in range(2)
        ]
        _rates(pair)
        quotients = [sum(_rates(pair)) / _rates([pair[turn % 2]])[0] for turn in range(n_rounds)]
    return round(statistics.median(quotients), 3)


def _rates(processes: list[subprocess.Popen[str]]) -> list[float]:
    """Calls a second of each, all at once."""
    for process in processes:
        assert process.stdin
        process.stdin.write(f"{SECONDS}\n")
    return [float(process.stdout.readline()) for process in processes if process.stdout]


def main(case: int) -> None:
    """Resize whenever told to, until nobody tells any more."""
    with portresize.threads(1):
        act = checked(RGB[case]).ours
        for line in sys.stdin:
            calls, start = 0, time.perf_counter()
            while (seconds := time.perf_counter() - start) < float(line):
                act()
                calls += 1
            print(calls / seconds, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
