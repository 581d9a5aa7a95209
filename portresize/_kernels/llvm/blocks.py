"""Averages of whole blocks, `Image.reduce`.

Source: Pillow 13.0.0, src/libImaging/Reduce.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import F64, I8, I32, I64, PTR, vector
from portresize._kernels.llvm.wide import ELEMENTS, half_away

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Function, Module, Value
    from portresize._kernels.llvm.isa import Isa

# Rows come from `inner`, if not 0, into the buffer `held`, or else from the source, `row_stride` apart. `factors`, one
# for whole blocks, then for those cut off on the right, below, and both: what sums are multiplied with. Of the source
# there are `height` rows of `width` pixels. `sums` is a buffer.
REDUCE = Fields(
    *("inner", "inner_block", "held", "held_stride", "row_stride", "dense_stride"),
    *("height", "width", "vertical", "horizontal", "factors", "sums"),
)


def reduce(module: Module, isa: Isa, kind: str, bands: int) -> None:
    """`reduce`, as `rows.ENDS` has it of `fetch`: rows of averages."""
    f = module.function("reduce", [PTR, PTR, I64, I64, PTR], exported=True)
    block, source, first, count, rows = f.parameters
    x = REDUCE.read(block)
    is_made = x["inner"].equals(0) ^ 1

    def fetch(row: Value, n: Value) -> tuple[Value, Value]:
        with f.when(is_made):
            f.call(x["inner"].pointer(), [x["inner_block"].pointer(), source, row, n, x["held"].pointer()])
        start = is_made.select(x["held"].pointer(), source.at(row * x["row_stride"]))
        return start, is_made.select(x["held_stride"], x["row_stride"])

    with f.loop(count) as out:
        top = (first + out.index) * x["vertical"]
        rest = x["height"] - top
        is_low = rest < x["vertical"]
        n = rest.min(x["vertical"])
        target = rows.at(out.index * x["dense_stride"])
        add = _add_bytes if kind == "u8" else _add_groups
        add(f, x, isa, (kind, bands), fetch, (top, n, is_low))
        with f.loop((x["width"] + x["horizontal"] - 1) // x["horizontal"]) as column:
            left = column.index * x["horizontal"]
            beyond = x["width"] - left
            m = beyond.min(x["horizontal"])
            case = is_low.select(2, f.number(0)) + (beyond < x["horizontal"]).select(1, f.number(0))
            factor = x["factors"].pointer().at(case * 8)
            for band in range(bands):
                at = column.index * bands + band
                if kind == "u8":
                    sums = x["sums"].pointer().at(left * (4 * bands) + 4 * band)
                    with f.loop(m, f.number(0, I32)) as each:
                        each.next(each.carried[0] + sums.at(each.index * (4 * bands)).load(I32))
                    half = (n * m).logical_shift(1).cast("trunc", I32)
                    mean = ((each.carried[0] + half) * factor.load(I32)).logical_shift(24)
                    target.at(at).store(mean.cast("trunc", I8))
                    continue
                mean = x["sums"].pointer().at(at * 8).load(F64) * factor.load(F64)
                item = {"f64": 8}.get(kind, 4)
                result = half_away(mean) if kind == "i32" else mean.cast("fptrunc", ELEMENTS[kind])
                target.at(at * item).store(result)


def _add_bytes(f: Function, x: dict[str, Value], isa: Isa, what: tuple[str, int], fetch, rows) -> None:
    """Rows of bytes added up, column by column, as int32."""
    bands, (top, n, _), sums = what[1], rows, x["sums"].pointer()
    size = x["width"] * bands
    whole = size // isa.lanes * isa.lanes
    with f.loop(size) as column:
        sums.at(column.index * 4).store(f.number(0, I32))
    with f.loop(n) as row:
        here, _ = fetch(top + row.index, f.number(1))
        for type_, start, stop in ((vector(I8, isa.lanes), 0, whole), (I8, whole, size)):
            step = isa.lanes if start == 0 else 1
            with f.loop(stop, start=start, step=step) as column:
                value = here.at(column.index).load(type_).cast("zext", I32)
                total = sums.at(column.index * 4)
                total.store(total.load(value.type) + value)


def _add_groups(f: Function, x: dict[str, Value], isa: Isa, what: tuple[str, int], fetch, rows) -> None:  # noqa: ARG001
    """Samples added up block by block, as doubles.

    In whole blocks, Pillow first adds pairs of columns of a pair of rows, left to right, in the type of the samples.
    """
    (kind, bands), (top, n, is_low), sums = what, rows, x["sums"].pointer()
    element = ELEMENTS[kind]
    item = {"f64": 8}.get(kind, 4)
    widen = "sitofp" if kind == "i32" else "fpext"
    outputs = (x["width"] + x["horizontal"] - 1) // x["horizontal"]
    with f.loop(outputs * bands) as each:
        sums.at(each.index * 8).store(f.number(0, F64))
    with f.loop(n, step=2) as row:
        pair = (n - row.index).min(2)
        is_pair = pair.equals(2)
        upper, stride = fetch(top + row.index, pair)
        lower = is_pair.select(upper.at(stride), upper)
        with f.loop(outputs) as column, f.loop(f.number(bands)) as band:
            left = column.index * x["horizontal"]
            m = (x["width"] - left).min(x["horizontal"])
            is_whole = (is_low | (m < x["horizontal"])) ^ 1
            total = sums.at((column.index * bands + band.index) * 8)

            def sample(line: Value, i: Value, left: Value = left, band: Value = band.index) -> Value:
                return line.at(((left + i) * bands + band) * item).load(element)

            even = m & -2
            with f.when(is_whole):
                with f.loop(even, total.load(F64), step=2) as columns:
                    i = columns.index
                    group = sample(upper, i) + sample(upper, i + 1)
                    both = group + sample(lower, i) + sample(lower, i + 1)
                    columns.next(columns.carried[0] + is_pair.select(both, group).cast(widen, F64))
                total.store(columns.carried[0])
                with f.when((m & 1).equals(1)):
                    one = sample(upper, even)
                    both = one + sample(lower, even)
                    total.store(total.load(F64) + is_pair.select(both, one).cast(widen, F64))
            with f.when(is_whole ^ 1), f.loop(pair) as line:
                here = line.index.equals(0).select(upper, lower)
                with f.loop(m, total.load(F64)) as columns:
                    columns.next(columns.carried[0] + sample(here, columns.index).cast(widen, F64))
                total.store(columns.carried[0])
