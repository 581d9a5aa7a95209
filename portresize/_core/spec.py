"""A request in scalars: all that crosses a compiler boundary."""

from __future__ import annotations

from typing import NamedTuple

from portresize._core.filters import Resampling


class Spec(NamedTuple):
    """What to do to an array, shape apart. Hashable, picklable, and made of scalars and tuples of scalars alone.

    Absent means empty or zero, never None: a custom operator has to be able to take every field as an argument.

    Attributes:
        layout: One letter per axis; `H` and `W` once each, `C` at most once.
        mode: A key of `modes.MODES`.
        dialect: A name that `dialect.dialect` knows.
        size: `(height, width)` of the resized image, or () to reduce.
        resample: Filter, by Pillow's number.
        box: `(left, upper, right, lower)` in source samples, or () for the whole source.
        reducing_gap: 0.0 for none, else at least 1.0.
        factor: `(vertical, horizontal)` block size for `reduce`, or ().
        canvas: `(height, width, top, left)`: where the result is placed on a filled image at last; or ().
        fill: What the canvas is filled with: one number per band, or one for all.
    """

    layout: str
    mode: str
    dialect: str
    size: tuple[int, ...] = ()
    resample: int = int(Resampling.BICUBIC)
    box: tuple[float, ...] = ()
    reducing_gap: float = 0.0
    factor: tuple[int, ...] = ()
    canvas: tuple[int, ...] = ()
    fill: tuple[float, ...] = (0,)

    def result(self, source: tuple[int, int]) -> tuple[int, int]:
        """`(height, width)` of the answer for an image of `source`, which may be symbols of a compiler."""
        if self.canvas:
            return self.canvas[0], self.canvas[1]
        if self.size:
            return self.size[0], self.size[1]
        height, width = source
        if self.box:
            left, upper, right, lower = (int(edge) for edge in self.box)
            height, width = lower - upper, right - left
        return (height - 1) // self.factor[0] + 1, (width - 1) // self.factor[1] + 1
