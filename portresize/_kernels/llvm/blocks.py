"""Averages of whole blocks, `Image.reduce`.

Source: Pillow 13.0.0, src/libImaging/Reduce.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import F64, I8, I32, I64, PTR, bits_of, vector
from portresize._kernels.llvm.rows import inner_rows
from portresize._kernels.llvm.wide import ELEMENTS, rounded, widened

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Module, Value
    from portresize._kernels.llvm.isa import Isa

# Rows come from `inner`, if not 0, into the buffer `held`, or else from the source, `row_stride` apart. `factors`: what
# sums are multiplied with, of whole blocks and then of those cut off on the right, below, and both. Of the source there
# are `height` rows of `width` pixels. `sums` is a buffer.
REDUCE = Fields(
    *("inner", "inner_block", "held", "held_stride", "row_stride", "dense_stride"),
    *("height", "width", "vertical", "horizontal", "factors", "sums"),
)


def reduce(module: Module, isa: Isa, kind: str, bands: int) -> None:
    """`reduce`, as `rows.ENDS` has it of `fetch`: rows of averages."""
    _Bytes(module, isa, kind, bands) if kind == "u8" else _Wide(module, isa, kind, bands)


class _Averages:
    """The function; what differs from kind to kind, its subclasses write."""

    def __init__(self, module: Module, isa: Isa, kind: str, bands: int) -> None:
        self.f = f = module.function("reduce", [PTR, PTR, I64, I64, PTR], exported=True)
        self.isa, self.kind, self.bands = isa, kind, bands
        block, self.source, first, count, rows = f.parameters
        self.x = x = REDUCE.read(block)
        self.sums = x["sums"].pointer()
        self.outputs = (x["width"] + x["horizontal"] - 1) // x["horizontal"]
        with f.loop(count) as out:
            self.top = (first + out.index) * x["vertical"]
            left_over = x["height"] - self.top
            self.n, self.is_low = left_over.min(x["vertical"]), left_over < x["vertical"]
            self.add_rows()
            target = rows.at(out.index * x["dense_stride"])
            with f.loop(self.outputs) as column:
                left = column.index * x["horizontal"]
                beyond = x["width"] - left
                m, is_narrow = beyond.min(x["horizontal"]), beyond < x["horizontal"]
                case = self.is_low.select(2, f.number(0)) + is_narrow.select(1, f.number(0))
                factor = x["factors"].pointer().at(case * 8)
                for band in range(bands):
                    at = column.index * bands + band
                    mean = self.mean(at, left * bands + band, m, factor)
                    target.at(at * (bits_of(mean.type) // 8)).store(mean)

    def rows(self, first: Value, count: Value) -> tuple[Value, Value]:
        """Address and stride of one row or two."""
        return inner_rows(self.f, self.x, self.source, first, count)

    def add_rows(self) -> None:
        """Add the `n` rows from `top` on to `sums`."""
        raise NotImplementedError

    def mean(self, at: Value, first: Value, m: Value, factor: Value) -> Value:
        """Sample `at` of the result: the average of `m` samples of every row, of which the first is `first`."""
        raise NotImplementedError


class _Bytes(_Averages):
    """8-bit samples: sums of columns as int32, which may wrap."""

    def add_rows(self) -> None:
        f, lanes = self.f, self.isa.lanes
        size = self.x["width"] * self.bands
        whole = size // lanes * lanes
        with f.loop(size) as column:
            self.sums.at(column.index * 4).store(f.number(0, I32))
        with f.loop(self.n) as row:
            here, _ = self.rows(self.top + row.index, f.number(1))
            for type_, start, stop, step in ((vector(I8, lanes), f.number(0), whole, lanes), (I8, whole, size, 1)):
                with f.loop(stop, start=start, step=step) as column:
                    value = here.at(column.index).load(type_).cast("zext", I32)
                    total = self.sums.at(column.index * 4)
                    total.store(total.load(value.type) + value)

    def mean(self, at: Value, first: Value, m: Value, factor: Value) -> Value:  # noqa: ARG002  sums are of columns
        column = self.sums.at(first * 4)
        with self.f.loop(m, self.f.number(0, I32)) as each:
            each.next(each.carried[0] + column.at(each.index * (4 * self.bands)).load(I32))
        half = (self.n * m).logical_shift(1).cast("trunc", I32)
        return ((each.carried[0] + half) * factor.load(I32)).logical_shift(24).cast("trunc", I8)


class _Wide(_Averages):
    """Other samples: sums of blocks as doubles.

    In whole blocks, Pillow first adds pairs of columns of a pair of rows, left to right, in the type of the samples.
    """

    def add_rows(self) -> None:
        f, x = self.f, self.x
        with f.loop(self.outputs * self.bands) as each:
            self.sums.at(each.index * 8).store(f.number(0, F64))
        with f.loop(self.n, step=2) as row:
            pair = (self.n - row.index).min(2)
            upper, stride = self.rows(self.top + row.index, pair)
            lower = pair.equals(2).select(upper.at(stride), upper)
            with f.loop(self.outputs) as column, f.loop(f.number(self.bands)) as band:
                left = column.index * x["horizontal"]
                m = (x["width"] - left).min(x["horizontal"])
                is_whole = (self.is_low | (m < x["horizontal"])) ^ 1
                total = self.sums.at((column.index * self.bands + band.index) * 8)
                first = (left * self.bands + band.index) * self._item
                with f.when(is_whole):
                    self._add_groups(total, upper.at(first), lower.at(first), m, pair.equals(2))
                with f.when(is_whole ^ 1), f.loop(pair) as line:
                    self._add_singles(total, line.index.equals(0).select(upper, lower).at(first), m)

    def mean(self, at: Value, first: Value, m: Value, factor: Value) -> Value:  # noqa: ARG002  sums are of blocks
        mean = self.sums.at(at * 8).load(F64) * factor.load(F64)
        return rounded(mean, self.kind)

    @property
    def _element(self) -> str:
        return ELEMENTS[self.kind]

    @property
    def _item(self) -> int:
        return bits_of(self._element) // 8

    def _sample(self, line: Value, column: Value) -> Value:
        sample = line.at(column * (self._item * self.bands)).load(self._element)
        # Integers that Pillow does not average are added as doubles.
        return widened(sample, self.kind) if self.kind in {"i16", "u32"} else sample

    def _widened(self, value: Value) -> Value:
        return widened(value, self.kind)

    def _add_groups(self, total: Value, upper: Value, lower: Value, m: Value, is_pair: Value) -> None:
        """Pairs of columns of one row or two, and the last column where it has no partner."""
        f, even = self.f, m & -2
        with f.loop(even, total.load(F64), step=2) as columns:
            i = columns.index
            one = self._sample(upper, i) + self._sample(upper, i + 1)
            both = one + self._sample(lower, i) + self._sample(lower, i + 1)
            columns.next(columns.carried[0] + self._widened(is_pair.select(both, one)))
        total.store(columns.carried[0])
        with f.when((m & 1).equals(1)):
            one = self._sample(upper, even)
            both = one + self._sample(lower, even)
            total.store(total.load(F64) + self._widened(is_pair.select(both, one)))

    def _add_singles(self, total: Value, line: Value, m: Value) -> None:
        """The columns of one row."""
        with self.f.loop(m, total.load(F64)) as columns:
            columns.next(columns.carried[0] + self._widened(self._sample(line, columns.index)))
        total.store(columns.carried[0])
