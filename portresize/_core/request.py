"""What a caller may write for each argument, and the one word that the plan understands for it.

Every function takes what arrived and returns what a `Spec` holds, or raises with what arrived, what is allowed and what
to do. None looks at an array.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING

from portresize._core.dialect import DEFAULT, Dialect
from portresize._core.dialect import dialect as rules_of
from portresize._core.filters import Resampling
from portresize._core.modes import MODES, default_mode

if TYPE_CHECKING:
    from collections.abc import Iterable

# Plain tables, which torch.compile can look into, unlike an enumeration.
_BY_NUMBER = {int(member): member for member in Resampling}
_BY_NAME = {member.name.lower(): member for member in Resampling}
# More than any machine's memory; far less than what would overflow somewhere.
MOST_SAMPLES = 2**40
_SPELLINGS = {3: ("HWC", "CHW"), 4: ("NHWC", "NCHW"), 5: ("NTHWC", "NTCHW")}
_RANGES = {"index": (0, 255), "u8": (0, 255), "u16": (0, 65535), "i32": (-(2**31), 2**31 - 1)}
_CASTS = {
    "int8": "int32",
    "int16": "int32",
    "uint32": "int32 (if the values fit) or float64",
    "int64": "int32 (if the values fit) or float64",
    "uint64": "float64",
    ">u2": "uint16 in native byte order",
    ">i4": "int32 in native byte order",
    ">f2": "float16 in native byte order",
    ">f4": "float32 in native byte order",
    ">f8": "float64 in native byte order",
}


def dialect_of(dialect: object) -> Dialect:
    """The row of rules of a Pillow."""
    if not isinstance(dialect, str):
        msg = f'`dialect` is {dialect!r}, expected text such as "{DEFAULT}" or "pillow-12.1"'
        raise TypeError(msg)
    return rules_of(dialect)


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
    if not isinstance(layout, str):
        msg = f'`layout` is a {type(layout).__name__}, expected letters such as "HWC"'
        raise TypeError(msg)
    letters = layout.isascii() and layout.isalpha() and layout.isupper()
    if not letters or len(set(layout)) != len(layout) or "H" not in layout or "W" not in layout:
        msg = (
            f'`layout` is {layout!r}, expected one capital letter per axis, each once: "H" and "W", '
            '"C" for bands, any other for a batch axis'
        )
        raise ValueError(msg)
    if len(layout) != n:
        msg = f"`layout` is {layout!r} with {len(layout)} axes, but the array has {n}: shape {tuple(shape)}"
        raise ValueError(msg)
    return layout


def mode_of(dtype: str, bands: int | None, mode: object) -> str:
    """A mode that `dtype` and the number of bands (None: no band axis) allow."""
    known = sorted({name for row in MODES.values() for name in row.dtypes})
    if dtype not in known:
        cast = _CASTS.get(dtype, "one of them")
        msg = f"`image` has dtype {dtype}, expected {', '.join(known)}; cast it to {cast}"
        raise TypeError(msg)
    if mode is None:
        return default_mode(dtype, 1 if bands is None else bands)
    if not isinstance(mode, str) or mode not in MODES:
        msg = f"`mode` is {mode!r}, expected one of {', '.join(MODES)}"
        raise ValueError(msg)
    row = MODES[mode]
    if dtype not in row.dtypes:
        msg = f'`mode` is "{mode}", which holds {" or ".join(row.dtypes)}, but the array is {dtype}'
        raise ValueError(msg)
    if row.bands and bands != row.bands:
        found = 'its layout has no "C" axis' if bands is None else f"the array has {bands}"
        msg = f'`mode` is "{mode}", which has {row.bands} bands, but {found}'
        raise ValueError(msg)
    return mode


def size_of(size: object, *, least: int = 1) -> tuple[int, int]:
    """Return two integers >= `least`, height first."""
    wanted = f"two integers >= {least} as (height, width)"
    pair = _members(size)
    if pair is None:
        msg = f"`size` is {size!r}, expected {wanted}"
        raise TypeError(msg)
    if len(pair) != 2:
        hint = "; leave out the other axes of a shape" if len(pair) > 2 else ""
        msg = f"`size` is {tuple(pair)}, expected {wanted}{hint}"
        raise ValueError(msg)
    try:
        height, width = (_integer(member) for member in pair)
    except TypeError:
        hint = "; round them as you mean it" if all(isinstance(member, float) for member in pair) else ""
        msg = f"`size` is {tuple(pair)}, expected {wanted}{hint}"
        raise TypeError(msg) from None
    if height < least or width < least:
        msg = f"`size` is {(height, width)}, expected {wanted}"
        raise ValueError(msg)
    if height * width > MOST_SAMPLES:
        msg = f"`size` is {(height, width)}, {height * width:.3g} samples a band, expected at most 2**40"
        raise ValueError(msg)
    return height, width


def factor_of(factor: object) -> tuple[int, int]:
    """One integer >= 1 for both axes, or two, vertical first."""
    pair = _members(factor)
    if pair is None:
        pair = [factor, factor]
    wanted = "an integer >= 1 or two as (vertical, horizontal)"
    if len(pair) != 2:
        msg = f"`factor` is {factor!r}, expected {wanted}"
        raise TypeError(msg)
    try:
        vertical, horizontal = (_integer(member) for member in pair)
    except TypeError:
        msg = f"`factor` is {factor!r}, expected {wanted}"
        raise TypeError(msg) from None
    if vertical < 1 or horizontal < 1:
        msg = f"`factor` is {(vertical, horizontal)}, expected {wanted}"
        raise ValueError(msg)
    return vertical, horizontal


def filter_of(resample: object, dialect: str, default: Resampling) -> Resampling:
    """A filter by name, number or enumeration member."""
    if resample is None:
        return default
    known = rules_of(dialect).filters
    if isinstance(resample, str):
        chosen = _BY_NAME.get(resample.lower())
    else:
        try:
            chosen = _BY_NUMBER.get(_integer(resample))
        except TypeError:
            msg = f"`resample` is {resample!r}, expected a filter's name ({_names(known)}) or Pillow's number for it"
            raise TypeError(msg) from None
    if chosen is None or chosen not in known:
        msg = f'`resample` is {resample!r}, expected one of the filters of dialect "{dialect}": {_names(known)}'
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
    members = _members(box)
    if members is None or len(members) != 4:
        msg = f"`box` is {box!r}, expected {wanted}"
        raise TypeError(msg)
    try:
        edges = tuple(_integer(m) if whole else _number(m) for m in members)
    except TypeError:
        msg = f"`box` is {tuple(members)}, expected {wanted}"
        raise TypeError(msg) from None
    if not all(-math.inf < edge < math.inf for edge in edges):
        msg = f"`box` is {edges}, expected {wanted}"
        raise ValueError(msg)
    return edges


def gap_of(reducing_gap: object) -> float:
    """A number >= 1; 0.0 for None."""
    if reducing_gap is None:
        return 0.0
    wanted = "a number >= 1.0, or None to resize in one go"
    try:
        gap = _number(reducing_gap)
    except TypeError:
        msg = f"`reducing_gap` is {reducing_gap!r}, expected {wanted}"
        raise TypeError(msg) from None
    if not gap >= 1.0:  # NaN is not
        msg = f"`reducing_gap` is {reducing_gap!r}, expected {wanted}"
        raise ValueError(msg)
    return gap


def scale_of(factor: object) -> float:
    """A number > 0 that could make a size."""
    wanted = "a number > 0 and < 2**31"
    try:
        scale = _number(factor)
    except TypeError:
        msg = f"`factor` is {factor!r}, expected {wanted}"
        raise TypeError(msg) from None
    if not 0 < scale < 2**31:
        msg = f"`factor` is {factor!r}, expected {wanted}"
        raise ValueError(msg)
    return scale


def centering_of(centering: object) -> tuple[float, float]:
    """Two finite numbers, horizontal first."""
    wanted = "two numbers from 0 to 1 as (horizontal, vertical)"
    members = _members(centering)
    try:
        x, y = (_number(member) for member in members or ())
    except (TypeError, ValueError):
        msg = f"`centering` is {centering!r}, expected {wanted}"
        raise TypeError(msg) from None
    if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
        msg = f"`centering` is {centering!r}, expected {wanted}"
        raise ValueError(msg)
    return x, y


def bleed_of(bleed: object) -> float:
    """A number in [0, 0.5)."""
    wanted = "a number from 0 to less than 0.5"
    try:
        part = _number(bleed)
    except TypeError:
        msg = f"`bleed` is {bleed!r}, expected {wanted}"
        raise TypeError(msg) from None
    if not 0.0 <= part < 0.5:
        msg = f"`bleed` is {bleed!r}, expected {wanted}"
        raise ValueError(msg)
    return part


def fill_of(color: object, mode: str, bands: int) -> tuple[float, ...]:
    """One number per band that the mode's dtype can hold; Pillow's zero for None."""
    row = MODES[mode]
    count = row.bands or bands
    if color is None:
        color = [0] * (row.bands or 1)
    wanted = f"{count} numbers" if row.bands else "a number" if count == 1 else f"a number or {count} of them"
    members = _members(color)
    try:
        fill = tuple(_number(member) for member in ([color] if members is None and not row.bands else members or ()))
    except TypeError:
        fill = ()
    if len(fill) not in ({count} if row.bands else {1, count}):
        msg = f'`color` is {color!r}, expected {wanted} for mode "{mode}"'
        raise TypeError(msg)
    if row.kind == "float":
        # One zero and one NaN: a Spec with another is another Spec to a cache, or the same one when it should not be.
        return tuple(math.nan if number != number else number + 0.0 for number in fill)  # noqa: PLR0124  it may be a symbol
    low, high = (0, 1) if mode == "1" else _RANGES[row.kind]
    if not all(number.is_integer() and low <= number <= high for number in fill):
        msg = f'`color` is {color!r}, expected integers from {low} to {high} for mode "{mode}"'
        raise ValueError(msg)
    # Pillow takes a signed band as it keeps it: 0 reads as 128.
    return tuple(int(number) ^ (128 if band in row.signed else 0) for band, number in enumerate(fill))


def _members(value: object) -> list[object] | None:
    """The members of a short sequence, or None if `value` is not one."""
    if isinstance(value, (str, bytes, dict, set, frozenset)):
        return None
    try:
        iterable: Iterable[object] = iter(value)  # type: ignore[call-overload]  # whatever a caller may pass
    except TypeError:
        return None
    return list(iterable)


def _integer(value: object) -> int:
    """`value` as an int if it is one: numpy's integers are, bool and 3.0 are not."""
    # Not asked for its index, which would make a number of a symbol of torch's compilers.
    if type(value) is int or type(value).__name__ == "SymInt":
        return value  # type: ignore[return-value]  # a symbol stands for an int
    if isinstance(value, bool):
        raise TypeError
    # A compiler that meets an enumeration of integers follows `int`, but not `index`.
    return int(value) if isinstance(value, int) else operator.index(value)  # type: ignore[arg-type]  # raises TypeError


def _number(value: object) -> float:
    """`value` as a float if it is a real number; text and bool are not."""
    # The class first, which torch.compile can ask of a number that it keeps symbolic.
    real = isinstance(value, (int, float)) or hasattr(value, "__float__") or hasattr(value, "__index__")
    if isinstance(value, (bool, str, bytes, complex)) or not real:
        raise TypeError
    try:
        return float(value)  # type: ignore[arg-type]  # checked above
    except OverflowError:
        # An integer beyond all doubles is as far out of range as a number can be.
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]  # an integer
