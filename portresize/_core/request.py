"""What a caller may write for each argument, and the one word that the plan understands for it.

Every function takes what arrived and returns what a `Spec` holds, or raises with what arrived, what is allowed and what
to do. None looks at an array.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from portresize._core import foreign
from portresize._core.dialect import DEFAULT, Dialect
from portresize._core.dialect import dialect as rules_of
from portresize._core.filters import Resampling
from portresize._core.modes import MODES, default_mode

if TYPE_CHECKING:
    from collections.abc import Callable

# Plain tables, which torch.compile can look into, unlike an enumeration.
_BY_NUMBER = {int(member): member for member in Resampling}
_BY_NAME = {member.name.lower(): member for member in Resampling}
# More than any machine's memory; far less than what would overflow somewhere.
MOST_SAMPLES = 2**40
_SPELLINGS = {3: ("HWC", "CHW"), 4: ("NHWC", "NCHW"), 5: ("NTHWC", "NTCHW")}
_RANGES = {"1": (0, 1)}
for _bits in (1, 2, 4, 8, 16, 32, 64):
    _RANGES |= {f"uint{_bits}": (0, 2**_bits - 1), f"int{_bits}": (-(2 ** (_bits - 1)), 2 ** (_bits - 1) - 1)}
# In words, for those of `modes.MODES` that no filter computes with.
_ONLY_MOVED = "or, to be moved only, any other integer, float or complex number of a fixed width"


def dialect_of(dialect: object) -> Dialect:
    """The row of rules of a Pillow."""
    return rules_of(dialect_name(dialect))


def dialect_name(dialect: object) -> str:
    """The name of a Pillow, as plain text."""
    name = foreign.text(dialect)
    if name is None:
        msg = f'`dialect` is {foreign.shown(dialect)}, expected text such as "{DEFAULT}" or "pillow-12.1"'
        raise TypeError(msg)
    return name


def layout_of(
    shape: tuple[int, ...], layout: object, *, are_numbers: bool = True, as_pillow_reads: bool = False
) -> str:
    """Return one letter per axis, inferred only where no guess is needed.

    Args:
        shape: Of the array.
        layout: Letters of the caller, or None.
        are_numbers: Lengths are numbers and not symbols of a compiler.
        as_pillow_reads: The array is one that `Image.fromarray` reads, for which the last of three axes holds the
            bands. Other libraries keep bands first as well, so that a first axis of up to 4 may hold them.
    """
    n = len(shape)
    if n < 2:
        msg = f"`image` has shape {tuple(shape)}, expected at least two axes, a height and a width"
        raise ValueError(msg)
    if layout is None:
        if n == 2:
            return "HW"
        if n == 3 and are_numbers and 1 <= shape[2] <= 4 and (as_pillow_reads or shape[0] > 4):
            return "HWC"
        first, second = _SPELLINGS.get(n, ("...HWC", "...CHW"))
        msg = f'`layout` is missing for an array of shape {tuple(shape)}; pass layout="{first}" or layout="{second}"'
        if n > max(_SPELLINGS):
            msg += ", with one letter of your own for every other axis"
        raise ValueError(msg)
    word = foreign.text(layout)
    if word is None:
        msg = f'`layout` is a {foreign.name_of(type(layout))}, expected letters such as "HWC"'
        raise TypeError(msg)
    letters = word.isascii() and word.isalpha() and word.isupper()
    if not letters or len(set(word)) != len(word) or "H" not in word or "W" not in word:
        msg = (
            f'`layout` is {foreign.shown(word)}, expected one capital letter per axis, each once: "H" and "W", '
            '"C" for bands, any other for a batch axis'
        )
        raise ValueError(msg)
    if len(word) != n:
        msg = f"`layout` is {foreign.shown(word)} with {len(word)} axes, but the array has {n}: shape {tuple(shape)}"
        raise ValueError(msg)
    return word


def mode_of(dtype: str, bands: int | None, mode: object) -> str:
    """Return a mode that `dtype` and the number of bands (None: no band axis) allow."""
    name = _native(dtype)
    if name not in _DTYPES:
        known = sorted(dtype for row in MODES.values() if row.kind != "moved" for dtype in row.dtypes)
        msg = f"`image` has dtype {dtype}, expected {', '.join(dict.fromkeys(known))}, {_ONLY_MOVED}; cast it to one"
        raise TypeError(msg)
    if mode is None:
        return default_mode(name, 1 if bands is None else bands)
    mode = mode_name(mode)
    row = MODES[mode]
    if name not in row.dtypes:
        msg = f'`mode` is "{mode}", which holds {" or ".join(row.dtypes)}, but the array is {dtype}'
        raise ValueError(msg)
    if row.bands and bands != row.bands:
        found = 'its layout has no "C" axis' if bands is None else f"the array has {bands}"
        msg = f'`mode` is "{mode}", which has {row.bands} bands, but {found}'
        raise ValueError(msg)
    return mode


_DTYPES = frozenset(dtype for row in MODES.values() for dtype in row.dtypes)


def _native(dtype: str) -> str:
    """Return the name of a dtype that numpy spells with its byte order, such as ">u2"; any other as it is."""
    return np.dtype(dtype).name if dtype[:1] in {"<", ">"} else dtype


def mode_name(mode: object) -> str:
    """The name of a mode, as plain text."""
    name = foreign.text(mode)
    if name is None or name not in MODES:
        known = [name for name, row in MODES.items() if row.kind != "moved"]
        msg = f"`mode` is {foreign.shown(mode)}, expected one of {', '.join(known)}"
        raise ValueError(msg)
    return name


def size_of(size: object, *, least: int = 1) -> tuple[int, int]:
    """Return two integers >= `least`, height first."""
    return _sides(size, "integers", foreign.integer, least)


def bounds_of(size: object, *, least: int = 1) -> tuple[int, int]:
    """Return two numbers >= `least`, height first, without their fractions, as Pillow's `thumbnail` does."""
    return _sides(size, "numbers", _floor, least)


def _sides(size: object, numbers: str, read: Callable[[object], int], least: int) -> tuple[int, int]:
    wanted = f"two {numbers} >= {least} as (height, width)"
    try:
        pair = foreign.members(size)
    except TypeError as error:
        msg = f"`size` is {foreign.shown(size)}, expected {wanted}"
        raise TypeError(msg) from error.__cause__
    if len(pair) != 2:
        hint = "; leave out the other axes of a shape" if len(pair) > 2 else ""
        msg = f"`size` is {foreign.shown(tuple(pair))}, expected {wanted}{hint}"
        raise ValueError(msg)
    try:
        height, width = read(pair[0]), read(pair[1])
    except TypeError as error:
        hint = "; round them as you mean it" if all(issubclass(type(member), float) for member in pair) else ""
        msg = f"`size` is {foreign.shown(tuple(pair))}, expected {wanted}{hint}"
        raise TypeError(msg) from error.__cause__
    if height < least or width < least:
        msg = f"`size` is {foreign.shown(tuple(pair))}, expected {wanted}"
        raise ValueError(msg)
    # Each side first: the product of two large integers would take long, and may not be a float.
    if height > MOST_SAMPLES or width > MOST_SAMPLES or height * width > MOST_SAMPLES:
        many = f"{height * width:.3g} samples a band, " if max(height, width) < 2**63 else ""
        msg = f"`size` is {foreign.shown((height, width))}, {many}expected at most 2**40"
        raise ValueError(msg)
    return height, width


def _floor(value: object) -> int:
    """The largest integer that is not above a number."""
    try:
        return foreign.integer(value)
    except TypeError:
        real = foreign.number(value)
    # What has no floor is as wrong as what is below 0.
    return math.floor(real) if -math.inf < real < math.inf else -1


def factor_of(factor: object) -> tuple[int, int]:
    """One integer >= 1 for both axes, or two, vertical first."""
    wanted = "an integer >= 1 or two as (vertical, horizontal)"
    try:
        vertical, horizontal = map(foreign.integer, _pair(factor))
    except TypeError as error:
        msg = f"`factor` is {foreign.shown(factor)}, expected {wanted}"
        raise TypeError(msg) from error.__cause__
    if vertical < 1 or horizontal < 1:
        msg = f"`factor` is {foreign.shown((vertical, horizontal))}, expected {wanted}"
        raise ValueError(msg)
    # A block longer than the image is a partial one, however long; torch's operators hold 64 bits.
    return min(vertical, 2**62), min(horizontal, 2**62)


def _pair(factor: object) -> list[object]:
    """Two members, or a number twice."""
    if not foreign.is_many(factor):
        return [factor, factor]
    pair = foreign.members(factor)
    if len(pair) != 2:
        raise TypeError
    return pair


def filter_of(resample: object, dialect: str, default: Resampling) -> Resampling:
    """A filter by name, number or enumeration member."""
    if resample is None:
        return default
    known = rules_of(dialect).filters
    name = foreign.text(resample)
    if name is not None:
        chosen = _BY_NAME.get(name.lower())
    else:
        try:
            chosen = _BY_NUMBER.get(foreign.integer(resample))
        except TypeError as error:
            msg = (
                f"`resample` is {foreign.shown(resample)}, expected a filter's name ({_names(known)}) "
                "or Pillow's number for it"
            )
            raise TypeError(msg) from error.__cause__
    if chosen is None or chosen not in known:
        msg = (
            f"`resample` is {foreign.shown(resample)}, expected one of the filters of "
            f'dialect "{dialect}": {_names(known)}'
        )
        raise ValueError(msg)
    return chosen


def _names(known: frozenset[Resampling]) -> str:
    """Names of filters, in the order of Pillow's numbers."""
    return ", ".join(f'"{name}"' for name, member in _BY_NAME.items() if member in known)


def box_of(box: object, *, whole: bool = False) -> tuple[float, ...]:
    """Four finite numbers, `whole` ones for reducing; () for None."""
    if box is None:
        return ()
    wanted = f"four {'integers' if whole else 'finite numbers'} as (left, upper, right, lower)"
    arrived = box
    try:
        arrived = tuple(foreign.members(box))
        edges = tuple(foreign.integer(m) if whole else foreign.number(m) for m in arrived)
    except TypeError as error:
        msg = f"`box` is {foreign.shown(arrived)}, expected {wanted}"
        raise TypeError(msg) from error.__cause__
    if len(edges) != 4:
        msg = f"`box` is {foreign.shown(arrived)}, expected {wanted}"
        raise TypeError(msg)
    limit = 2**63 if whole else math.inf
    if not all(-limit < edge < limit for edge in edges):
        msg = f"`box` is {foreign.shown(edges)}, expected {wanted}{', less than 2**63' if whole else ''}"
        raise ValueError(msg)
    return edges


def gap_of(reducing_gap: object) -> float:
    """A number >= 1; 0.0 for None."""
    if reducing_gap is None:
        return 0.0
    gap = _number(reducing_gap, "reducing_gap", wanted := "a number >= 1.0, or None to resize in one go")
    if not gap >= 1.0:  # NaN is not
        msg = f"`reducing_gap` is {foreign.shown(reducing_gap)}, expected {wanted}"
        raise ValueError(msg)
    return gap


def scale_of(factor: object) -> float:
    """A number > 0 that could make a size."""
    scale = _number(factor, "factor", wanted := "a number > 0 and < 2**31")
    if not 0 < scale < 2**31:
        msg = f"`factor` is {foreign.shown(factor)}, expected {wanted}"
        raise ValueError(msg)
    return scale


def centering_of(centering: object) -> tuple[float, float]:
    """Two finite numbers, horizontal first."""
    wanted = "two numbers from 0 to 1 as (horizontal, vertical)"
    arrived = centering
    try:
        arrived = tuple(foreign.members(centering))
        place = tuple(foreign.number(member) for member in arrived)
    except TypeError as error:
        msg = f"`centering` is {foreign.shown(arrived)}, expected {wanted}"
        raise TypeError(msg) from error.__cause__
    if len(place) != 2:
        msg = f"`centering` is {foreign.shown(arrived)}, expected {wanted}"
        raise TypeError(msg)
    x, y = place
    if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
        msg = f"`centering` is {foreign.shown(arrived)}, expected {wanted}"
        raise ValueError(msg)
    return x, y


def bleed_of(bleed: object) -> float:
    """A number in [0, 0.5)."""
    part = _number(bleed, "bleed", wanted := "a number from 0 to less than 0.5")
    if not 0.0 <= part < 0.5:
        msg = f"`bleed` is {foreign.shown(bleed)}, expected {wanted}"
        raise ValueError(msg)
    return part


def fill_of(color: object, mode: str, bands: int) -> tuple[float, ...]:
    """One number per band that the mode's dtype can hold; Pillow's zero for None."""
    row = MODES[mode]
    count = row.bands or bands
    if color is None:
        color = [0] * (row.bands or 1)
    wanted = f"{count} numbers" if row.bands else "a number" if count == 1 else f"a number or {count} of them"
    try:
        parts = foreign.members(color, count) if row.bands or foreign.is_many(color) else [color]
        fill = tuple(foreign.number(member) for member in parts)
        cause = None
    except TypeError as error:
        fill, cause = (), error.__cause__
    if len(fill) not in ({count} if row.bands else {1, count}):
        msg = f'`color` is {foreign.shown(color)}, expected {wanted} for mode "{mode}"'
        raise TypeError(msg) from cause
    if not row.is_whole:
        # One zero and one NaN: a Spec with another is another Spec to a cache, or the same one when it should not be.
        return tuple(math.nan if number != number else number + 0.0 for number in fill)  # noqa: PLR0124  it may be a symbol
    low, high = _RANGES["1" if mode == "1" else row.dtypes[0]]
    if not all(number.is_integer() and low <= number <= high for number in fill):
        msg = f'`color` is {foreign.shown(color)}, expected integers from {low} to {high} for mode "{mode}"'
        raise ValueError(msg)
    if any(_is_rounded(part, number) for part, number in zip(parts, fill, strict=True)):
        msg = f'`color` is {foreign.shown(color)}, expected integers that float64 holds exactly for mode "{mode}"'
        raise ValueError(msg)
    # Pillow takes a signed band as it keeps it: 0 reads as 128.
    return tuple(int(number) ^ (128 if band in row.signed else 0) for band, number in enumerate(fill))


def _is_rounded(value: object, number: float) -> bool:
    """An integer that `number` was made of, and is not."""
    try:
        return foreign.integer(value) != int(number)
    except TypeError:
        return False


def _number(value: object, name: str, wanted: str) -> float:
    """`value` as a float, or an error about the argument `name`."""
    try:
        return foreign.number(value)
    except TypeError as error:
        msg = f"`{name}` is {foreign.shown(value)}, expected {wanted}"
        raise TypeError(msg) from error.__cause__
