"""Kernels by what they do, generated when first asked for and kept."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from portresize._core.floating import DefaultState
from portresize._core.fork import LOCK
from portresize._kernels.llvm import averages, bands, blocks, halves, lookup, pixels, team
from portresize._kernels.llvm.address import FunctionAddress, Key
from portresize._kernels.llvm.engine import Library
from portresize._kernels.llvm.errors import result_of
from portresize._kernels.llvm.ir import Module
from portresize._kernels.llvm.passes import Arithmetic, Passes
from portresize._kernels.llvm.u8 import Bytes
from portresize._kernels.llvm.wide import ELEMENTS, Doubles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portresize._kernels.llvm.isa import Isa

ORDERS = ("WH", "HW", "W", "H")
KINDS = ("u8", *ELEMENTS)
UNITS = sorted({item * n for item in (1, 2, 4, 8, 16) for n in (1, 2, 3, 4)})
"""Bytes of what is moved at once: samples, or pixels of up to four."""


def arithmetic(isa: Isa, kind: str, n_bands: int) -> Arithmetic:
    """How samples of a kind are computed with."""
    return Bytes(isa, n_bands) if kind == "u8" else Doubles(isa, n_bands, kind)


def _resize(order: str, module: Module, isa: Isa, kind: str, n_bands: int) -> None:
    Passes(module, arithmetic(isa, kind, n_bands), order)


_WRITERS: dict[str, Callable[..., Any]] = {
    **{f"resize_{order}": partial(_resize, order) for order in ORDERS},
    "reduce": blocks.reduce,
    "premultiply": partial(bands.fetch, "premultiply"),
    "unpremultiply": partial(bands.emit, "unpremultiply"),
    "flip_before": partial(bands.fetch, "flip_before"),
    "flip_after": partial(bands.emit, "flip_after"),
    "gather": pixels.gather,
    "scatter": pixels.scatter,
    "take": pixels.take,
    "lookup": lookup.lookup,
    "average": averages.average,
    "halve": halves.halve,
    "part": halves.part,
    "move": pixels.move,
    "serve": team.serve,
    "start": team.start,
    "launch": team.launch,
    "wake": team.wake,
}


def every_key() -> Iterator[Key]:
    """All functions there are."""
    for n in (1, 2, 3, 4):
        yield from ((f"resize_{order}", kind, n) for order in ORDERS for kind in KINDS)
        for kind in ("u8", "i32", "f32", "f64", "i16", "u32"):
            found = {blocks.together(kind, n, m) for m in range(blocks.MOST_TOGETHER + 1)}
            yield from (("reduce", kind, n, m) for m in sorted(found))
    yield from ((act, n) for act in ("premultiply", "unpremultiply") for n in (2, 4))
    yield from ((act, 3) for act in ("flip_before", "flip_after"))
    yield from ((move, unit) for move in ("gather", "scatter", "take") for unit in UNITS)
    for pieces in range(1, lookup.MOST_PIECES + 1):
        yield from ((name, pieces) for name in ("lookup", "average"))
        yield from (("halve", how, pieces) for how in halves.HOW if pieces <= halves.MOST_PIECES)
    yield from (("part", how, n) for how in halves.HOW for n in (1, 2, 4))
    yield from ((name,) for name in ("move", "serve", "start", "launch", "wake"))


def exists(isa: Isa, key: Key) -> bool:
    """Return whether a level has a function: without an instruction for it, nothing is looked up."""
    return key[0] not in {"lookup", "average", "halve", "part"} or isa.lookup > 0


def write(isa: Isa, key: Key) -> Module:
    """The module that holds a function, and what that needs."""
    name, *specialised = key
    module = Module(32 * isa.lanes)
    _WRITERS[str(name)](module, isa, *specialised)
    return module


@cache
@DefaultState()
def _library(isa: Isa, key: Key) -> Library:
    return Library(str(write(isa, key)), isa)


def address(isa: Isa, key: Key) -> FunctionAddress:
    """Where a function is, for this process to call.

    Raises:
        Unsupported: LLVM cannot generate it here.
    """
    # LLVM must not be entered by two threads at once. The same one may enter it again, from a signal handler.
    with LOCK:
        return FunctionAddress(result_of(lambda: _library(isa, key).address(str(key[0]))), key)
