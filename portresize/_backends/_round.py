"""How Pillow turns a double sum into a sample, with the array API alone but for half floats, which it does not have.

Source: Pillow 13.0.0, src/libImaging/Resample.c (ROUND_UP and the casts around it).
"""

from __future__ import annotations

from typing import Any

Array = Any
Namespace = Any


def half_away(xp: Namespace, total: Array) -> Array:
    """float64 to int32, half away from zero; beyond int32 the most negative one, as a cast in C gives on x86-64."""
    rounded = xp.trunc(xp.where(total >= 0.0, total + 0.5, total - 0.5))
    inside = (rounded > -2147483649.0) & (rounded < 2147483648.0)
    lowest = xp.full_like(rounded, -2147483648.0)
    return xp.astype(xp.where(inside, rounded, lowest), xp.int32)


# What the samples of a kind can be; a double holds both ends.
_RANGES = {"u16": (0, 65535), "i16": (-32768, 32767), "u32": (0, 2**32 - 1)}


def to_integer(xp: Namespace, total: Array, dtype: Any, kind: str, *, clip: bool = True) -> Array:
    """Round float64 sums half away from zero to samples of `kind`, which `dtype` holds.

    Beyond the type they are clipped, but for "i32", which is as `half_away` leaves it.
    """
    if kind == "u32":
        # No int32 holds these.
        low, high = _RANGES[kind]
        return xp.astype(xp.clip(xp.trunc(total + 0.5), float(low), float(high)), dtype)
    return clipped(xp, half_away(xp, total), dtype, kind, clip=clip)


def clipped(xp: Namespace, whole: Array, dtype: Any, kind: str, *, clip: bool = True) -> Array:
    """Clip int32 to samples of `kind`; or, if not `clip`, each byte of 16 apart as before Pillow 12.3."""
    if kind == "i32":
        return whole
    low, high = _RANGES[kind]
    found = xp.clip(whole, low, high)
    # Above the range the high byte stays at 255 and the low byte wraps; below it both are 0.
    return xp.astype(found if clip else xp.where(whole > high, 0xFF00 | (whole & 0xFF), found), dtype)


def is_half(dtype: Any) -> bool:
    """Whether a dtype of any library is float16 or bfloat16."""
    return str(dtype).endswith("float16")


def to_float(xp: Namespace, total: Array, dtype: Any) -> Array:
    """float64 to `dtype` in a single rounding."""
    if not is_half(dtype):
        return xp.astype(total, dtype)
    lost = to_odd(xp, total, xp.astype(total, xp.float32)) - total
    # The difference is exact, and so is the sum, but beyond the largest float32, where nothing is left to round.
    small = xp.abs(total) <= 3.4028234663852886e38
    return xp.astype(xp.where(small, total + xp.where(small, lost, xp.zeros_like(lost)), total), dtype)


def to_odd(xp: Namespace, total: Array, single: Array) -> Array:
    """float64 rounded to the values of float32 with the last bit set if anything was lost.

    Libraries convert a double to a half float by way of float32, and a double that float32 rounds onto the midpoint of
    two halves is then rounded a second time. Rounded "to odd" it never gets there: midpoints are even.

    Args:
        xp: Namespace of the arrays, which need a `view` of their bits.
        total: float64.
        single: `total` as float32.
    """
    bits = single.view(xp.int32)
    error = xp.abs(total) - xp.abs(xp.astype(single, xp.float64))
    up, down = xp.astype(error > 0.0, xp.int32), xp.astype(error < 0.0, xp.int32)
    # Sign and magnitude: adding to the bits moves away from zero on either side.
    bits = bits + xp.where((bits & 1) == 0, up - down, xp.zeros_like(bits))
    return xp.astype(bits.view(xp.float32), xp.float64)
