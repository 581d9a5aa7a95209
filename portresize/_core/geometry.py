"""The sizes and boxes of Pillow's convenience verbs.

Sizes are `(height, width)`, boxes `(left, upper, right, lower)`. Divisions are doubles and `round` is Python's, half to
even, as in the source.

Source: Pillow 13.0.0, src/PIL/ImageOps.py, and Image.thumbnail in src/PIL/Image.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Size = tuple[int, int]


def thumbnail(source: Size, size: Size) -> Size:
    """The largest size within `size` that keeps the aspect; `source` itself if it fits already.

    >>> thumbnail((162, 256), (33, 33)), thumbnail((20, 10), (50, 50))
    ((21, 33), (20, 10))
    """
    (height, width), (y, x) = source, size
    if x >= width and y >= height:
        return source
    aspect = width / height
    if x / y >= aspect:
        return y, _nearest(y * aspect, lambda n: abs(aspect - n / y))
    return _nearest(x / aspect, lambda n: abs(aspect - x / n) if n else 0.0), x


def _nearest(number: float, error: Callable[[int], float]) -> int:
    """Whichever neighbour of `number` has the smaller `error`, the lower one if they tie; at least 1."""
    low, high = math.floor(number), math.ceil(number)
    return max(low if error(low) <= error(high) else high, 1)


def contain(source: Size, size: Size) -> Size:
    """The largest size within `size` that keeps the aspect, enlarging if need be; a side may round to 0.

    >>> contain((63, 43), (7, 5)), contain((1, 10), (5, 5))
    ((7, 5), (0, 5))
    """
    (height, width), (out_h, out_w) = source, size
    aspect, wanted = width / height, out_w / out_h
    if aspect > wanted:
        return round(height / width * out_w), out_w
    if aspect < wanted:
        return out_h, round(width / height * out_h)
    return size


def cover(source: Size, size: Size) -> Size:
    """The smallest size that covers `size` and keeps the aspect.

    >>> cover((5, 2), (5, 5)), cover((4, 10), (25, 25))
    ((12, 5), (25, 62))
    """
    (height, width), (out_h, out_w) = source, size
    aspect, wanted = width / height, out_w / out_h
    if aspect < wanted:
        return round(height / width * out_w), out_w
    if aspect > wanted:
        return out_h, round(width / height * out_h)
    return size


def offset(size: Size, canvas: Size, centering: tuple[float, float]) -> Size:
    """Row and column at which an image of `size` is placed on `canvas`; it moves along one axis only.

    >>> offset((3, 6), (6, 6), (0.5, 0.5)), offset((3, 8), (8, 8), (0.5, 0.5))
    ((2, 0), (2, 0))
    """
    if size[1] != canvas[1]:
        return 0, round((canvas[1] - size[1]) * centering[0])
    return round((canvas[0] - size[0]) * centering[1]), 0


def fit(source: Size, size: Size, bleed: float, centering: tuple[float, float]) -> tuple[float, float, float, float]:
    """The part of the source that has the aspect of `size`, as a box.

    >>> fit((5, 7), (2, 3), 0.0, (0.5, 0.5))
    (0.0, 0.16666666666666652, 7.0, 4.833333333333334)
    """
    (height, width), (out_h, out_w) = source, size
    trim_x, trim_y = bleed * width, bleed * height
    live_w, live_h = width - trim_x * 2, height - trim_y * 2
    aspect, wanted = live_w / live_h, out_w / out_h
    crop_w, crop_h = live_w, live_h
    if aspect > wanted:
        crop_w = wanted * live_h
    elif aspect < wanted:
        crop_h = live_w / wanted
    left = trim_x + (live_w - crop_w) * centering[0]
    top = trim_y + (live_h - crop_h) * centering[1]
    return left, top, left + crop_w, top + crop_h


def scale(source: Size, factor: float) -> Size:
    """Both sides times `factor`; a side may round to 0.

    >>> scale((5, 7), 0.5)
    (2, 4)
    """
    return round(factor * source[0]), round(factor * source[1])
