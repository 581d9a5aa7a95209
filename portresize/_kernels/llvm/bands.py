"""Bands changed before and after a resize: alpha multiplied in and divided out, bytes made signed.

Source: Pillow 13.0.0, src/libImaging/Convert.c (rgbA2rgba, rgba2rgbA).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import F32, I8, I16, I32, I64, PTR, vector

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Function, Module, Value
    from portresize._kernels.llvm.isa import Isa

# `inner` is the function that makes the rows in the first place, or takes them in the end, or 0 if they are those of
# the array, `row_stride` apart.
CHANGE = Fields("inner", "inner_block", "row_stride", "dense_stride", "width")


def fetch(act: str, module: Module, isa: Isa, bands: int) -> None:
    """A function named `act`, as `rows.ENDS` has it of `fetch`: rows of 8-bit pixels, changed."""
    f = module.function(act, [PTR, PTR, I64, I64, PTR], exported=True)
    block, source, first, count, rows = f.parameters
    x = CHANGE.read(block)
    is_made = x["inner"].equals(0) ^ 1
    with f.when(is_made):
        f.call(x["inner"].pointer(), [x["inner_block"].pointer(), source, first, count, rows])
    start = is_made.select(rows, source.at(first * x["row_stride"]))
    stride = is_made.select(x["dense_stride"], x["row_stride"])
    with f.loop(count) as row:
        here, there = start.at(row.index * stride), rows.at(row.index * x["dense_stride"])
        _change(f, isa, act, bands, (here, there, x["width"]))


def emit(act: str, module: Module, isa: Isa, bands: int) -> None:
    """A function named `act`, as `rows.ENDS` has it of `emit`: finished rows of 8-bit pixels, changed."""
    f = module.function(act, [PTR, PTR, I64, I64, PTR], exported=True)
    block, target, first, count, rows = f.parameters
    x = CHANGE.read(block)
    is_taken = x["inner"].equals(0) ^ 1
    start = is_taken.select(rows, target.at(first * x["row_stride"]))
    stride = is_taken.select(x["dense_stride"], x["row_stride"])
    with f.loop(count) as row:
        here, there = rows.at(row.index * x["dense_stride"]), start.at(row.index * stride)
        _change(f, isa, act, bands, (here, there, x["width"]))
    with f.when(is_taken):
        f.call(x["inner"].pointer(), [x["inner_block"].pointer(), target, first, count, rows])


def _change(f: Function, isa: Isa, act: str, bands: int, row: tuple[Value, Value, Value]) -> None:
    """One row, from where to where and of how many pixels; the two may be the same."""
    here, there, width = row
    if act.startswith("flip"):
        _flip(f, isa, row)
        return
    # Pixels in a vector: a lane of 16 or 32 bits for each band.
    element, at_once = (I16, 2 * isa.lanes // bands) if act == "premultiply" else (I32, isa.lanes // bands)
    size = at_once * bands
    alpha = [i - i % bands + bands - 1 for i in range(size)]
    whole = width // at_once
    each = _product if act == "premultiply" else _quotient
    with f.loop(whole) as group:
        pixels = here.at(group.index * size).load(vector(I8, size)).cast("zext", element)
        changed = each(pixels, pixels.shuffle(alpha))
        both = changed.shuffle([i if (i + 1) % bands else size + i for i in range(size)], pixels)
        there.at(group.index * size).store(both.cast("trunc", I8))
    with f.loop(width, start=whole * at_once) as pixel:
        values = [here.at(pixel.index * bands + band).load(I8) for band in range(bands)]
        wide = [value.cast("zext", element) for value in values]
        for band in range(bands - 1):
            there.at(pixel.index * bands + band).store(each(wide[band], wide[-1]).cast("trunc", I8))
        there.at(pixel.index * bands + bands - 1).store(values[-1])


def _flip(f: Function, isa: Isa, row: tuple[Value, Value, Value]) -> None:
    """One row of LAB with the top bit of bands 1 and 2 flipped: three vectors at a time, then three short ones."""
    here, there, width = row
    start = f.number(0)
    for size in (4 * isa.lanes, 16):
        # Three vectors hold whole pixels, so that each has the same bytes to flip on every turn.
        type_, span = vector(I8, size), 3 * size
        bits = [f.table(type_, [128 if byte % 3 else 0 for byte in range(size * i, size * i + size)]) for i in range(3)]
        stop = (width * 3) // span * span
        with f.loop(stop, start=start, step=span) as group:
            values = [here.at(group.index + size * i).load(type_) for i in range(3)]
            for i, value in enumerate(values):
                there.at(group.index + size * i).store(value ^ bits[i])
        start = stop
    with f.loop(width * 3, start=start, step=3) as pixel:
        # The first byte in memory is the lowest.
        there.at(pixel.index).store(here.at(pixel.index).load("i24") ^ 0x808000)


def _product(color: Value, alpha: Value) -> Value:
    """`color * alpha / 255` rounded half up, in 16 bits without a sign: no term exceeds 65407."""
    scaled = color * alpha + 128
    return (scaled + scaled.logical_shift(8)).logical_shift(8)


def _quotient(color: Value, alpha: Value) -> Value:
    """`floor(255 * color / alpha)`, at most 255; colours under alpha 0 stay, and so by themselves do those under 255.

    Single precision is enough: a quotient below 256 that is no integer misses the next one by 1/255 or more, and is
    off by 2**-16 or less.
    """
    divisor = alpha.equals(0).select(255, alpha)
    scaled = (color * 255).cast("sitofp", F32) / divisor.cast("sitofp", F32)
    return scaled.cast("fptosi", I32).min(255)
