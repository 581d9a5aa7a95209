"""The steps of a plan sorted by what they mean for a walk through the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from portresize._core.steps import Crop, FlipSign, Pass, Premultiply, Reduce, Take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from portresize._core.steps import Step

Size = tuple[int, int]


class Unsupported(Exception):  # noqa: N818  not an error: the numpy steps serve
    """No kernel takes this plan, array or machine; the text says why."""


class Parts(NamedTuple):
    """What a walk does, in this order.

    Attributes:
        top, left, size: The part of the source that is read; `size` is `(height, width)`.
        act: What happens to the bands before and after, if anything.
        reduce: The average of blocks, if any.
        rows, columns: Of nearest neighbours, the index of each output row and column; -1 for 0.
        passes: One or two, of different axes.
        result: `(height, width)`.
    """

    top: int
    left: int
    size: Size
    act: Premultiply | FlipSign | None
    reduce: Reduce | None
    rows: NDArray[np.int32] | None
    columns: NDArray[np.int32] | None
    passes: tuple[Pass, ...]
    result: Size

    @property
    def reduced(self) -> Size:
        """`(height, width)` of what the passes see."""
        if self.reduce is None:
            return self.size
        return -(-self.size[0] // self.reduce.vertical), -(-self.size[1] // self.reduce.horizontal)


def sort(steps: Sequence[Step], source: Size) -> Parts:
    """The parts of `steps`, for images of `source`.

    Raises:
        Unsupported: The steps come in another order.
    """
    inner = list(steps)
    act = inner[0] if inner and isinstance(inner[0], (Premultiply, FlipSign)) else None
    if act is not None:
        inner = inner[1:-1]
    top, left, size = 0, 0, source
    reduce: Reduce | None = None
    rows = columns = None
    passes: list[Pass] = []
    current = source
    for step in inner:
        match step:
            case Crop() if rows is not None and columns is not None:
                rows = rows[step.top : step.top + step.height]
                columns = columns[step.left : step.left + step.width]
            case Crop():
                # Along an axis that no pass has changed yet, it does not matter when it happens.
                axes = [p.axis for p in passes]
                y, height = (step.top, step.height) if "H" not in axes else (0, size[0])
                x, width = (step.left, step.width) if "W" not in axes else (0, size[1])
                if ("H" in axes and (step.top, step.height) != (0, current[0])) or (
                    "W" in axes and (step.left, step.width) != (0, current[1])
                ):
                    msg = "an axis is cropped after it was resized"
                    raise Unsupported(msg)
                if reduce is not None:
                    y, x = y * reduce.vertical, x * reduce.horizontal
                    height, width = height * reduce.vertical, width * reduce.horizontal
                top, left, size = top + y, left + x, (min(height, size[0] - y), min(width, size[1] - x))
            case Take():
                if rows is None or columns is None:
                    rows, columns = (np.arange(n, dtype=np.int32) for n in size)
                kept = rows if step.axis == "H" else columns
                # An axis that lies wholly outside the source leaves nothing to look up.
                taken = np.where(step.index >= 0, kept[step.index], -1).astype(np.int32)
                rows, columns = (taken, columns) if step.axis == "H" else (rows, taken)
            case Pass() if step.axis not in [p.axis for p in passes] and rows is None:
                passes.append(step)
            case Reduce() if reduce is None and not passes and rows is None:
                reduce = step
            case _:
                msg = f"a step that no kernel takes here: {step}"
                raise Unsupported(msg)
        current = _after(step, current)
    return Parts(top, left, size, act, reduce, rows, columns, tuple(passes), current)


def _after(step: Step, size: Size) -> Size:
    """`(height, width)` after a step."""
    height, width = size
    match step:
        case Crop():
            return step.height, step.width
        case Reduce():
            return -(-height // step.vertical), -(-width // step.horizontal)
        case Pass():
            return (step.taps.n_out, width) if step.axis == "H" else (height, step.taps.n_out)
        case Take():
            return (len(step.index), width) if step.axis == "H" else (height, len(step.index))
        case _:
            return size


