"""How Pillow turns a double sum into a sample, with the array API alone.

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


def to_uint16(xp: Namespace, whole: Array, dtype: Any, *, clip: bool) -> Array:
    """int32 to 0..65535: clipped, or each byte clipped apart as before Pillow 12.3."""
    if clip:
        return xp.astype(xp.clip(whole, 0, 65535), dtype)
    # Above the range the high byte stays at 255 and the low byte wraps; below it both are 0.
    over = 0xFF00 | (whole & 0xFF)
    return xp.astype(xp.where(whole > 65535, over, xp.clip(whole, 0, 65535)), dtype)


def to_float(xp: Namespace, total: Array, dtype: Any) -> Array:
    """float64 to `dtype` in a single rounding."""
    name = str(dtype).rpartition(".")[2]
    if name not in {"float16", "bfloat16"}:
        return xp.astype(total, dtype)
    # Libraries go by way of float32, and a double that float32 rounds onto the midpoint of two halves is then rounded
    # twice. Where the float32's two neighbours round apart, it is such a midpoint: the neighbour on the double's side
    # rounds as the double does.
    single = xp.astype(total, xp.float32)
    infinity = xp.full_like(single, float("inf"))
    below, above = xp.nextafter(single, -infinity), xp.nextafter(single, infinity)
    error = total - xp.astype(single, xp.float64)
    better = xp.where(error > 0.0, above, xp.where(error < 0.0, below, single))
    midpoint = xp.astype(below, dtype) != xp.astype(above, dtype)
    return xp.astype(xp.where(midpoint, better, single), dtype)
