"""From strips to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm import shapes
from portresize._kernels.llvm.ir import I64, PTR, bits_of, vector

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Function, Module


def unpack(module: Module, element: str, lanes: int) -> Function:
    """Strips, each a vector of rows, to rows: `(strips, groups of strips, rows, stride, count)`.

    Of rows from `count` on nothing is left.
    """
    f = module.function("unpack", [PTR, I64, PTR, I64, I64])
    strips, groups, target, stride, count = f.parameters
    size = bits_of(element) // 8 * lanes
    rows = [target.at(f.number(row).min(count - 1) * stride) for row in range(lanes)]
    with f.loop(groups) as loop:
        strip = strips.at(loop.index * (size * lanes))
        columns = [strip.at(size * i).load(vector(element, lanes)) for i in range(lanes)]
        turned = shapes.transpose(columns)
        # From the last to the first: what repeats the last row is written before it.
        for row, value in reversed(list(zip(rows, turned, strict=True))):
            row.at(loop.index * size).store(value)
    return f
