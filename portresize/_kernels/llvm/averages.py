"""Averages of whole blocks of 8-bit samples whose sums fit 16 bits: `Image.reduce`, many blocks at once.

Rows of a block are added first, sample by sample; then neighbours of a row of sums, and what is wanted of these is
looked up as `lookup` looks bytes up. Blocks at the right end that are cut off are added one by one.

Source: Pillow 13.0.0, src/libImaging/Reduce.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm import shapes
from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import I8, I16, I32, I64, PTR, vector
from portresize._kernels.llvm.rows import inner_rows

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Function, Module, Value
    from portresize._kernels.llvm.isa import Isa

# Rows come from `inner`, if not 0, into the buffer `held`, or else from the source, `row_stride` apart. There are
# `height` of them, of `size` bytes. Blocks have `vertical` rows, and `horizontal` pixels that are `tap` bytes apart
# among the 16-bit sums; `factors` are as in `blocks.REDUCE`, and `halves` what is added before. Sixteen-bit results of
# `whole` samples have `groups` of `starts` and `orders`, as `lookup.Table` has them; after them come `bands` more
# samples, averages of `left_over` pixels, if that is not 0. `sums` is a buffer.
AVERAGE = Fields(
    *("inner", "inner_block", "held", "held_stride", "row_stride", "dense_stride", "height", "size"),
    *("vertical", "horizontal", "tap", "factors", "sums", "whole", "groups", "starts", "orders", "bands", "left_over"),
)
MOST_SAMPLES = 257
"""Of a block, so that 255 times as much fits 16 bits."""
ROWS = 16
"""Rows that are added at once, at most."""


def average(module: Module, isa: Isa, pieces: int) -> None:
    """`average`, as `rows.ENDS` has it of `fetch`: rows of averages."""
    add = _add_rows(module, isa)
    f = module.function("average", [PTR, PTR, I64, I64, PTR], exported=True)
    block, source, first, count, rows = f.parameters
    x = AVERAGE.read(block)
    sums = x["sums"].pointer()
    with f.loop(count) as out:
        top = (first + out.index) * x["vertical"]
        below = x["height"] - top
        n, is_low = below.min(x["vertical"]), below < x["vertical"]
        with f.loop(n, step=ROWS) as batch:
            some = (n - batch.index).min(ROWS)
            start, stride = inner_rows(f, x, source, top + batch.index, some)
            f.call(add, [start, stride, some, x["size"], sums, batch.index.equals(0)])
        factors = is_low.select(x["factors"].pointer().at(16), x["factors"].pointer())
        target = rows.at(out.index * x["dense_stride"])
        scale = factors.load(I64), (n * x["horizontal"]).logical_shift(1)
        _whole_blocks(isa, pieces, x, target, scale)
        with f.when(x["left_over"] > 0), f.loop(x["bands"]) as band:
            at = x["whole"] + band.index
            here = sums.at((x["whole"] * x["horizontal"] + band.index) * 2)
            with f.loop(x["left_over"], f.number(0)) as each:
                each.next(each.carried[0] + here.at(each.index * x["tap"]).load(I16).cast("zext", I64))
            half = (n * x["left_over"]).logical_shift(1)
            mean = ((each.carried[0] + half) * factors.at(8).load(I64)).logical_shift(24)
            target.at(at).store(mean.cast("trunc", I8))


def _whole_blocks(isa: Isa, pieces: int, x: dict[str, Value], target: Value, scale: tuple[Value, Value]) -> None:
    """A row of averages of whole blocks; `scale` is their factor, and what is added to sums before."""
    f, size, lanes = target.function, isa.lookup, isa.lookup // 2
    factor, half = (number.cast("trunc", I32).splat(lanes) for number in scale)
    sums, starts, orders = (x[name].pointer() for name in ("sums", "starts", "orders"))
    nothing = f.number(0, vector(I16, lanes))
    with f.loop(x["groups"]) as group:
        places = starts.at(group.index * (size // 2))
        first = [sums.at(places.at(8 * i).load(I64)) for i in range(size // 16)]
        with f.loop(x["horizontal"], *[nothing] * pieces) as tap:
            following = []
            for piece, total in enumerate(tap.carried):
                near = [at.at(tap.index * x["tap"]).at(16 * piece).load(vector(I32, 4)) for at in first]
                following.append(total + shapes.join(near).bitcast(total.type))
            tap.next(*following)
        found = nothing.bitcast(vector(I8, size))
        for piece, total in enumerate(tap.carried):
            order = orders.at((group.index * pieces + piece) * size).load(found.type)
            found = found | isa.look_up(f, total.bitcast(found.type), order)
        means = ((found.bitcast(nothing.type).cast("zext", I32) + half) * factor).logical_shift(24)
        target.at((group.index * lanes).min(x["whole"] - lanes)).store(means.cast("trunc", I8))


def _add_rows(module: Module, isa: Isa) -> Function:
    """Sums of rows as 16 bits: `(rows, stride, count, bytes, sums, are these the first)`."""
    f = module.function("add_rows", [PTR, I64, I64, I64, PTR, "i1"])
    rows, stride, count, size, sums, is_first = f.parameters
    lanes, start = 2 * isa.lanes, f.number(0)
    for n, type_, step in ((4, vector(I16, lanes), lanes), (1, vector(I16, lanes), lanes), (1, I16, 1)):
        stop = size // (n * step) * (n * step)
        with f.loop(stop, start=start, step=n * step) as column:
            here = sums.at(column.index * 2)
            before = [here.at(2 * step * i).load(type_) for i in range(n)]
            totals = [is_first.select(f.number(0, type_), value) for value in before]
            with f.loop(count, *totals) as row:
                samples = rows.at(row.index * stride + column.index)
                narrow = I8 if type_ == I16 else vector(I8, lanes)
                found = [samples.at(step * i).load(narrow).cast("zext", I16) for i in range(n)]
                row.next(*(total + value for total, value in zip(row.carried, found, strict=True)))
            for i, total in enumerate(row.carried):
                here.at(2 * step * i).store(total)
        start = stop
    return f
