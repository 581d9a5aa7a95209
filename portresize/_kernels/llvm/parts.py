"""The steps of a plan sorted by what they mean for a walk through the image."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatchmethod
from typing import TYPE_CHECKING, Literal

import numpy as np

from portresize._core.fixed import SHIFT
from portresize._core.steps import Crop, FlipSign, Pass, Premultiply, Reduce, Step, Take
from portresize._kernels.llvm.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Size = tuple[int, int]


@dataclass
class Parts:
    """What a walk does, in the order of the attributes.

    Attributes:
        size: `(height, width)` of the part of the source that is read, which begins at row `top` and column `left`.
        act: What happens to the bands before everything else, and is undone after it, if anything.
        reduce: The average of blocks, if any.
        halves: Instead of passes: the order, "WH" or "HW", in which pairs along both axes are averaged and rounded.
        nearest: Of nearest neighbours, by axis, the index of each output row or column; -1 for 0.
        passes: At most two, of different axes.
        result: `(height, width)`.
    """

    size: Size
    result: Size
    top: int = 0
    left: int = 0
    act: Premultiply | FlipSign | None = None
    reduce: Reduce | None = None
    halves: str = ""
    nearest: dict[str, NDArray[np.int32]] = field(default_factory=dict)
    passes: dict[str, Pass] = field(default_factory=dict)

    @property
    def reduced(self) -> Size:
        """`(height, width)` of what the passes see, or, if there are none, of what is moved."""
        if self.halves:
            return self.result
        if self.reduce is None:
            return self.size
        return -(-self.size[0] // self.reduce.vertical), -(-self.size[1] // self.reduce.horizontal)

    def halve(self) -> None:
        """Average pairs instead of passes, if that is all that these do."""
        if self.reduce is not None or set(self.passes) != {"H", "W"}:
            return
        top, left = (_pairs(self.passes[axis]) for axis in "HW")
        if top is not None and left is not None:
            self.halves, self.passes = "".join(self.passes), {}
            self.top, self.left = self.top + top, self.left + left
            self.size = (2 * self.result[0], 2 * self.result[1])

    @singledispatchmethod
    def add(self, step: Step) -> None:
        """Take in the next step."""
        msg = f"the step `{step}`"
        raise Unsupported(msg)

    @add.register
    def _(self, step: Crop) -> None:
        if self.nearest:
            self.nearest = {
                "H": self.indices("H")[step.top : step.top + step.height],
                "W": self.indices("W")[step.left : step.left + step.width],
            }
        else:
            self._crop(step)
        self.result = (step.height, step.width)

    def _crop(self, step: Crop) -> None:
        """Read less of the source: along an axis that no pass has changed, it does not matter when that happens."""
        first, size = [step.top, step.left], [step.height, step.width]
        for i, axis in enumerate("HW"):
            if axis in self.passes:
                if (first[i], size[i]) != (0, self.result[i]):
                    msg = "a crop along an axis that was resized"
                    raise Unsupported(msg)
                size[i] = self.reduced[i]
        by = (self.reduce.vertical, self.reduce.horizontal) if self.reduce else (1, 1)
        first, size = ([n * factor for n, factor in zip(pair, by, strict=True)] for pair in (first, size))
        self.top, self.left = self.top + first[0], self.left + first[1]
        # The last block may be a partial one.
        self.size = (min(size[0], self.size[0] - first[0]), min(size[1], self.size[1] - first[1]))

    @add.register
    def _(self, step: Take) -> None:
        if self.passes:
            msg = "nearest neighbours of what was resized"
            raise Unsupported(msg)
        axis = step.axis
        if axis in self.nearest:
            self.nearest[axis] = np.where(step.index >= 0, self.nearest[axis][step.index], np.int32(-1))
        else:
            self.nearest[axis] = step.index
        height, width = self.result
        self.result = (len(step.index), width) if axis == "H" else (height, len(step.index))

    def indices(self, axis: Literal["H", "W"]) -> NDArray[np.int32]:
        """Return `nearest` of an axis; all of its samples if nothing chooses among them."""
        if axis in self.nearest:
            return self.nearest[axis]
        return np.arange(self.reduced["HW".index(axis)], dtype=np.int32)

    @add.register
    def _(self, step: Pass) -> None:
        if step.axis in self.passes or self.nearest:
            msg = "a second pass along an axis"
            raise Unsupported(msg)
        self.passes[step.axis] = step
        height, width = self.result
        self.result = (step.taps.n_out, width) if step.axis == "H" else (height, step.taps.n_out)

    @add.register
    def _(self, step: Reduce) -> None:
        if self.reduce is not None or self.passes or self.nearest:
            msg = "an average of what was resized"
            raise Unsupported(msg)
        self.reduce = step
        self.result = self.reduced


def sort(steps: Sequence[Step], source: Size) -> Parts:
    """The parts of `steps`, for images of `source`.

    Raises:
        Unsupported: The steps come in another order than a walk takes.
    """
    parts = Parts(source, source)
    if steps and isinstance(steps[0], (Premultiply, FlipSign)):
        parts.act, steps = steps[0], steps[1:-1]
    for step in steps:
        parts.add(step)
    return parts


def _pairs(step: Pass) -> int | None:
    """The sample at which pairs begin whose averages a pass makes, if that is all that it does."""
    table = step.taps
    if step.kind != "u8" or table.n_taps < 2:
        return None
    start = int(table.start[0])
    is_even = (table.size == 2).all() and (table.start == start + 2 * np.arange(table.n_out)).all()
    return start if is_even and (table.weight[:, :2] == 1 << SHIFT - 1).all() else None
