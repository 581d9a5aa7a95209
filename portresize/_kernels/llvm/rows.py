"""Where kernels get rows from and put them: straight from and to an array, or by way of functions that change them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from portresize._kernels.llvm.ir import I8, I64, PTR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portresize._kernels.llvm.ir import Function, Module, Value
    from portresize._kernels.llvm.isa import Isa

# Fields of every kernel that reads and writes rows.
#
# `sources` and `targets` list where the first row of each item is, in bytes from what the kernel is called with: these
# are the two addresses that change from call to call. `fetch`, if not 0, is a function
# `(block, source, first row, count, rows)` that makes rows, `fetched_stride` bytes apart, in the buffer `fetched`.
# `emit`, if not 0, is a function `(block, target, first row, count, rows)` that takes finished rows from the buffer
# `emitted`.
ENDS = (
    *("items", "sources", "source_stride", "targets", "target_stride"),
    *("fetch", "fetch_block", "fetched", "fetched_stride", "emit", "emit_block", "emitted", "emitted_stride"),
)


KERNEL = (PTR, PTR, PTR)
"""Parameters of such a kernel: its block, and the first samples of the array that it reads and of the one it writes."""


def kernel(module: Module, isa: Isa, name: str) -> Function:
    """Begin the kernel `name`: a function of the parameters KERNEL that computes in the default floating-point state.

    Pillow's results are those of that state. The thread may have another one: XLA flushes subnormal numbers to 0, and
    helpers inherit the state of the thread that started them.
    """
    body = module.function(f"{name}_body", KERNEL)
    f = module.function(name, KERNEL, exported=True)
    with isa.default_floats(f):
        f.call(body, f.parameters)
    return body


class Ends:
    """The two ends of a kernel."""

    def __init__(self, f: Function, fields: dict[str, Value]) -> None:
        self._f, self._x = f, fields
        self._source = self._target = f.parameters[0]

    @contextmanager
    def items(self) -> Iterator[None]:
        """For each item."""
        _, source, target = self._f.parameters
        with self._f.loop(self._x["items"]) as item:
            at = item.index * 8
            self._source = source.at(self._x["sources"].pointer().at(at).load(I64))
            self._target = target.at(self._x["targets"].pointer().at(at).load(I64))
            yield

    def fetch(self, first: Value, count: Value) -> tuple[Value, Value]:
        """Address and stride of `count` rows from `first` on."""
        f, x = self._f, self._x
        is_made = x["fetch"].equals(0) ^ 1
        with f.when(is_made):
            f.call(
                x["fetch"].pointer(), [x["fetch_block"].pointer(), self._source, first, count, x["fetched"].pointer()]
            )
        direct = self._source.at(first * x["source_stride"])
        return is_made.select(x["fetched"].pointer(), direct), is_made.select(x["fetched_stride"], x["source_stride"])

    def rows(self, first: Value) -> tuple[Value, Value]:
        """Address and stride for finished rows from `first` on."""
        x = self._x
        is_taken = x["emit"].equals(0) ^ 1
        direct = self._target.at(first * x["target_stride"])
        return is_taken.select(x["emitted"].pointer(), direct), is_taken.select(x["emitted_stride"], x["target_stride"])

    def emit(self, first: Value, count: Value) -> None:
        """Hand over `count` finished rows, the first of which is `first`."""
        f, x = self._f, self._x
        with f.when(x["emit"].equals(0) ^ 1):
            f.call(x["emit"].pointer(), [x["emit_block"].pointer(), self._target, first, count, x["emitted"].pointer()])


def copy(module: Module) -> Function:
    """Bytes, fewer than a vector: `(to, from, count)`."""
    f = module.function("copy", [PTR, PTR, I64])
    target, source, count = f.parameters
    whole = count & -8
    with f.loop(whole, step=8) as loop:
        target.at(loop.index).store(source.at(loop.index).load(I64))
    with f.loop(count, start=whole) as loop:
        target.at(loop.index).store(source.at(loop.index).load(I8))
    return f
