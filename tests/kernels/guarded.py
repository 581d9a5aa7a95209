"""Memory between pages that must not be touched: arrays of any strides, and scratch with a guard for each buffer.

    python -m tests.kernels.guarded fault above

touches such a page, which kills the process.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal
from unittest import mock

import numpy as np

from portresize._kernels.llvm import program
from portresize._kernels.llvm.layout import Layout
from portresize._kernels.llvm.program import Program

Side = Literal["above", "below"]
PAGE = mmap.PAGESIZE
# New memory holds this, which is no sample by chance, and as a number far outside of every array.
JUNK = 0xA5
_LIBC = ctypes.CDLL(None, use_errno=True)
_KEPT: list[mmap.mmap] = []


def pages(size: int, guards: list[int]) -> np.ndarray:
    """Return `size` bytes of junk, whole pages; a guard lies before them, and instead of each page in `guards`."""
    memory = mmap.mmap(-1, PAGE + size)
    _KEPT.append(memory)
    content = np.frombuffer(memory, np.uint8)
    content[...] = JUNK
    for at in (-PAGE, *guards):
        if _LIBC.mprotect(ctypes.c_void_p(content.ctypes.data + PAGE + at), ctypes.c_size_t(PAGE), 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    return content[PAGE:]


def flat(size: int, side: Side) -> np.ndarray:
    """Return `size` bytes that end where a guard begins, or for "below" begin where one ends."""
    inside = _up(size, PAGE)
    memory = pages(inside + PAGE, [inside])
    return memory[inside - size : inside] if side == "above" else memory[:size]


def strided(shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any, side: Side) -> tuple[np.ndarray, np.ndarray]:
    """Return an array and the bytes it lies in, of which the first and the last belong to a sample."""
    reach = [(n - 1) * stride for n, stride in zip(shape, strides, strict=True)]
    first = -sum(min(n, 0) for n in reach)
    memory = flat(sum(map(abs, reach)) + np.dtype(dtype).itemsize, side)
    return np.ndarray(shape, dtype, memory.data, first, strides), memory


def guarded(shape: tuple[int, ...], dtype: Any, *, side: Side) -> np.ndarray:
    """Return an array without gaps."""
    return flat(math.prod(shape) * np.dtype(dtype).itemsize, side).view(dtype).reshape(shape)


class GuardedLayout(Layout):
    """A layout with a guard after each of its blocks and buffers."""

    def __init__(self, side: Side) -> None:
        super().__init__()
        self._side = side
        self.guards: list[int] = []
        self.buffers: list[tuple[int, int]] = []  # Where each is, and the bytes asked for.

    def buffer(self, size: int) -> int:
        """`Layout.buffer`; blocks hold words, and everything else may lie at any byte."""
        first, inside = self.size, _up(size, PAGE)
        self.guards.append(first + inside)
        self.size = first + inside + PAGE
        place = first + (inside - _up(size, 8) if self._side == "above" else 0)
        self.buffers.append((place, size))
        return place


@contextmanager
def guards(side: Side) -> Iterator[None]:
    """Programs that are made inside have a guard after each block and buffer; those before and after are closed."""
    with mock.patch.object(program, "Layout", partial(GuardedLayout, side)):
        yield
    for memory in _KEPT:
        # What still has a view of it is kept until the process ends.
        memory.close() if sys.getrefcount(memory) <= 2 else None
    _KEPT.clear()


def scratch(made: Program) -> np.ndarray:
    """Return memory for a run of a program that was made inside of `guards`."""
    layout = made._layout
    assert isinstance(layout, GuardedLayout)
    return pages(layout.size, layout.guards).view(np.int64)


def block_of(made: Program, memory: np.ndarray) -> int:
    """Return the address of the block of its kernel, which here is not the first thing in its memory."""
    return int(memory.ctypes.data + made._start)


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


if __name__ == "__main__":
    where: Side = "above" if sys.argv[2] == "above" else "below"
    ctypes.string_at(guarded((1,), np.uint8, side=where).ctypes.data + {"above": 1, "below": -1}[where], 1)
