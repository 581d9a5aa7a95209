"""Pixels moved: gathered from any strides, scattered to any, looked up by index, copied row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import I8, I32, I64, PTR, vector
from portresize._kernels.llvm.rows import ENDS, Ends, copy, kernel

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Module
    from portresize._kernels.llvm.isa import Isa

# The side of an array whose pixels lie `pixel_stride` apart and their bands `band_stride`.
STRIDED = Fields("row_stride", "pixel_stride", "band_stride", "width", "bands", "dense_stride")
TAKE = Fields(
    *ENDS, "first_out", "stop_out", "width", "row_index", "column_index", "source_pixel_stride", "target_pixel_stride"
)
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
    """`take`: output pixels of `unit` bytes by the index of their row and of their column; 0 where that is -1."""
    f = kernel(module, isa, "take")
    x = TAKE.read(f.parameters[0])
    ends = Ends(f, x)
    type_ = f"i{8 * unit}"
    nothing = f.number(0, type_)
    columns = x["column_index"].pointer()
    with ends.items(), f.loop(x["stop_out"], start=x["first_out"]) as out:
        target, _ = ends.rows(out.index)
        row = x["row_index"].pointer().at(out.index * 4).load(I32).cast("sext", I64)
        is_row = row >= 0
        with f.when(is_row ^ 1), f.loop(x["width"]) as pixel:
            target.at(pixel.index * x["target_pixel_stride"]).store(nothing)
        with f.when(is_row):
            source, _ = ends.fetch(row, f.number(1))
            with f.loop(x["width"]) as pixel:
                column = columns.at(pixel.index * 4).load(I32).cast("sext", I64)
                value = source.at(column.max(0) * x["source_pixel_stride"]).load(type_)
                target.at(pixel.index * x["target_pixel_stride"]).store((column >= 0).select(value, nothing))
        ends.emit(out.index, f.number(1))


def move(module: Module, isa: Isa) -> None:
    """`move`: rows as they are fetched."""
    tail = copy(module)
    f = kernel(module, isa, "move")
    x = MOVE.read(f.parameters[0])
    ends = Ends(f, x)
    size = 4 * isa.lanes
    whole = x["out_bytes"] // size * size
    with ends.items(), f.loop(x["stop_out"], start=x["first_out"]) as out:
        source, _ = ends.fetch(out.index, f.number(1))
        target, _ = ends.rows(out.index)
        with f.loop(whole, step=size) as at:
            target.at(at.index).store(source.at(at.index).load(vector(I8, size)))
        f.call(tail, [target.at(whole), source.at(whole), x["out_bytes"] - whole])
        ends.emit(out.index, f.number(1))
