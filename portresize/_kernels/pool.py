"""Threads that run kernels beside the one that calls.

They live outside of the interpreter, and never wait for it. A caller waits for no helper that has not begun, but does
its part too.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from portresize._kernels.llvm import engine, library, team

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        asked: How many helpers were asked for; there may be fewer.
    """

    def __init__(self, isa: Isa) -> None:
        memory = np.zeros(team.SIZE // 8 + 8, np.int64)
        self._words = memory[-memory.ctypes.data % 64 // 8 :]
        self.board = self._words.ctypes.data
        self._c = c = ctypes.CDLL(None)
        for init, place in ((c.pthread_mutex_init, team.MUTEX), (c.pthread_cond_init, team.CONDITION)):
            init(ctypes.c_void_p(self.board + place), None)
        one, all_ = (ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * n) for n in (1, 6))
        self._serve = library.address(isa, ("serve",))
        self._wake, self.launch = one(library.address(isa, ("wake",))), all_(library.address(isa, ("launch",)))
        self.asked = 0
        self._threads: list[ctypes.c_void_p] = []
        atexit.register(self._stop)

    def grow(self, number: int) -> None:
        """Have so many helpers, or as many as can be had.

        Threads of the C library: those of Python may be none, where something has put others in their place.
        """
        with library.LOCK, _no_signals():
            while len(self._threads) < number:
                thread = ctypes.c_void_p()
                serve, board = ctypes.c_void_p(self._serve), ctypes.c_void_p(self.board)
                if self._c.pthread_create(ctypes.byref(thread), None, serve, board):
                    break
                self._threads.append(thread)
                self._words[team.HELPERS // 8] = len(self._threads)
            self.asked = max(self.asked, number)

    def _stop(self) -> None:
        """Before the interpreter takes down the code that helpers run."""
        self._words[team.STOP // 8] = 1
        self._wake(self.board)
        for thread in self._threads:
            self._c.pthread_join(thread, None)

    def leave(self) -> None:
        """In a child: the helpers have stayed behind."""
        atexit.unregister(self._stop)


# A fault in a thread is its own.
_OWN = {
    getattr(signal, name, None) for name in ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS")
}


@contextmanager
def _no_signals() -> Iterator[None]:
    """Threads that begin in here leave signals to others, whose system calls they are to interrupt."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # A handler may run, and raise, as soon as this is asked for.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - _OWN)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# The team of this process, once there is one.
_TEAMS: list[Team] = []


def _leave() -> None:
    for found in _TEAMS:
        found.leave()
    _TEAMS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave)


def _team(isa: Isa) -> Team:
    with library.LOCK:
        if not _TEAMS:
            _TEAMS.append(Team(isa))
    return _TEAMS[0]


def run(isa: Isa, count: int, *batch: int) -> None:
    """Call a kernel with each of `count` blocks, on as many threads.

    `batch` are addresses: of a list of those of the blocks, of the kernel, of the array that it reads and of that which
    it writes.
    """
    found = _TEAMS[0] if _TEAMS else _team(isa)
    if found.asked < count - 1:
        found.grow(count - 1)
    found.launch(found.board, count, *batch)
