"""Pixels moved: gathered from any strides, scattered to any, looked up by index, copied row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import I64, PTR
from portresize._kernels.llvm.rows import ENDS, Ends, copy_row, kernel

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Module
    from portresize._kernels.llvm.isa import Isa

# The side of an array whose pixels lie `pixel_stride` apart and their bands `band_stride`.
STRIDED = Fields("row_stride", "pixel_stride", "band_stride", "width", "bands", "dense_stride")
# `columns`: for each output pixel, bytes from the first pixel of a row to its source; `gaps`: those that are 0 instead.
TAKE = Fields(*ENDS, "first_out", "stop_out", "width", "row_index", "columns", "n_gaps", "gaps", "target_pixel_stride")
MOVE = Fields(*ENDS, "first_out", "stop_out", "out_bytes")


def gather(module: Module, isa: Isa, unit: int) -> None:  # noqa: ARG001  the same on all
    """`gather`, as `rows.ENDS` has it of `fetch`: units of `unit` bytes from where STRIDED says to dense rows."""
    _strided(module, "gather", unit)


def scatter(module: Module, isa: Isa, unit: int) -> None:  # noqa: ARG001  the same on all
    """`scatter`, as `rows.ENDS` has it of `emit`: the way back."""
    _strided(module, "scatter", unit)


def _strided(module: Module, name: str, unit: int) -> None:
    f = module.function(name, [PTR, PTR, I64, I64, PTR], exported=True)
    block, array, first, count, rows = f.parameters
    x, type_ = STRIDED.read(block), f"i{8 * unit}"
    with f.loop(count) as row:
        strided = array.at((first + row.index) * x["row_stride"])
        dense = rows.at(row.index * x["dense_stride"])
        with f.loop(x["width"]) as pixel, f.loop(x["bands"]) as band:
            far = strided.at(pixel.index * x["pixel_stride"] + band.index * x["band_stride"])
            near = dense.at((pixel.index * x["bands"] + band.index) * unit)
            source, target = (far, near) if name == "gather" else (near, far)
            target.store(source.load(type_))


def take(module: Module, isa: Isa, unit: int) -> None:
    """`take`: output pixels of `unit` bytes by the index of their row and the place of their column; 0 for row -1."""
    copied = copy_row(module, isa)
    f = kernel(module, isa, "take")
    x = TAKE.read(f.parameters[0])
    ends = Ends(f, x)
    type_, at_once = f"i{8 * unit}", 4
    step = x["target_pixel_stride"]
    columns, gaps = x["columns"].pointer(), x["gaps"].pointer()
    whole = x["width"] & -at_once
    with ends.items(), f.loop(x["stop_out"], start=x["first_out"]) as out:
        target, stride = ends.rows(out.index)
        row, is_again = ends.chosen(out.index)
        # What is handed over may have been changed since, and there is more in a row than pixels with gaps.
        is_again = is_again & x["emit"].equals(0) & step.equals(unit)
        with f.when(is_again):
            f.call(copied, [target, target.at(f.number(0) - stride), x["width"] * unit])
        with f.when((row < 0) & (is_again ^ 1)), f.loop(x["width"]) as pixel:
            target.at(pixel.index * step).store(f.number(0, type_))
        with f.when((row >= 0) & (is_again ^ 1)):
            source, _ = ends.fetch(row, f.number(1))
            following = ends.following(out.index)
            for start, stop, n in ((f.number(0), whole, at_once), (whole, x["width"], 1)):
                with f.loop(stop, start=start, step=n) as pixel:
                    places = [columns.at(pixel.index * 8 + 8 * i).load(I64) for i in range(n)]
                    for place in places:
                        following.at(place).prefetch()
                    values = [source.at(place).load(type_) for place in places]
                    for i, value in enumerate(values):
                        target.at((pixel.index + i) * step).store(value)
            with f.loop(x["n_gaps"]) as gap:
                target.at(gaps.at(gap.index * 8).load(I64) * step).store(f.number(0, type_))
        ends.emit(out.index, f.number(1))


def move(module: Module, isa: Isa) -> None:
    """`move`: rows as they are fetched."""
    copied = copy_row(module, isa)
    f = kernel(module, isa, "move")
    x = MOVE.read(f.parameters[0])
    ends = Ends(f, x)
    # Rows that are made and not changed any more are made where they belong.
    is_made = (x["fetch"].equals(0) ^ 1) & x["emit"].equals(0)
    with ends.items(), f.loop(x["stop_out"], start=x["first_out"]) as out:
        target, _ = ends.rows(out.index)
        with f.when(is_made):
            ends.make(out.index, f.number(1), target)
        with f.when(is_made ^ 1):
            source, _ = ends.fetch(out.index, f.number(1))
            f.call(copied, [target, source, x["out_bytes"]])
        ends.emit(out.index, f.number(1))
