"""`steps.Reduce` with the array API alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from portresize._backends import _narrow, _pair, _round
from portresize._backends._frame import cut, join
from portresize._core import fixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from portresize._backends._frame import Frame
    from portresize._core.steps import Reduce

    # Means of doubles: of addends along the first axis, and the reciprocal of how many samples they stand for.
    Fold = Callable[[Frame, "Array", float], "Array"]

Array = Any


def one_by_one(frame: Frame, addends: Array, reciprocal: float) -> Array:
    """Return the mean of doubles added in order along the first axis, with the array API alone."""
    xp = frame.xp
    total = xp.astype(addends[0, ...], xp.float64)
    for i in range(1, addends.shape[0]):
        total = total + xp.astype(addends[i, ...], xp.float64)
    return mean_of(frame, total, reciprocal)


def mean_of(frame: Frame, total: Array, reciprocal: float) -> Array:
    """Return a sum of doubles times the reciprocal of their number."""
    # Pillow starts from +0.0, which turns -0.0 into 0.0. The factor is an array: of a number, exporters of torch make a
    # float32.
    return (total + 0.0) * frame.constant(np.array(reciprocal))


def reduce(frame: Frame, x: Array, step: Reduce, fold: Fold = one_by_one) -> Array:
    """Up to four regions: of whole blocks, and of partial ones at the end of rows and columns."""
    rows = []
    for top, bottom, block_h in _regions(x.shape[frame.axis("H")], step.vertical):
        row = []
        for left, right, block_w in _regions(x.shape[frame.axis("W")], step.horizontal):
            region = cut(cut(x, frame.axis("H"), top, bottom), frame.axis("W"), left, right)
            block = (block_h, block_w)
            whole = block == (step.vertical, step.horizontal)
            blocks = _blocks(frame, region, block)
            row.append(_mean_u8(frame, blocks) if step.kind == "u8" else _mean(frame, blocks, step, fold, whole=whole))
        rows.append(join(frame, row, "W"))
    return join(frame, rows, "H")


def _regions(length: int, block: int) -> list[tuple[int, int, int]]:
    """Start, stop and block size of the whole blocks of an axis and of the partial one after them.

    >>> _regions(7, 3), _regions(2, 3)
    ([(0, 6, 3), (6, 7, 1)], [(0, 2, 2)])
    """
    whole = length // block * block
    regions = [(0, whole, block), (whole, length, length - whole)]
    return [(start, stop, size) for start, stop, size in regions if start < stop]


def _blocks(frame: Frame, x: Array, block: tuple[int, int]) -> Array:
    """(vertical, horizontal, ...): the samples of every block before the axes of the image of blocks."""
    for name, size in zip(("W", "H"), block[::-1], strict=True):
        # The second time round, the first new axis stands before all others.
        axis = frame.layout.index(name) + x.ndim - len(frame.layout)
        shape = (*x.shape[:axis], x.shape[axis] // size, size, *x.shape[axis + 1 :])
        x = frame.xp.moveaxis(frame.xp.reshape(x, shape), axis + 1, 0)
    return x


def _mean_u8(frame: Frame, blocks: Array) -> Array:
    """Averages of 8-bit samples, in 32-bit arithmetic that wraps."""
    xp, count = frame.xp, blocks.shape[0] * blocks.shape[1]
    total = xp.sum(xp.astype(blocks, xp.int32), axis=(0, 1), dtype=xp.int32)
    # Unsigned in Pillow: the top byte is the same, once the copies of its sign are masked off.
    return xp.astype((((total + count // 2) * fixed.reciprocal(count)) >> 24) & 255, blocks.dtype)


def _mean(frame: Frame, blocks: Array, step: Reduce, fold: Fold, *, whole: bool) -> Array:
    """Averages of int32 or float samples."""
    xp, dtype = frame.xp, blocks.dtype
    reciprocal = 1.0 / (blocks.shape[0] * blocks.shape[1])
    # Pillow adds the samples of a group in the 32-bit type, where they may wrap or round. Kinds that are ours, integers
    # and floats of other widths, are added in double; without one, integers are added as they are, exactly.
    if step.kind != "i32" and not str(dtype).endswith("float32") and (frame.wide or step.kind == "float"):
        blocks = xp.astype(blocks, xp.float64 if frame.wide else xp.float32)
    blocks = _groups(xp, blocks) if whole and (frame.wide or step.kind in {"i32", "float"}) else blocks
    addends = xp.reshape(blocks, (blocks.shape[0] * blocks.shape[1], *blocks.shape[2:]))
    if not frame.wide:
        if step.kind == "i16":
            addends = xp.astype(addends, xp.int32)
        parts = (addends[i, ...] for i in range(addends.shape[0]))
        if step.kind == "float":
            return xp.astype(_pair.float_mean(xp, parts, reciprocal), dtype)
        return _narrow.rounded(xp, _narrow.integer_mean(xp, parts, reciprocal), dtype, step.kind)
    mean = fold(frame, addends, reciprocal)
    if step.kind == "float":
        return _round.to_float(xp, mean, dtype)
    return _round.to_integer(xp, mean, dtype, step.kind)


def _groups(xp: Any, blocks: Array) -> Array:
    """The samples of whole blocks as Pillow adds them first: pairs of rows and, in them, of columns, left to right."""
    height = blocks.shape[0]
    even, odd = blocks[0 : height - 1 : 2, ...], blocks[1::2, ...]
    parts = [_pairs(xp, even, odd)] if height > 1 else []
    if height % 2:
        parts.append(_pairs(xp, blocks[height - 1 :, ...]))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)


def _pairs(xp: Any, *rows: Array) -> Array:
    """Sums of pairs of columns over one row or two, and of the last column where it has no partner."""
    width = rows[0].shape[1]
    parts = []
    if width > 1:
        first, *others = (row[:, start : width - width % 2 : 2, ...] for row in rows for start in (0, 1))
        for other in others:
            first = xp.add(first, other)
        parts.append(first)
    if width % 2:
        last = [row[:, width - 1 :, ...] for row in rows]
        parts.append(last[0] if len(last) == 1 else xp.add(*last))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=1)
