"""The sizes and boxes of Pillow's convenience verbs.

Sizes are `(height, width)`, boxes `(left, upper, right, lower)`. Divisions are doubles and `round` is Python's, half to
even, as in the source.

Source: Pillow 13.0.0, src/PIL/ImageOps.py, and Image.thumbnail in src/PIL/Image.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from portresize._core.floating import DefaultState

if TYPE_CHECKING:
    from collections.abc import Callable

    from portresize._core.dialect import ThumbnailSize

Size = tuple[int, int]


@DefaultState()
def thumbnail(source: Size, size: Size, rule: ThumbnailSize = "closest") -> Size:
    """Return the largest size within `size` that keeps the aspect; `source` itself if it fits already.

    Raises:
        ValueError: A side that Pillow divides by is 0, or a side of the result.

    >>> thumbnail((162, 256), (33, 33)), thumbnail((20, 10), (50, 50)), thumbnail((4, 0), (2, 3))
    ((21, 33), (20, 10), (2, 1))
    >>> thumbnail((61, 97), (20, 33)), thumbnail((61, 97), (20, 33), "rounded")
    ((20, 32), (20, 31))
    """
    (height, width), (y, x) = source, size
    if x >= width and y >= height:
        return source
    if rule == "rounded":
        if width > x:
            height, width = max(round(height * x / width), 1), x
        if height > y:
            height, width = y, max(round(width * y / height), 1)
        return _filled((height, width), source)
    aspect, wanted = _aspect(source), _aspect_of_size(size)
    if wanted >= aspect:
        return y, _nearest(y * aspect, lambda n: abs(aspect - n / y))
    if rule == "closest_or_error" and x / aspect < 1:
        msg = f"the aspect of an image of {source} leaves a height below 1 within {size}, which Pillow 7.1 divides by"
        raise ValueError(msg)
    return _filled((_nearest(x / aspect, lambda n: abs(aspect - x / n) if n else 0.0), x), source)


def _aspect(source: Size) -> float:
    """Width by height of an image."""
    height, width = source
    if not height:
        msg = f"`image` has a height and a width of {source}, expected both >= 1 for an aspect"
        raise ValueError(msg)
    return width / height


def _aspect_of_size(size: Size) -> float:
    """Width by height of a size that the caller asks for."""
    height, width = size
    if not height:
        msg = f"`size` is {size}, expected two integers >= 1 as (height, width)"
        raise ValueError(msg)
    return width / height


def _filled(size: Size, source: Size) -> Size:
    """`size`, if an image of it has samples, or is a copy of the source."""
    if not all(size) and size != source:
        msg = f"`size` leaves {size} of an image of {source}, expected two sides >= 1; ask for a larger size"
        raise ValueError(msg)
    return size


def _nearest(number: float, error: Callable[[int], float]) -> int:
    """Return that neighbour of `number` with the smaller `error`, the lower one if they tie; at least 1."""
    low, high = math.floor(number), math.ceil(number)
    return max(low if error(low) <= error(high) else high, 1)


@DefaultState()
def contain(source: Size, size: Size, *, empty: bool = True, rounds: bool = True) -> Size:
    """Return the largest size within `size` that keeps the aspect, enlarging if need be; a side may round to 0.

    Args:
        source: Of the image.
        size: The most.
        empty: Sides of 0 make an empty result, as from Pillow 13 on.
        rounds: A side is rounded, half to even; its fraction is cut off otherwise.

    Raises:
        ValueError: A side that Pillow divides by is 0, or, if not `empty`, a side of the result.

    >>> contain((63, 43), (7, 5)), contain((1, 10), (5, 5)), contain((0, 4), (2, 3))
    ((7, 5), (0, 5), (0, 3))
    >>> contain((63, 43), (20, 20)), contain((63, 43), (20, 20), rounds=False)
    ((20, 14), (20, 13))
    """
    (height, width), (out_h, out_w) = source, size
    if empty and not height:
        return 0, out_w
    if empty and not out_h:
        return 0, 0
    aspect, wanted = _aspect(source), _aspect_of_size(size)
    if aspect > wanted:
        size = _whole(height / width * out_w, rounds=rounds), out_w
    elif aspect < wanted:
        size = out_h, _whole(width / height * out_h, rounds=rounds)
    return size if empty else _filled(size, source)


def _whole(number: float, *, rounds: bool) -> int:
    return round(number) if rounds else int(number)


@DefaultState()
def cover(source: Size, size: Size, *, empty: bool = True) -> Size:
    """Return the smallest size that covers `size` and keeps the aspect.

    Args:
        source: Of the image.
        size: The least.
        empty: An image or a size without height makes an empty result, as from Pillow 13 on.

    Raises:
        ValueError: A side that Pillow divides by is 0, or a side of any other result.

    >>> cover((5, 2), (5, 5)), cover((4, 10), (25, 25)), cover((0, 4), (2, 3))
    ((12, 5), (25, 62), (0, 3))
    """
    (height, width), (out_h, out_w) = source, size
    if empty and not height:
        return 0, out_w
    if empty and not out_h:
        return 0, 0
    aspect, wanted = _aspect(source), _aspect_of_size(size)
    if aspect < wanted:
        if not width:
            msg = f"`image` has a height and a width of {source}, expected both >= 1 for an aspect"
            raise ValueError(msg)
        size = round(height / width * out_w), out_w
    elif aspect > wanted:
        size = out_h, round(width / height * out_h)
    return _filled(size, source)


@DefaultState()
def offset(size: Size, canvas: Size, centering: tuple[float, float], *, rounds: bool = True) -> Size:
    """Row and column at which an image of `size` is placed on `canvas`; it moves along one axis only.

    >>> offset((3, 6), (6, 6), (0.5, 0.5)), offset((3, 8), (8, 8), (0.5, 0.5))
    ((2, 0), (2, 0))
    """
    if size[1] != canvas[1]:
        return 0, _whole((canvas[1] - size[1]) * centering[0], rounds=rounds)
    return _whole((canvas[0] - size[0]) * centering[1], rounds=rounds), 0


@DefaultState()
def fit(
    source: Size, size: Size, bleed: float, centering: tuple[float, float], *, empty: bool = True
) -> tuple[float, ...]:
    """Return the part of the source that has the aspect of `size`, as a box; () where nothing has an aspect.

    Args:
        source: Of the image.
        size: Wanted.
        bleed: Part of each side to cut off first.
        centering: Where to keep the crop, horizontal first.
        empty: An image without height and a size with a side of 0 make zeros, as from Pillow 13 on.

    Raises:
        ValueError: A side that Pillow divides by is 0, or, if not `empty`, a side of `size`.

    >>> fit((5, 7), (2, 3), 0.0, (0.5, 0.5))
    (0.0, 0.16666666666666652, 7.0, 4.833333333333334)
    """
    (height, width), (out_h, out_w) = source, size
    if empty and not (height and out_h and out_w):
        return ()
    _aspect(source)
    trim_x, trim_y = bleed * width, bleed * height
    live_w, live_h = width - trim_x * 2, height - trim_y * 2
    aspect, wanted = live_w / live_h, _aspect_of_size(_filled(size, source))
    crop_w, crop_h = live_w, live_h
    if aspect > wanted:
        crop_w = wanted * live_h
    elif aspect < wanted:
        crop_h = live_w / wanted
    left = trim_x + (live_w - crop_w) * centering[0]
    top = trim_y + (live_h - crop_h) * centering[1]
    return left, top, left + crop_w, top + crop_h


@DefaultState()
def scale(source: Size, factor: float) -> Size:
    """Return both sides times `factor`.

    Raises:
        ValueError: A side is 0, and not those of the source itself.

    >>> scale((5, 7), 0.5), scale((0, 0), 2.0)
    ((2, 4), (0, 0))
    """
    size = round(factor * source[0]), round(factor * source[1])
    if size != source and not all(size):
        msg = f"`factor` {factor} leaves {size} of an image of {source}, expected two sides >= 1"
        raise ValueError(msg)
    return size
