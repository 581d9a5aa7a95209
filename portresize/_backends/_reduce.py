"""`steps.Reduce` with the array API alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portresize._backends import _narrow, _pair, _round
from portresize._backends._frame import cut, join
from portresize._core import fixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portresize._backends._frame import Frame
    from portresize._core.steps import Reduce

Array = Any


def reduce(frame: Frame, x: Array, step: Reduce) -> Array:
    """`steps.Reduce`: up to four regions, of whole blocks and of partial ones at the end of rows and columns."""
    mean = _mean_u8 if step.kind == "u8" else _mean
    rows = []
    for top, bottom, block_h in _regions(x.shape[frame.axis("H")], step.vertical):
        row = []
        for left, right, block_w in _regions(x.shape[frame.axis("W")], step.horizontal):
            part = cut(cut(x, frame.axis("H"), top, bottom), frame.axis("W"), left, right)
            row.append(mean(frame, part, step, (block_h, block_w)))
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


def _mean_u8(frame: Frame, x: Array, step: Reduce, block: tuple[int, int]) -> Array:  # noqa: ARG001  see reduce
    """Averages of equal blocks of 8-bit samples, in 32-bit arithmetic that wraps."""
    total = frame.xp.astype(x, frame.xp.int32)
    for name, size in zip(("H", "W"), block, strict=True):
        axis = frame.layout.index(name)
        shape = (*total.shape[:axis], total.shape[axis] // size, size, *total.shape[axis + 1 :])
        total = frame.xp.sum(frame.xp.reshape(total, shape), axis=axis + 1, dtype=frame.xp.int32)
    count = block[0] * block[1]
    # Unsigned in Pillow: the top byte is the same, once the copies of its sign are masked off.
    return frame.xp.astype((((total + count // 2) * fixed.reciprocal(count)) >> 24) & 255, x.dtype)


def _mean(frame: Frame, x: Array, step: Reduce, block: tuple[int, int]) -> Array:
    """Averages of equal blocks of int32 or float samples."""
    xp, wide = frame.xp, frame.wide
    # Pillow adds the samples of a group in the 32-bit type, where they may wrap or round. Floats of other widths are
    # ours: they are added in double.
    native = step.kind == "i32" or str(x.dtype).endswith("float32")
    dtype = x.dtype
    if not native:
        x = xp.astype(x, xp.float64 if wide else xp.float32)

    def addends() -> Iterator[Array]:
        for group in _groups(block, whole=block == (step.vertical, step.horizontal)):
            first, *others = (
                cut(cut(x, frame.axis("H"), v, None, block[0]), frame.axis("W"), h, None, block[1]) for v, h in group
            )
            for other in others:
                first = first + other
            yield first

    reciprocal = 1.0 / (block[0] * block[1])
    if not wide:
        narrow = _narrow.integer_mean if step.kind == "i32" else _pair.float_mean
        return xp.astype(narrow(xp, addends(), reciprocal), dtype)
    total = None
    for addend in addends():
        term = xp.astype(addend, xp.float64)
        total = term + 0.0 if total is None else total + term
    mean: Array = total * reciprocal  # type: ignore[operator]  # a block has a sample
    return _round.half_away(xp, mean) if step.kind == "i32" else _round.to_float(xp, mean, dtype)


def _groups(block: tuple[int, int], *, whole: bool) -> list[list[tuple[int, int]]]:
    """The order in which Pillow adds a block: a whole one by pairs of rows and, in them, of columns; others singly.

    >>> _groups((3, 2), whole=True)
    [[(0, 0), (0, 1), (1, 0), (1, 1)], [(2, 0), (2, 1)]]
    """
    pair = 2 if whole else 1
    return [
        [(v, h) for v in range(top, min(top + pair, block[0])) for h in range(left, min(left + pair, block[1]))]
        for top in range(0, block[0], pair)
        for left in range(0, block[1], pair)
    ]
