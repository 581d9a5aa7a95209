"""How users of torchvision count: a size by one edge of the image, and axes from the last.

Sizes are `(height, width)`. Divisions are of integers: torchvision divides doubles and cuts the fraction off, which is
the same up to 2**53, and a compiler can follow it where lengths are its symbols.

Source: torchvision 0.28.0, torchvision/transforms/functional.py, _compute_resized_output_size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._core import foreign, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from portresize._core.geometry import Size

# Letters for batch axes, in the order in which they come into use: N, T and those that mean nothing.
_BATCH = "NTABDEFGIJKLMOPQRSUVXYZ"


def layout_of(n: int) -> str | None:
    """One letter per axis of `n`, of which the last are bands, height and width; None where that cannot be.

    >>> layout_of(2), layout_of(3), layout_of(5)
    ('HW', 'CHW', 'NTCHW')
    """
    if n == 2:
        return "HW"
    return _BATCH[: n - 3] + "CHW" if 3 <= n <= len(_BATCH) + 3 else None


def channels_first(shape: tuple[int, ...], *, has_floats: bool) -> str | None:
    """Return `layout_of` for an array of `shape`, unless its last axis must be that of the bands.

    So it is where the last axis has 1 to 4 elements and the two before it have more than 4: a picture 640 high and 3
    wide, with 480 bands, is `(480, 640, 3)` with its axes in the wrong order. Floats may be feature maps, of many bands
    and few columns, and are refused only where both have 32 elements or more.

    Raises:
        ValueError: The bands come last.

    >>> channels_first((3, 480, 640), has_floats=False), channels_first((256, 14, 4), has_floats=True)
    ('CHW', 'CHW')
    """
    least = 32 if has_floats else 5
    # The third-last axis is the first to be asked: it is a known number in compiled programs, where the others may be
    # symbols that a comparison would bind.
    if len(shape) >= 3 and shape[-3] >= least and shape[-2] >= least and 1 <= shape[-1] <= 4:
        bands, height, width = shape[-3:]
        msg = (
            f"`image` has shape {tuple(shape)}, but its axes are read as [..., C, H, W]: {bands} bands of {height} x "
            f'{width}; permute them, or pass its layout, such as "HWC" (or "CHW" if that is what it is), to '
            "portresize.resize or portresize.torch.Resize"
        )
        raise ValueError(msg)
    return layout_of(len(shape))


def size_of(size: object, max_size: object) -> tuple[int | Size | None, int | None]:
    """Both arguments as plain integers: the short edge, alone or in a sequence, or two edges, or None.

    Raises:
        TypeError: One of them is no integer.
        ValueError: One of them is out of range, or they contradict each other.

    >>> size_of([224], 300), size_of([224, 256], None), size_of(None, 300)
    ((224, 300), ((224, 256), None), (None, 300))
    """
    limit = "`max_size` is {}, expected an integer >= 1 or None"
    longest = None if max_size is None else _at_least_one(max_size, limit)
    if size is None:
        if longest is None:
            msg = "`size` is None, which needs `max_size`, the length of the long edge"
            raise ValueError(msg)
        return None, longest
    short, both = _short_or_both(size)
    if both is not None:
        pair = request.size_of(both)
        if longest is not None:
            hint = "pass one integer for the short edge, or None"
            msg = f"`max_size` is {longest}, but `size` is {pair}, both edges; {hint}"
            raise ValueError(msg)
        return pair, None
    edge = _at_least_one(short, "`size` is {}, expected an integer >= 1 for the short edge, or two as (height, width)")
    if longest is not None and longest <= edge:
        msg = f"`max_size` is {longest}, expected more than `size`, the short edge, which is {edge}"
        raise ValueError(msg)
    return edge, longest


def result(
    source: Size, size: int | Size | None, max_size: int | None, longer: Callable[[int, int], int] = max
) -> Size:
    """The size of a result for an image of `source`, which may be symbols of a compiler with its own way to compare.

    Raises:
        ValueError: The image is empty, or so narrow that its short edge would be 0.

    >>> result((333, 500), 224, None), result((333, 500), 224, 300), result((333, 500), None, 300)
    ((224, 336), (200, 300), (199, 300))
    """
    if isinstance(size, tuple):
        return size
    height, width = source
    if height < 1 or width < 1:
        msg = f"`image` has a height and a width of {(height, width)}, expected both >= 1 for an aspect"
        raise ValueError(msg)
    if size is not None and max_size is None:
        # Whichever edge is the long one: a program holds for both.
        return longer(size, size * height // width), longer(size, size * width // height)
    is_upright = width <= height
    short, long = (width, height) if is_upright else (height, width)
    if size is not None:
        short, long = size, size * long // short
    if max_size is not None and (size is None or long > max_size):
        short, long = max_size * short // long, max_size
    if short < 1:
        msg = f"`max_size` is {max_size}, which leaves no short edge of an image of {(height, width)}; make it larger"
        raise ValueError(msg)
    return (long, short) if is_upright else (short, long)


def _short_or_both(size: object) -> tuple[object, object | None]:
    """Return a number or the only member of a sequence of one, or else None and the sequence."""
    try:
        if not foreign.is_many(size):
            return size, None
        found = foreign.members(size)
    except TypeError:
        return None, size
    return (found[0], None) if len(found) == 1 else (None, found)


def _at_least_one(value: object, text: str) -> int:
    try:
        number = foreign.integer(value)
    except TypeError as error:
        raise TypeError(text.format(foreign.shown(value))) from error.__cause__
    if number < 1:
        raise ValueError(text.format(foreign.shown(value)))
    if number > request.MOST_SAMPLES:
        msg = f"{text.format(foreign.shown(value))}, at most 2**40"
        raise ValueError(msg)
    return number
