"""Threads that run kernels beside the one that calls.

Waking a thread through the interpreter takes as long as resizing a small image. So helpers that have just worked look
out for more for a moment, outside of the interpreter, before they sleep; and a caller never waits for one that has
not begun, but does its part too.
"""

from __future__ import annotations

import atexit
import os
import time
from contextlib import suppress
from ctypes import CFUNCTYPE, c_int64, c_void_p
from functools import cache
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

import numpy as np

from portresize._kernels.llvm import library, team

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from portresize._kernels.llvm.isa import Isa

# Looks at the board before a helper sleeps: some tenths of a millisecond.
_PATIENCE = 20_000
_MOST = 256
"""Runs in a batch, at most."""


class _Helper:
    """A thread, and whether it is looking at the board."""

    def __init__(self, team_: Team) -> None:
        self._team = team_
        self._asked: SimpleQueue[None] = SimpleQueue()
        self.is_awake = False
        Thread(target=self._work, name="portresize", daemon=True).start()

    def wake(self) -> None:
        """Let it look at the board."""
        if not self.is_awake:
            self.is_awake = True
            self._asked.put(None)

    def _work(self) -> None:
        while True:
            self._asked.get()
            while self.is_awake:
                self._team.serve()
                self.is_awake = False
                # Whoever saw it awake until now has not woken it.
                self.is_awake = self._team.has_runs()


class Team:
    """The helpers of a process, and their board."""

    def __init__(self, isa: Isa) -> None:
        memory = np.zeros(team.SIZE // 8 + _MOST + 8, np.int64)
        self._memory = memory[-memory.ctypes.data % 64 // 8 :]
        self._board = self._memory.ctypes.data
        signature = CFUNCTYPE(None, c_void_p, c_int64)
        self._serve, self._launch = (signature(library.address(isa, (name,))) for name in ("serve", "launch"))
        self._helpers: list[_Helper] = []
        self._is_busy = Lock()
        self._set(team.BLOCKS, self._board + team.SIZE)
        atexit.register(self._stop)

    def run(self, kernel: Callable[[int], None], address: int, blocks: Sequence[int]) -> None:
        """Call `kernel`, which is at `address`, with each of `blocks`, each on a thread of its own if there are some.

        If the helpers are at work for another caller, there is enough to do for every processor.
        """
        if not (1 < len(blocks) <= _MOST and self._is_busy.acquire(blocking=False)):
            for block in blocks:
                kernel(block)
            return
        try:
            self._share(address, blocks)
        finally:
            self._is_busy.release()

    def _share(self, address: int, blocks: Sequence[int]) -> None:
        count = len(blocks)
        # Where no more threads can be had, those that there are do all.
        with suppress(RuntimeError):
            while len(self._helpers) < count - 1:
                self._helpers.append(_Helper(self))
        first = team.SIZE // 8
        self._memory[first : first + count] = blocks
        self._set(team.KERNEL, address)
        for helper in self._helpers[: count - 1]:
            helper.wake()
        self._launch(self._board, count)
        while self._get(team.DONE) < count:
            time.sleep(0)

    def serve(self) -> None:
        """What helpers do."""
        self._serve(self._board, _PATIENCE)

    def has_runs(self) -> bool:
        """Whether there are runs that nobody has begun."""
        return bool(self._get(team.WORD) & 0xFFFFFFFF) and not self._get(team.STOP)

    def _get(self, place: int) -> int:
        return int(self._memory[place // 8])

    def _set(self, place: int, value: int) -> None:
        self._memory[place // 8] = value

    def _stop(self) -> None:
        """Before the interpreter takes down the code that helpers run: let them sleep."""
        self._set(team.STOP, 1)
        for _ in range(1000):
            if not any(helper.is_awake for helper in self._helpers):
                break
            time.sleep(0.001)


@cache
def _team(isa: Isa, process: int) -> Team:  # noqa: ARG001  threads do not survive a fork
    return Team(isa)


_MAKING = Lock()


def helpers(isa: Isa) -> Team:
    """The team of this process."""
    with _MAKING:
        return _team(isa, os.getpid())
