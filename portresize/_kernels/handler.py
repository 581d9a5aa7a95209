"""The function of this process that XLA calls for a resize on the CPU."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from portresize._core.fork import LOCK
from portresize._kernels import pool
from portresize._kernels.llvm import engine, handler
from portresize._kernels.llvm.errors import result_of
from portresize._kernels.llvm.recipe import FUNCTIONS, recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._kernels.llvm.isa import Isa
    from portresize._kernels.llvm.program import Program

API = handler.API


class Handler:
    """The function, and what it finds at a place of its own.

    Attributes:
        isa: The level that it runs kernels of.
        address: Of the function.
    """

    def __init__(self, isa: Isa) -> None:
        """Generate it.

        Raises:
            Unsupported: LLVM cannot.
        """
        self.isa = isa
        self._provided = np.zeros(handler.FIRST_FUNCTION // 8 + len(FUNCTIONS), np.int64)
        with LOCK:
            text = str(handler.write(isa, self._provided.ctypes.data))
            self._library = result_of(lambda: engine.Library(text, isa))
            self.address = self._library.address("handle")

    def recipe(self, program: Program, *, leading: int, steps: tuple[int, int], threads: int) -> NDArray[np.int64]:
        """The numbers of `recipe.recipe`, which can then be run in this process."""
        threads = min(threads, pool.most())
        words, first = self._provided, handler.FIRST_FUNCTION // 8
        if threads > 1:
            words[handler.BOARD // 8], words[handler.LAUNCH // 8] = pool.meet(self.isa, threads - 1)
        made = recipe(program, leading=leading, steps=steps, threads=threads)
        for number, address in made.functions.items():
            words[first + number] = address
        return made.numbers

    def leave(self) -> None:
        """In a child: the helpers have stayed behind, and their board is no more."""
        self._provided[handler.LAUNCH // 8] = 0


# XLA keeps the address of the first for ever, so there is one of each level, and it stays.
_MADE: dict[Isa, Handler] = {}


def _leave() -> None:
    for found in _MADE.values():
        found.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave)


def of(isa: Isa) -> Handler:
    """The handler for a level.

    Raises:
        Unsupported: LLVM cannot generate it.
    """
    with LOCK:
        # A signal handler may have come in between.
        return _MADE.get(isa) or _MADE.setdefault(isa, Handler(isa))
