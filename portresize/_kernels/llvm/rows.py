"""Where kernels get rows from and put them: straight from and to an array, or by way of functions that change them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from portresize._kernels.llvm.ir import I8, I32, I64, PTR, vector

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
            self.make(first, count, x["fetched"].pointer())
        direct = self._source.at(first * x["source_stride"])
        return is_made.select(x["fetched"].pointer(), direct), is_made.select(x["fetched_stride"], x["source_stride"])

    def make(self, first: Value, count: Value, rows: Value) -> None:
        """Let `fetch`, which must not be 0, make `count` rows from `first` on."""
        x = self._x
        self._f.call(x["fetch"].pointer(), [x["fetch_block"].pointer(), self._source, first, count, rows])

    def chosen(self, out: Value) -> tuple[Value, Value]:
        """The row of the source that `row_index` names for output row `out`; whether it was that of the one before."""
        x = self._x
        index = x["row_index"].pointer().at(out * 4)
        is_later = out > x["first_out"]
        row, before = (
            index.at(is_later.select(at, 0)).load(I32).cast("sext", I64)
            for at in (self._f.number(0), self._f.number(-4))
        )
        return row, row.equals(before) & is_later

    def following(self, out: Value) -> Value:
        """Address of the row of the source that the output row after `out` has; for prefetching, which never faults."""
        x = self._x
        index = x["row_index"].pointer().at((out + 1).min(x["stop_out"] - 1) * 4)
        return self._source.at(index.load(I32).cast("sext", I64) * x["source_stride"])

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


def inner_rows(f: Function, x: dict[str, Value], source: Value, first: Value, count: Value) -> tuple[Value, Value]:
    """Address and stride of some rows, in a function that makes rows of others: those of `inner`, or of the source."""
    is_made = x["inner"].equals(0) ^ 1
    with f.when(is_made):
        f.call(x["inner"].pointer(), [x["inner_block"].pointer(), source, first, count, x["held"].pointer()])
    start = is_made.select(x["held"].pointer(), source.at(first * x["row_stride"]))
    return start, is_made.select(x["held_stride"], x["row_stride"])


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


def copy_row(module: Module, isa: Isa) -> Function:
    """Bytes, any number of them: `(to, from, count)`."""
    few = copy(module)
    f = module.function("copy_row", [PTR, PTR, I64])
    target, source, count = f.parameters
    size = 4 * isa.lanes
    whole = vector(I8, size)
    many = count & -(4 * size)
    with f.loop(many, step=4 * size) as loop:
        values = [source.at(loop.index + size * i).load(whole) for i in range(4)]
        for i, value in enumerate(values):
            target.at(loop.index + size * i).store(value)
    is_long = count >= size
    with f.when(is_long):
        with f.loop(count - (size - 1), start=many, step=size) as loop:
            target.at(loop.index).store(source.at(loop.index).load(whole))
        # Again what the last vector shares with the one before.
        target.at(count - size).store(source.at(count - size).load(whole))
    with f.when(is_long ^ 1):
        f.call(few, [target, source, count])
    return f
