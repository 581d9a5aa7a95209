"""Threads that run kernels beside the one that calls.

They live outside of the interpreter: to wake one through it takes as long as to resize an image. A caller never waits
for a helper that has not begun, but does its part too.
"""

from __future__ import annotations

import atexit
import ctypes
import os
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np

from portresize._kernels.llvm import engine, library, team

if TYPE_CHECKING:
    from portresize._kernels.llvm.isa import Isa

MOST = 256
"""Threads, at most."""


def most() -> int:
    """How many threads there can be: one where the C library has not what they sleep with, as that of Windows."""
    return MOST if engine.has_threads() else 1


class Team:
    """The helpers of a process, and the board at which they meet.

    Attributes:
        board: Its address.
        launch: `team.launch`.
        helpers: How many there are.
    """

    def __init__(self, isa: Isa) -> None:
        memory = np.zeros(team.SIZE // 8 + 8, np.int64)
        self._words = memory[-memory.ctypes.data % 64 // 8 :]
        self.board = self._words.ctypes.data
        c = ctypes.CDLL(None)
        for init, place in ((c.pthread_mutex_init, team.MUTEX), (c.pthread_cond_init, team.CONDITION)):
            init(ctypes.c_void_p(self.board + place), None)
        one, all_ = (ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * n) for n in (1, 6))
        self._serve, self._wake = (one(library.address(isa, (name,))) for name in ("serve", "wake"))
        self.launch = all_(library.address(isa, ("launch",)))
        self.helpers = 0
        self._threads: list[Thread] = []
        self._process = os.getpid()
        atexit.register(self._stop)

    def grow(self, number: int) -> None:
        """Have so many helpers, or as many threads as can be had."""
        with library.LOCK, suppress(RuntimeError):
            while len(self._threads) < number:
                helper = Thread(target=self._serve, args=(self.board,), name="portresize", daemon=True)
                helper.start()
                self._threads.append(helper)
        # Not asked again for those that there are not.
        self.helpers = max(self.helpers, number)

    def _stop(self) -> None:
        """Before the interpreter takes down the code that helpers run."""
        if os.getpid() != self._process:
            return  # A child, in which there are none.
        self._words[team.STOP // 8] = 1
        self._wake(self.board)
        for helper in self._threads:
            helper.join(timeout=1)


# By process: threads do not survive a fork.
_TEAMS: dict[int, Team] = {}


def _team(isa: Isa, process: int) -> Team:
    with library.LOCK:
        if process not in _TEAMS:
            _TEAMS[process] = Team(isa)
    return _TEAMS[process]


def run(isa: Isa, count: int, *batch: int) -> None:
    """Call a kernel with each of `count` blocks, on as many threads.

    `batch` are addresses: of a list of those of the blocks, of the kernel, of the array that it reads and of that which
    it writes.
    """
    process = os.getpid()
    found = _TEAMS.get(process) or _team(isa, process)
    if found.helpers < count - 1:
        found.grow(count - 1)
    found.launch(found.board, count, *batch)
