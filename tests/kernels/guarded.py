"""Arrays between pages that must not be touched, and a program that resizes such arrays until one is.

    python -m tests.kernels.guarded avx2 above 1

prints each case before it runs; a read or write beyond an array kills the process.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from functools import partial
from typing import Any

import numpy as np

from portresize._core.spec import Spec
from portresize._kernels.llvm.isa import LEVELS, Isa
from tests.kernels.programs import KINDS, Kind, expected, run

_PAGE = mmap.PAGESIZE
_LIBC = ctypes.CDLL(None, use_errno=True)
_KEPT: list[mmap.mmap] = []


def guarded(shape: tuple[int, ...], dtype: Any, *, side: str) -> np.ndarray:
    """An array that ends where a page begins that must not be touched, or for "below" begins where one ends."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    inside = -(-size // _PAGE) * _PAGE
    memory = mmap.mmap(-1, inside + 2 * _PAGE)
    _KEPT.append(memory)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for page in (address, address + _PAGE + inside):
        if _LIBC.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(_PAGE), 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    first = _PAGE + (inside - size if side == "above" else 0)
    return np.frombuffer(memory, dtype, int(np.prod(shape)), first).reshape(shape)


def check(x: np.ndarray, spec: Spec, kind: Kind, isa: Isa, side: str) -> None:
    """Resize between guards: source, target and scratch; the source read-only, and also upside down and with gaps."""
    print(kind, x.shape, spec, flush=True)
    wanted = expected(x, spec)
    allocate = partial(guarded, side=side)
    # Scratch is read as a whole: what it ends with has to be right in front of the upper guard.
    source = allocate(x.shape, x.dtype)
    source[...] = x
    source.setflags(write=False)
    assert (run(source, spec, kind, isa, allocate=allocate) == wanted).all()
    height, width = x.shape[:2]
    if height > 1 and width > 1:
        # The last pixel in memory is one that is read.
        flat = allocate((height * 2 - 1, width * 2 - 1, *x.shape[2:]), x.dtype)
        for view in (flat[::2, ::2], flat[::-2, ::-2]):
            view[...] = x
            assert (run(view, spec, kind, isa, allocate=allocate) == wanted).all()
    for memory in _KEPT:
        memory.close() if sys.getrefcount(memory) <= 2 else None
    _KEPT.clear()


def cases(kind: Kind, step: int) -> list[tuple[np.ndarray, Spec]]:
    """Widths from 1 to 70 and some heights, one pass and two in either order, up and down, and all else there is."""
    found = []
    for width in range(1, 71, step):
        height = (1, 3, 17, 40)[width % 4]
        x = kind.noise(height, width)
        tall = kind.noise(150, width)
        found += [
            (x, kind.spec((7, 9), "lanczos")),
            (x, kind.spec((height, max(1, width * 2 // 3)))),
            (x, kind.spec((height + 5, width))),
            (tall, kind.spec((11, 9), "box")),
            (tall, kind.spec((75, max(1, width // 2)), "box")),
            (x, kind.spec((height * 2 + 1, width * 2 + 1), "nearest")),
            (x, kind.spec((2, max(1, width * 2 // 5)), "nearest")),
        ]
        if kind.samples != "u16":
            found += [
                (x, Spec("HWC" if kind.bands > 1 else "HW", kind.mode, "pillow-13", factor=(2, 3))),
                (x, Spec("HWC" if kind.bands > 1 else "HW", kind.mode, "pillow-13", factor=(3, 2))),
                (tall, Spec("HWC" if kind.bands > 1 else "HW", kind.mode, "pillow-13", factor=(2, 2))),
                (tall, kind.spec((10, max(1, width // 8)), reducing_gap=1.0)),
            ]
        if height > 4 and width > 4:
            for box in ((0.0, 0.0, 2.5, 2.5), (width - 2.5, height - 2.5, float(width), float(height))):
                found += [(x, kind.spec((5, 6), box=box))]
    return found


def main(level: str, side: str, step: str) -> None:
    """All cases of all kinds at one level, or of every third or so width."""
    for kind in KINDS:
        for x, spec in cases(kind, int(step)):
            check(x, spec, kind, LEVELS[level], side)


if __name__ == "__main__":
    if sys.argv[1] == "fault":
        ctypes.string_at(
            guarded((1,), np.uint8, side=sys.argv[2]).ctypes.data + {"above": 1, "below": -1}[sys.argv[2]], 1
        )
    else:
        main(*sys.argv[1:])
