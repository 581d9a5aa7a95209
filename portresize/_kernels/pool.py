"""Threads that run kernels beside the one that calls.

They live outside of the interpreter, and never wait for it. A caller waits for no helper that has not begun, but does
its part too.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import signal
from typing import TYPE_CHECKING

import numpy as np

from portresize._core.fork import LOCK
from portresize._kernels.llvm import engine, library, team
from portresize._kernels.llvm.errors import Unsupported

if TYPE_CHECKING:
    from portresize._kernels.llvm.isa import Isa

_LOG = logging.getLogger("portresize")
_FAULTS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS")


def most() -> int:
    """How many threads there can be: one where the C library has not what they sleep with, as that of Windows."""
    with LOCK:
        return 1 + team.MOST if engine.has_threads() else 1


class Team:
    """The helpers of a process, and the board at which they meet.

    Attributes:
        board: Its address.
        launch: `team.launch`.
        asked: How many helpers were asked for; there may be fewer.
    """

    def __init__(self, isa: Isa) -> None:
        memory = np.zeros(team.SIZE // 8 + 8, np.int64)
        self._words = memory[-memory.ctypes.data % 64 // 8 :]
        self.board = self._words.ctypes.data
        self._c = c = ctypes.CDLL(None)
        for init, place in ((c.pthread_mutex_init, team.MUTEX), (c.pthread_cond_init, team.CONDITION)):
            init(ctypes.c_void_p(self.board + place), None)
        signals = ctypes.c_void_p(self.board + team.SIGNALS)
        c.sigfillset(signals)
        for name in _FAULTS:
            c.sigdelset(signals, int(getattr(signal, name, signal.SIGSEGV)))
        self._serve = library.address(isa, ("serve",))
        self._wake, self._start, self.launch = (
            ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * n)(library.address(isa, (name,)))
            for name, n in (("wake", 1), ("start", 3), ("launch", 6))
        )
        self.asked = 0
        atexit.register(self._stop)

    def grow(self, number: int) -> None:
        """Have so many helpers, or as many as can be had.

        Threads of the C library: those of Python may be none, where something has put others in their place.
        """
        with LOCK:
            while self._words[team.HELPERS // 8] < number and not self._words[team.FAILED // 8]:
                self._start(self.board, self._serve, signal.SIG_SETMASK)
            self._words[team.FAILED // 8] = 0
            self.asked = max(self.asked, number)

    def _stop(self) -> None:
        """Before the interpreter takes down the code that helpers run."""
        self._words[team.STOP // 8] = 1
        self._wake(self.board)
        first = team.THREADS // 8
        for thread in self._words[first : first + self._words[team.HELPERS // 8]].tolist():
            self._c.pthread_join(ctypes.c_void_p(thread), None)

    def leave(self) -> None:
        """In a child: the helpers have stayed behind."""
        atexit.unregister(self._stop)


# The team of this process, once there is one.
_TEAMS: list[Team] = []


def _leave() -> None:
    for found in _TEAMS:
        found.leave()
    _TEAMS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave)


def _team(isa: Isa) -> Team:
    with LOCK:
        if not _TEAMS:
            _TEAMS.append(Team(isa))
    return _TEAMS[0]


def meet(isa: Isa, helpers: int) -> tuple[int, int]:
    """The board at which so many helpers wait, and the address of `team.launch`."""
    found = _team(isa)
    if found.asked < helpers:
        found.grow(helpers)
    return found.board, library.address(isa, ("launch",))


def run(isa: Isa, count: int, *batch: int) -> None:
    """Call a kernel with each of `count` blocks, on as many threads.

    `batch` are addresses: of a list of those of the blocks, of the kernel, of the array that it reads and of that which
    it writes.
    """
    found = _TEAMS[0] if _TEAMS else None if _LACKING else _team_or_none(isa)
    if found is None:
        blocks, kernel, *arrays = batch
        for block in (ctypes.c_int64 * count).from_address(blocks):
            engine.KERNEL(kernel)(block, *arrays)
        return
    if found.asked < count - 1:
        found.grow(count - 1)
    found.launch(found.board, count, *batch)


# Why no team can be had here, once that is known: a process may give up executable memory after its first kernels.
_LACKING: list[Unsupported] = []


def _team_or_none(isa: Isa) -> Team | None:
    try:
        return _team(isa)
    except Unsupported as error:
        _LACKING.append(error)
        _LOG.debug("no threads beside the one that calls: %s", error)
        return None
