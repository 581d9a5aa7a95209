"""Kernels by what they do, generated when first asked for and kept."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import TYPE_CHECKING

from portresize._kernels.llvm import bands, blocks, pixels, team
from portresize._kernels.llvm.engine import Library
from portresize._kernels.llvm.ir import Module
from portresize._kernels.llvm.passes import Arithmetic, Passes
from portresize._kernels.llvm.u8 import Bytes
from portresize._kernels.llvm.wide import Doubles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portresize._kernels.llvm.isa import Isa

# What a kernel is asked for by: its name and what it is specialised to.
Key = tuple[str | int, ...]

# LLVM must not be entered by two threads at once.
_LOCK = threading.Lock()


def _unlock() -> None:
    """In a child: whoever held the lock when it was forked has stayed behind."""
    global _LOCK  # noqa: PLW0603
    _LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


def arithmetic(isa: Isa, kind: str, n_bands: int) -> Arithmetic:
    """How samples of a kind are computed with."""
    return Bytes(isa, n_bands) if kind == "u8" else Doubles(isa, n_bands, kind)


def write(isa: Isa, key: Key) -> Module:
    """The module of a kernel."""
    module = Module(32 * isa.lanes)
    match key:
        case ("resize", str(order), str(kind), int(n)):
            Passes(module, arithmetic(isa, kind, n), order)
        case ("gather", int(unit)):
            pixels.gather(module, unit)
        case ("scatter", int(unit)):
            pixels.scatter(module, unit)
        case ("take", int(unit)):
            pixels.take(module, unit)
        case ("move",):
            pixels.move(module, isa)
        case ("premultiply", int(n)):
            bands.fetch(module, isa, "premultiply", n)
        case ("unpremultiply", int(n)):
            bands.emit(module, isa, "unpremultiply", n)
        case ("flip", "fetch"):
            bands.fetch(module, isa, "flip", 3)
        case ("flip", "emit"):
            bands.emit(module, isa, "flip", 3)
        case ("reduce", str(kind), int(n)):
            blocks.reduce(module, isa, kind, n)
        case ("serve",):
            team.serve(module, isa)
        case ("launch",):
            team.launch(module, isa)
        case _:
            msg = f"no such kernel: {key}"
            raise KeyError(msg)
    return module


def name_of(key: Key) -> str:
    """What the function is called in the module."""
    return f"resize_{key[1]}" if key[0] == "resize" else str(key[0])


@cache
def _library(isa: Isa, key: Key) -> Library:
    return Library(str(write(isa, key)), isa)


def address(isa: Isa, key: Key) -> int:
    """Where the kernel is, for this process to call.

    Raises:
        RuntimeError: LLVM cannot generate it here.
    """
    with _LOCK:
        return _library(isa, key).address(name_of(key))


def every_key() -> Iterator[Key]:
    """All kernels there are."""
    for n in (1, 2, 3, 4):
        for order in ("WH", "HW", "W", "H"):
            yield from (("resize", order, kind, n) for kind in ("u8", "u16", "u16-bytes", "i32", "f32", "f64"))
        yield from (("reduce", kind, n) for kind in ("u8", "i32", "f32", "f64"))
    for unit in UNITS:
        yield from (("gather", unit), ("scatter", unit), ("take", unit))
    yield from (("move",), ("flip", "fetch"), ("flip", "emit"), ("serve",), ("launch",))
    yield from ((act, n) for act in ("premultiply", "unpremultiply") for n in (2, 4))


UNITS = sorted({item * n for item in (1, 2, 4, 8) for n in (1, 2, 3, 4)})
"""Bytes of what pixel kernels move at once: samples, or pixels of up to four."""
