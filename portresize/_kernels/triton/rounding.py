"""How samples become numbers and sums become samples, for kernels: what `_backends._round` says, in Triton.

A kernel is told its arithmetic by one of these words:

    u8          int32 sums of samples and weights in units of 2**-22
    u16         double sums, rounded half away from zero and clipped
    u16-bytes   the same, each byte clipped apart
    i32         double sums, rounded half away from zero
    f16 bf16 f32 f64   double sums, rounded to even; bfloat16 as its bits, int16

Nothing here may be contracted to a fused multiply-add, so every kernel is launched with `enable_fp_fusion=False`.
"""

from __future__ import annotations

import triton
import triton.language as tl

from portresize._core import fixed

SHIFT = tl.constexpr(fixed.SHIFT)
HALF = tl.constexpr(fixed.HALF)


@triton.jit
def double(sample: tl.tensor, KIND: tl.constexpr) -> tl.tensor:
    """Samples of any kind but u8 as float64."""
    if KIND == "bf16":
        sample = (sample.to(tl.int32) << 16).to(tl.float32, bitcast=True)
    return sample.to(tl.float64)


@triton.jit
def rounded(total: tl.tensor, KIND: tl.constexpr) -> tl.tensor:
    """Sums as samples, of a dtype that a store may narrow without a loss."""
    if KIND == "u8":
        sample = tl.minimum(tl.maximum(total >> SHIFT, 0), 255)
    elif KIND == "f64":
        sample = total
    elif KIND == "f32":
        sample = total.to(tl.float32)
    elif KIND == "f16":
        sample = to_odd(total).to(tl.float16)
    elif KIND == "bf16":
        sample = bfloat16_bits(to_odd(total))
    else:
        sample = half_away(total)
        if KIND == "u16":
            sample = tl.minimum(tl.maximum(sample, 0), 65535)
        if KIND == "u16-bytes":
            # Above the range the high byte stays at 255 and the low byte wraps; below it both are 0.
            sample = tl.where(sample > 65535, 0xFF00 | (sample & 0xFF), tl.maximum(sample, 0))
    return sample


@triton.jit
def half_away(total: tl.tensor) -> tl.tensor:
    """float64 to int32, half away from zero; beyond int32 the most negative one, as a cast in C gives on x86-64."""
    moved = tl.where(total >= 0.0, total + 0.5, total - 0.5)
    # What is less than one below the range is truncated to its end: the most negative number, here as there.
    inside = (moved > -2147483648.0) & (moved < 2147483648.0)
    return tl.where(inside, moved, -2147483648.0).to(tl.int32)


@triton.jit
def to_odd(total: tl.tensor) -> tl.tensor:
    """float64 to float32 with the last bit set if anything was lost, from where a half float is one rounding away."""
    single = total.to(tl.float32)
    bits = single.to(tl.int32, bitcast=True)
    error = tl.abs(total) - tl.abs(single.to(tl.float64))
    away = (error > 0.0).to(tl.int32) - (error < 0.0).to(tl.int32)
    # Sign and magnitude: adding to the bits moves away from zero on either side.
    bits = tl.where((bits & 1) == 0, bits + away, bits)
    return bits.to(tl.float32, bitcast=True)


@triton.jit
def bfloat16_bits(single: tl.tensor) -> tl.tensor:
    """float32 to the nearest bfloat16, ties to even, as int32 with its bits in the lower half."""
    bits = single.to(tl.int32, bitcast=True)
    nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    # A NaN, which alone differs from itself, is made quiet; rounding could carry it to an infinity or beyond.
    return tl.where(single == single, nearest, (bits >> 16) | 0x40)  # noqa: PLR0124
