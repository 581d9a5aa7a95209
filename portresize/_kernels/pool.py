"""Threads that run kernels beside the one that calls.

They live outside of the interpreter: to wake one through it takes as long as to resize an image. A caller never waits
for a helper that has not begun, but does its part too.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import time
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING

import numpy as np

from portresize._kernels.llvm import engine, library, team

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from portresize._kernels.llvm.isa import Isa

MOST = 256
"""Threads, at most."""


def most() -> int:
    """How many threads there can be: one where the C library has not what they sleep with, as that of Windows."""
    return MOST if engine.has_threads() else 1


class Team:
    """The helpers of a process, and the board at which they meet."""

    def __init__(self, isa: Isa) -> None:
        memory = np.zeros(team.BLOCKS // 8 + MOST + 8, np.int64)
        aligned = memory[-memory.ctypes.data % 64 // 8 :]
        self._words = (ctypes.c_int64 * len(aligned)).from_buffer(aligned)  # type: ignore[arg-type]  # is a buffer
        self._board = aligned.ctypes.data
        c = ctypes.CDLL(None)
        for init, place in ((c.pthread_mutex_init, team.MUTEX), (c.pthread_cond_init, team.CONDITION)):
            init(ctypes.c_void_p(self._board + place), None)
        one, two = (ctypes.CFUNCTYPE(None, ctypes.c_void_p, *more) for more in ([], [ctypes.c_int64]))
        self._serve, self._wake = (one(library.address(isa, (name,))) for name in ("serve", "wake"))
        self._launch = two(library.address(isa, ("launch",)))
        self._helpers: list[Thread] = []
        self._is_busy = Lock()
        self._process = os.getpid()
        atexit.register(self._stop)

    def run(self, kernel: Callable[[int], None], address: int, blocks: Sequence[int]) -> None:
        """Call `kernel`, which is at `address`, with each of `blocks`, each on a thread of its own if there are some.

        If the helpers work for another caller already, there is enough to do for every processor.
        """
        if not self._is_busy.acquire(blocking=False):
            for block in blocks:
                kernel(block)
            return
        try:
            self._share(address, blocks)
        finally:
            self._is_busy.release()

    def _share(self, address: int, blocks: Sequence[int]) -> None:
        count, first = len(blocks), team.BLOCKS // 8
        # Where no more threads can be had, those that there are do all.
        with suppress(RuntimeError):
            while len(self._helpers) < count - 1:
                helper = Thread(target=self._serve, args=(self._board,), name="portresize", daemon=True)
                helper.start()
                self._helpers.append(helper)
        self._words[first : first + count] = list(blocks)
        self._words[team.KERNEL // 8] = address
        self._launch(self._board, count)
        while self._words[team.DONE // 8] < count:
            time.sleep(0)

    def _stop(self) -> None:
        """Before the interpreter takes down the code that helpers run."""
        if os.getpid() != self._process:
            return  # A child, in which there are none.
        self._words[team.STOP // 8] = 1
        self._wake(self._board)
        for helper in self._helpers:
            helper.join(timeout=1)


# By process: threads do not survive a fork.
_TEAMS: dict[int, Team] = {}
_MAKING = Lock()


def _unlock() -> None:
    """In a child: whoever held the lock when it was forked has stayed behind."""
    global _MAKING  # noqa: PLW0603
    _MAKING = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


def _team(isa: Isa, process: int) -> Team:
    with _MAKING:
        if process not in _TEAMS:
            _TEAMS[process] = Team(isa)
    return _TEAMS[process]


def run(isa: Isa, kernel: Callable[[int], None], address: int, blocks: Sequence[int]) -> None:
    """Call `kernel`, which is at `address`, with each of `blocks`, on as many threads as there are."""
    process = os.getpid()
    (_TEAMS.get(process) or _team(isa, process)).run(kernel, address, blocks)
