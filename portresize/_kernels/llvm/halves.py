"""Images of bytes halved: averages of two by two samples, with one rounding or two.

Pixels of 1, 2 or 4 bytes are parted by shuffles into those of even places and those of odd ones. Of three bands,
averages are made of all neighbours, wanted or not, and then looked up as `lookup` does: that takes fewer instructions
than to bring each pair together first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm import shapes
from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import I8, I16, I32, I64, PTR, vector
from portresize._kernels.llvm.rows import inner_rows

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Module, Value
    from portresize._kernels.llvm.isa import Isa

# Rows come as in `averages.AVERAGE`; of a result of `whole` bytes there are `groups` of `starts` and `orders`, as
# `lookup.Table` has them, and a pixel's neighbour is `tap` bytes after it. `part` needs none of these.
HALVE = Fields(
    *("inner", "inner_block", "held", "held_stride", "row_stride", "dense_stride"),
    *("tap", "whole", "groups", "starts", "orders"),
)
HOW = ("WH", "HW", "both")
"""Rounded after each of the axes, in that order, as two passes of the filter "box" are; or once, as `reduce` does."""

MOST_PIECES = 3
"""Of a result, as pixels of three bands take."""


def halve(module: Module, isa: Isa, how: str, pieces: int) -> None:
    """`halve`, as `rows.ENDS` has it of `fetch`: rows of averages."""
    f = module.function("halve", [PTR, PTR, I64, I64, PTR], exported=True)
    block, source, first, count, rows = f.parameters
    x = HALVE.read(block)
    size = isa.lookup
    starts, orders = x["starts"].pointer(), x["orders"].pointer()
    with f.loop(count) as out:
        upper, stride = inner_rows(f, x, source, (first + out.index) * 2, f.number(2))
        lower = upper.at(stride)
        target = rows.at(out.index * x["dense_stride"])
        with f.loop(x["groups"]) as group:
            places = starts.at(group.index * (size // 2))
            firsts = [places.at(8 * i).load(I64) for i in range(size // 16)]
            found = f.number(0, vector(I8, size))
            for piece in range(pieces):
                samples = []
                for row in (upper, upper.at(x["tap"]), lower, lower.at(x["tap"])):
                    parts = [row.at(at).at(16 * piece).load(vector(I32, 4)) for at in firsts]
                    samples.append(shapes.join(parts).bitcast(found.type))
                order = orders.at((group.index * pieces + piece) * size).load(found.type)
                found = found | isa.look_up(f, _mean(how, samples), order)
            target.at((group.index * size).min(x["whole"] - size)).store(found)


def part(module: Module, isa: Isa, how: str, bands: int) -> None:
    """`part`, as `rows.ENDS` has it of `fetch`: rows of averages of pixels of 1, 2 or 4 bytes."""
    f = module.function("part", [PTR, PTR, I64, I64, PTR], exported=True)
    block, source, first, count, rows = f.parameters
    x = HALVE.read(block)
    size = isa.lookup
    with f.loop(count) as out:
        upper, stride = inner_rows(f, x, source, (first + out.index) * 2, f.number(2))
        target = rows.at(out.index * x["dense_stride"])
        with f.loop(x["whole"], step=size) as byte:
            # The last vector makes again what it shares with the one before.
            at = byte.index.min(x["whole"] - size)
            here = upper.at(at * 2)
            lines = [here, here.at(stride)]
            for line in lines:
                line.at(stride * 2).prefetch()
            target.at(at).store(_mean_of_bytes(how, lines, size) if bands == 1 else _mean_of(how, lines, size, bands))


def _mean_of(how: str, lines: list[Value], size: int, bands: int) -> Value:
    """A vector of `size` bytes: averages of pixels of two lines."""
    pixels = vector(f"i{8 * bands}", size // bands)
    samples = []
    for line in lines:
        left, right = (line.at(size * i).load(pixels) for i in range(2))
        parts = (left.shuffle(range(i, 2 * size // bands, 2), right) for i in range(2))
        samples += [value.bitcast(vector(I8, size)) for value in parts]
    return _mean(how, samples)


def _mean_of_bytes(how: str, lines: list[Value], size: int) -> Value:
    """A vector of `size` bytes: averages of bytes of two lines, which lie in halves of 16 bits."""
    pairs = [line.load(vector(I16, size)) for line in lines]
    a, b, c, d = (half for pair in pairs for half in (pair & 255, pair.logical_shift(8)))
    if how == "both":
        mean = (a + b + c + d + 2).logical_shift(2)
    else:
        b, c = (b, c) if how == "WH" else (c, b)
        first, second = (a + b + 1).logical_shift(1), (c + d + 1).logical_shift(1)
        mean = (first + second + 1).logical_shift(1)
    return mean.cast("trunc", I8)


def _mean(how: str, samples: list[Value]) -> Value:
    """The average of four: upper left and right, lower left and right."""
    a, b, c, d = samples if how != "HW" else [samples[i] for i in (0, 2, 1, 3)]
    first, second = _half(a, b), _half(c, d)
    mean = _half(first, second)
    if how != "both":
        return mean
    # With a rest of the first two halves and one of the last, half has been rounded up that was none.
    return mean - (((a ^ b) | (c ^ d)) & (first ^ second) & 1)


def _half(a: Value, b: Value) -> Value:
    """`(a + b + 1) // 2` of bytes without a sign, as LLVM knows it for one instruction."""
    return (a.cast("zext", I16) + b.cast("zext", I16) + 1).logical_shift(1).cast("trunc", I8)
