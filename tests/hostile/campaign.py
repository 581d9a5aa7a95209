"""Calls with hostile arguments, in processes that are watched.

    python -m tests.hostile.campaign [COUNT [SEED [FIRST]]]

Every call is drawn from the seed and its number alone. A fault is a call that ends in a signal, an exit, an exception
other than ValueError, TypeError, MemoryError and OverflowError, or a wrong result; that does not end, or takes a
gigabyte; or that writes to its image. Each is printed with the command that makes the same call again.

"Unclear" is an exception of the right kind with the text of another library, and "not made" a call whose image could
not be made. For every thousand calls, one process makes its first calls with little memory, also while code is
generated.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

from tests.hostile import child

ROOT = Path(__file__).parents[2]
# Calls of one process.
_BATCH = 2500
# Seconds without a word from a process that watches itself.
_SILENT = child.HANGS + 30


@dataclass
class Tally:
    """Calls by function and outcome, and the faults among them."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    unclear: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return sum(counter.total() for counter in self.counts.values())

    def add(self, name: str, word: str) -> None:
        """Count a call."""
        self.counts.setdefault(name.partition(" in ")[0], Counter())[word] += 1

    def summary(self) -> str:
        """As a table: a line for each function."""
        lines = []
        for name, counter in sorted(self.counts.items()):
            words = ", ".join(f"{word} {count}" for word, count in sorted(counter.items()))
            lines.append(f"{name:32} {counter.total():7}  {words}")
        return "\n".join(lines)


class Campaign:
    """So many calls of a seed."""

    def __init__(self, count: int, seed: str, first: int = 0, *, silent: float = _SILENT) -> None:
        self.tally = Tally()
        self._seed, self._turn, self._end, self._silent = seed, first, first + count, silent
        self._first = first

    def run(self) -> Tally:
        """Make all calls, in one process after the other."""
        with tempfile.TemporaryDirectory() as folder:
            while self._turn < self._end:
                self._batch(min(self._turn + _BATCH, self._end), Path(folder))
        return self.tally

    def _batch(self, last: int, folder: Path) -> None:
        """Make calls in one process, up to the first that ends it."""
        began = self._turn
        command = [sys.executable, "-m", "tests.hostile.child", self._seed, str(began), str(last)]
        paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "JAX_PLATFORMS": "cpu"}
        with (folder / "log").open("w+b") as log:
            process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=log)
            try:
                started = self._listen(process)
            finally:
                process.kill()
                process.wait()
                if process.stdout:
                    process.stdout.close()
            if self._turn < last:
                log.seek(0)
                said = log.read()[-6000:].decode(errors="replace")
                self._died(began, started, process.returncode, said)

    def _listen(self, process: subprocess.Popen[bytes]) -> str:
        """Count what a process says; return the call that it last began."""
        assert process.stdout is not None
        text, rest, began = "", b"", self._turn
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while selector.select(self._silent):
                read = os.read(process.stdout.fileno(), 1 << 16)
                if not read:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(5)
                    break
                *lines, rest = (rest + read).split(b"\n")
                for line in lines:
                    said: dict[str, Any] = json.loads(line)
                    if "call" in said:
                        text = said["call"]
                        continue
                    self._turn = said["turn"] + 1
                    self.tally.add(said["name"], said["word"])
                    if said["word"] == "FAULT":
                        self._report(began, said["turn"], text, said["text"])
                    elif "unclear" in said["word"]:
                        place = said["text"].rpartition(" at ")[2]
                        count = self.tally.unclear.get(place, (0, ""))[0]
                        self.tally.unclear[place] = (count + 1, f"{said['text']}: {said['turn']} {text}")
        return text

    def _died(self, began: int, text: str, code: int, said: str) -> None:
        if not text:
            msg = f"no call was made: the process ended with {code}\n{said}"
            raise RuntimeError(msg)
        why = f"ended with {code}"
        if code == -signal.SIGKILL:
            why = f"was silent for {self._silent} s"
        elif code < 0:
            why = f"died of {signal.Signals(-code).name}"
        elif "Timeout (" in said:
            why = f"hung for {os.environ.get(child.HANGS_VARIABLE, child.HANGS)} s"
        self.tally.add("(died)", "FAULT")
        self._report(began, self._turn, text, f"the process {why}\n{said}")
        self._turn += 1

    def _report(self, began: int, turn: int, text: str, why: str) -> None:
        again = f"python -m tests.hostile.campaign 1 {self._seed} {turn}"
        before = f" (with those before it: {turn + 1 - began} {self._seed} {began})" if began < turn else ""
        report = f"FAULT in call {turn} of seed {self._seed}: {text}\n  {why}\n  {again}{before}"
        self.tally.faults.append(report)
        print(report, flush=True)


def _with_little_memory(count: int, seed: str) -> list[str]:
    """Make calls in processes whose address space ends at random; return what went wrong."""
    random, found = Random(seed), []
    for _ in range(count):
        words = ["-m", "tests.kernels.limits", "memory", str(random.randrange(10**6))]
        try:
            done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, timeout=120, check=False)
            why = "" if done.returncode == 0 else f"ended with {done.returncode}: {done.stderr[-3000:].decode()}"
        except subprocess.TimeoutExpired:
            why = "hung for 120 s"
        if why:
            found.append(f"FAULT with little memory: python {' '.join(words)}\n  {why}")
            print(found[-1], flush=True)
    print(f"{count} processes with little memory, {len(found)} faults")
    return found


def main(count: str = "100000", seed: str = "", first: str = "0") -> int:
    """Run a campaign, of a random seed if there is none, and print what came of it."""
    seed = seed or str(SystemRandom().randrange(10**9))
    if int(count) < 1:
        sys.exit("COUNT has to be >= 1")
    print(f"{count} calls of seed {seed}, from {first}", flush=True)
    start = time.monotonic()
    tally = Campaign(int(count), seed, int(first)).run()
    tally.faults += _with_little_memory(int(count) // 1000, seed)
    print(tally.summary())
    for number, text in sorted(tally.unclear.values(), reverse=True)[:40]:
        print(f"unclear {number} times: {text}")
    print(f"{tally.calls} calls of seed {seed}, {len(tally.faults)} faults, {time.monotonic() - start:.0f} s")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
