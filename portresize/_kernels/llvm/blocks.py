"""Averages of whole blocks, `Image.reduce`.

Source: Pillow 13.0.0, src/libImaging/Reduce.c.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import F64, I8, I32, I64, PTR, UNDEFINED, bits_of, lanes_of, vector
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


MOST_TOGETHER = 8
"""Columns of a block that shuffles part into vectors of their own, in what Pillow averages; two in all else."""


def together(kind: str, bands: int, horizontal: int) -> int:
    """`horizontal` if blocks of so many columns are added side by side, or else 0."""
    most = 0 if kind == "u8" else MOST_TOGETHER if bands == 1 and kind in {"i32", "f32"} else 2
    return horizontal if 2 <= horizontal <= most else 0


def reduce(module: Module, isa: Isa, kind: str, bands: int, together: int) -> None:
    """`reduce`, as `rows.ENDS` has it of `fetch`: rows of averages, of blocks of `together` columns if not 0."""
    _Bytes(module, isa, kind, bands) if kind == "u8" else _Wide(module, isa, kind, bands, together)


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
            with f.loop(self.outputs, start=self.whole_means(target)) as column:
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
        """Address and stride of some rows; of no more than two if they are made."""
        return inner_rows(self.f, self.x, self.source, first, count)

    def add_rows(self) -> None:
        """Add the `n` rows from `top` on to `sums`."""
        raise NotImplementedError

    def whole_means(self, target: Value) -> Value:  # noqa: ARG002  none of them here
        """Write averages of whole blocks, many at once; how many pixels of them."""
        return self.f.number(0)

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

    def __init__(self, module: Module, isa: Isa, kind: str, bands: int, together: int) -> None:
        self._together = together
        super().__init__(module, isa, kind, bands)

    def add_rows(self) -> None:
        f, x = self.f, self.x
        # Rows that are made are made two by two; those of the source are all there.
        at_once = x["inner"].equals(0).select(self.n, f.number(2))
        whole = self.is_low.select(f.number(0), x["width"] // x["horizontal"])
        by_vector = self.isa.lanes // 2
        vectors = whole // by_vector * by_vector if self._together else f.number(0)
        with f.loop(self.n, step=at_once) as row:
            count = (self.n - row.index).min(at_once)
            start, stride = self.rows(self.top + row.index, count)
            if self._together:
                with f.loop(vectors, step=by_vector) as column:
                    at = column.index * self.bands
                    here = self.sums.at(at * 8)
                    old = here.load(vector(F64, by_vector * self.bands))
                    old = row.index.equals(0).select(f.number(0, old.type), old)
                    here.store(self._side_by_side(old, start.at(at * (self._together * self._item)), stride, count))
            # Samples of the result side by side, whose sums do not wait for each other.
            columns = max(1, 4 // self.bands)
            together = vectors + (whole - vectors) // columns * columns
            for step, begin, end in ((columns, vectors, together), (1, together, whole), (0, whole, self.outputs)):
                with f.loop(end, start=begin, step=max(step, 1)) as column:
                    totals, firsts = [], []
                    for i, band in product(range(max(step, 1)), range(self.bands)):
                        at = column.index + i
                        totals.append(self.sums.at((at * self.bands + band) * 8))
                        firsts.append(start.at((at * x["horizontal"] * self.bands + band) * self._item))
                    is_first = row.index.equals(0)
                    before = [is_first.select(0.0, total.load(F64)) for total in totals]
                    m = x["horizontal"] if step else (x["width"] - column.index * x["horizontal"]).min(x["horizontal"])
                    after = (self._pairs if step else self._singles)(before, firsts, stride, count, m)
                    for total, value in zip(totals, after, strict=True):
                        total.store(value)

    def whole_means(self, target: Value) -> Value:
        f, x, lanes = self.f, self.x, self.isa.doubles
        factor = x["factors"].pointer().at(self.is_low.select(16, f.number(0))).load(F64).splat(lanes)
        # A multiple of pixels that fills vectors whatever the bands.
        pixels = x["width"] // x["horizontal"] // lanes * lanes
        with f.loop(pixels * self.bands, step=lanes) as at:
            means = self.sums.at(at.index * 8).load(factor.type) * factor
            target.at(at.index * self._item).store(rounded(means, self.kind))
        return pixels

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
        return self._as_added(line.at(column * (self._item * self.bands)).load(self._element))

    def _as_added(self, samples: Value) -> Value:
        # Integers that Pillow does not average are added as doubles.
        return widened(samples, self.kind) if self.kind in {"i16", "u32"} else samples

    def _side_by_side(self, before: Value, first: Value, stride: Value, n: Value) -> Value:
        """Add the columns of pairs of rows, and of the last row where it has no partner, of blocks side by side."""
        even = n & -2
        with self.f.loop(even, before, step=2) as rows:
            upper = first.at(rows.index * stride)
            rows.next(self._by_columns(rows.carried[0], [upper, upper.at(stride)]))
        with self.f.loop(n, *rows.carried, start=even) as last:
            last.next(self._by_columns(last.carried[0], [first.at(even * stride)]))
        return last.carried[0]

    def _by_columns(self, sums: Value, lines: list[Value]) -> Value:
        """Add pairs of columns of some lines, and the last column where it has no partner."""
        type_ = vector(self._element, lanes_of(sums.type))
        offsets = [bits_of(type_) // 8 * i for i in range(self._together)]
        vectors = [[line.at(offset).load(type_) for offset in offsets] for line in lines]
        columns = [[self._as_added(column) for column in self._parted(line)] for line in vectors]
        for i in range(0, self._together, 2):
            (sums,) = self._added([sums], [_sum([value for line in columns for value in line[i : i + 2]])])
        return sums

    def _parted(self, vectors: list[Value]) -> list[Value]:
        """Each of the columns of blocks side by side, of as many columns as there are vectors."""
        n, lanes, bands = len(vectors), lanes_of(vectors[0].type), self.bands
        if n == 1:
            return vectors
        if n % 2 == 0:
            # Those of even places and those of odd ones, each parted again, take the fewest shuffles.
            pairs = list(zip(vectors[::2], vectors[1::2], strict=True))
            order = [at // bands * 2 * bands + at % bands for at in range(lanes)]
            even, odd = ([a.shuffle([at + i for at in order], b) for a, b in pairs] for i in (0, bands))
            return [column for both in zip(self._parted(even), self._parted(odd), strict=True) for column in both]
        return [self._column(vectors, i) for i in range(n)]

    def _column(self, vectors: list[Value], column: int) -> Value:
        """One of them, of each block: taken from one vector after the other."""
        n, lanes, bands = len(vectors), lanes_of(vectors[0].type), self.bands
        places = [(at // bands * n + column) * bands + at % bands for at in range(lanes)]
        found = vectors[0].shuffle([place if place < 2 * lanes else UNDEFINED for place in places], vectors[1])
        for number, others in enumerate(vectors[2:], 2):
            order = [lanes + place % lanes if place // lanes == number else at for at, place in enumerate(places)]
            found = found.shuffle(order, others)
        return found

    def _widened(self, value: Value) -> Value:
        return widened(value, self.kind)

    def _pairs(self, sums: list[Value], firsts: list[Value], stride: Value, n: Value, m: Value) -> list[Value]:
        """Add pairs of columns of pairs of rows, and of the last row where it has no partner."""
        even = n & -2
        with self.f.loop(even, *sums, step=2) as rows:
            upper = [first.at(rows.index * stride) for first in firsts]
            rows.next(*self._columns(rows.carried, [[line, line.at(stride)] for line in upper], m))
        with self.f.loop(n, *rows.carried, start=even) as last:
            last.next(*self._columns(last.carried, [[first.at(even * stride)] for first in firsts], m))
        return last.carried

    def _columns(self, sums: list[Value], blocks: list[list[Value]], m: Value) -> list[Value]:
        """Add pairs of columns of some lines of each block, and the last column where it has no partner."""
        even = m & -2
        for width, start, stop in ((2, self.f.number(0), even), (1, even, m)):
            with self.f.loop(stop, *sums, start=start, step=width) as columns:
                groups = [self._group(lines, columns.index, width) for lines in blocks]
                columns.next(*self._added(columns.carried, groups))
            sums = columns.carried
        return sums

    def _group(self, lines: list[Value], column: Value, width: int) -> Value:
        """Add samples from left to right and then downwards, in their own type."""
        return _sum([self._sample(line, column + i) for line in lines for i in range(width)])

    def _added(self, sums: list[Value], groups: list[Value]) -> list[Value]:
        return [total + self._widened(group) for total, group in zip(sums, groups, strict=True)]

    def _singles(self, sums: list[Value], firsts: list[Value], stride: Value, n: Value, m: Value) -> list[Value]:
        """Add the columns of one row after the other."""
        with self.f.loop(n, *sums) as rows:
            lines = [first.at(rows.index * stride) for first in firsts]
            with self.f.loop(m, *rows.carried) as columns:
                columns.next(*self._added(columns.carried, [self._sample(line, columns.index) for line in lines]))
            rows.next(*columns.carried)
        return rows.carried


def _sum(values: list[Value]) -> Value:
    """Values added in order."""
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
