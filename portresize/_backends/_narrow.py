"""Pillow's double sums of integer samples on devices that have nothing wider than 32 bits: a double in software.

Exact: a double is rebuilt from int32 operations. Elementwise only and without a look at a value, so all of it traces.
"""

from __future__ import annotations

import operator
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from portresize._backends import _round

if TYPE_CHECKING:
    from collections.abc import Iterable

Array = Any
Namespace = Any
# Digits of a table, lowest first, and the exponent of the lowest: see `weight_digits`.
Digits = tuple[list[Array], Array]
Term = tuple[Array, "np.ndarray | Digits"]

# THE SOFTWARE DOUBLE
#
# A number is (hi * 2^29 + lo) * 2^e with 0 <= lo < 2^29 and the sign in hi. Two's complement needs no case for signs:
# floor, then round to nearest even, is the same law above and below zero. `t = hi ^ (hi >> 31)` (hi, or -hi - 1) has
# the bit length of the magnitude, except when that is a power of two, which any rounding position leaves alone.
#
# A *rounded* number has at most 53 significant bits in 2^55 <= |hi * 2^29 + lo| <= 2^58, hence three low zero bits, or
# is zero with e <= ZERO. ZERO lies below all that a double can reach, so a zero never sets the scale of a sum.
#
# The exponent has no bounds, and needs none: |v| >= 1 keeps products of normal weights normal, and sums of doubles,
# or products of an integer and a subnormal weight, lose nothing below 2^-1022, here as there.
RADIX = 29
MASK = (1 << RADIX) - 1
ZERO = -(1 << 14)
# Weights are cut into digits of 14 bits: the 17 leading bits of a sample times one of these fits an int32.
DIGIT = 14
DIGIT_MASK = (1 << DIGIT) - 1
LEADING = DIGIT + 3
# An int32 sample has two digits. If |v| <= NARROW, as in mode I;16, the leading one holds it; a uint32 has three.
NARROW = (1 << LEADING) - 1
# The largest |sample| of each kind.
LIMITS = {"u16": 2**16 - 1, "i16": 2**15, "i32": 2**31, "u32": 2**32 - 1}


class Double(NamedTuple):
    """(hi * 2^29 + lo) * 2^exponent: three int32 arrays of one shape, see above."""

    hi: Array
    lo: Array
    exponent: Array


def integer_sum(xp: Namespace, terms: Iterable[Term], *, limit: int = 2**31) -> Double:
    """Return the sum of samples times weights, added in order as doubles, every product and sum rounded.

    Exact for every input. 137 elementwise operations per term, 125 if `limit` allows.

    Args:
        xp: Array API namespace of the samples.
        terms: At least one pair of samples, all of one shape, and weights, host float64, finite, |k| < 4, broadcastable
            to them. Samples are int32, or of any integers that hold them, if `limit` is beyond.
        limit: Largest |sample|, one of LIMITS; up to 131071 it saves work.

    Source: Pillow 13.0.0, src/libImaging/Resample.c, ImagingResampleHorizontal_32bpc.
    """
    # 0.0 + term is term: the first product needs no sum.
    return reduce(partial(add, xp), (product(xp, v, k, limit=limit) for v, k in terms))


def product(xp: Namespace, sample: Array, weight: np.ndarray | Digits, *, limit: int = 2**31) -> Double:
    """Return one term of `integer_sum`; its weight may also come as the digits that `weight_digits` makes of it."""
    digits, shift = (
        _unsigned_digits(xp, sample) if limit > 2**31 else _sample_digits(xp, sample, narrow=limit <= NARROW)
    )
    return _product(xp, digits, shift, weight)


def integer_mean(xp: Namespace, addends: Iterable[Array], reciprocal: float) -> Double:
    """Return the exact sum of integer arrays times a double, rounded as double.

    Args:
        xp: Array API namespace of the addends.
        addends: At least one array of integers of up to 32 bits, all of one shape and dtype; |sum| < 2**53.
        reciprocal: Of the count, 0 < reciprocal <= 1.

    Source: Pillow 13.0.0, src/libImaging/Reduce.c, ImagingReduceNxN_32bpc.
    """
    hi, lo = 0, 0
    for addend in addends:
        lo = lo + xp.astype(addend & MASK, xp.int32)
        hi = hi + xp.astype(addend >> RADIX, xp.int32) + (lo >> RADIX)
        lo = lo & MASK
    hi, lo, exponent = _normalise(xp, hi, lo, xp.zeros_like(hi))
    # 59 bits are 17 + 3 * 14.
    cut = RADIX + 1 - LEADING
    middle = ((hi & ((1 << cut) - 1)) << (DIGIT - cut)) | (lo >> (2 * DIGIT))
    digits = [lo & DIGIT_MASK, (lo >> DIGIT) & DIGIT_MASK, middle, hi >> cut]
    return _product(xp, digits, -exponent, np.asarray(reciprocal))


def _sample_digits(xp: Namespace, v: Array, *, narrow: bool) -> tuple[list[Array], Array]:
    """`v * 2^shift` as digits, lowest first, the last signed and of 16 to 17 bits (or all zero), and `shift`."""
    bits = LEADING if narrow else LEADING + DIGIT
    shift = _room(xp, v, bits)
    m = v << shift
    return ([m] if narrow else [m & DIGIT_MASK, m >> DIGIT]), shift


def _unsigned_digits(xp: Namespace, v: Array) -> tuple[list[Array], Array]:
    """The same for a sample of up to 32 bits, of a dtype that holds it."""
    shift = _room(xp, v, LEADING + DIGIT + 1)
    # As bits of an int32, whose shifts bring in copies of the sign.
    m = ((xp.astype(v >> 16, xp.int32) << 16) | xp.astype(v & 0xFFFF, xp.int32)) << shift
    digits = [(m & 1) << (DIGIT - 1), (m >> 1) & DIGIT_MASK, (m >> (DIGIT + 1)) & NARROW]
    return digits, shift + (DIGIT - 1)


def _room(xp: Namespace, v: Array, bits: int) -> Array:
    """The `s` that brings |v| * 2^s, |v| <= 2^bits, between 0.98 * 2^(bits-1) and 2^bits."""
    # Without frexp the exponent comes from log2. The margin of 0.01 is what a device's log2 and conversion may be
    # wrong by: numbers just below a power of two then stay one bit short, and nothing below minds.
    return xp.astype(bits - 0.01 - xp.log2(xp.clip(xp.abs(xp.astype(v, xp.float32)), 1.0, None)), xp.int32)


def weight_digits(weight: np.ndarray) -> Digits:
    """Four digits, lowest first, the lower three within +-2^13, and the exponent of the lowest.

    >>> digits, exponent = weight_digits(np.array(0.75))
    >>> [int(digit) for digit in digits], int(exponent)
    ([0, 0, 0, 3072], -54)
    """
    fraction, exponent = np.frexp(weight)
    rest = np.asarray(fraction * 2.0**54).astype(np.int64)  # 2^53 <= |rest| < 2^54
    digits = []
    for _ in range(3):
        digit = ((rest + DIGIT_MASK // 2 + 1) & DIGIT_MASK) - (DIGIT_MASK // 2 + 1)
        digits.append(digit.astype(np.int32))
        rest = (rest - digit) >> DIGIT
    return [*digits, rest.astype(np.int32)], np.where(weight == 0, ZERO, exponent - 54).astype(np.int32)


# PRODUCT. Schoolbook in base 2^14. The sample's leading digit is at most 2^17, its others 2^14, the weight's 2^13 and
# its leading one 2^12: a column holds at most 2^30 + 3 * 2^27 and a carry of 2^17. Arithmetic shifts floor, so the
# digits that stay are positive whatever the signs. The leading column is hi, the next two are 28 bits of lo, and the
# rest is only asked whether it is zero: the lowest bit of lo. |hi| lies between 2^26 and 2^29, that is 56 to 58
# bits, of which 3 to 5 must go: t >> 27 is 0 to 3, and 3, 4, 5, 5 are looked up in the digits of 0x5543.
def _product(xp: Namespace, digits: list[Array], shift: Array, weight: np.ndarray | Digits) -> Double:
    """Round `digits * 2^-shift * weight` to double."""
    if isinstance(weight, tuple):
        weights, exponent = weight
    else:
        tables, table = weight_digits(weight)
        weights, exponent = [constant(xp, digit, shift) for digit in tables], constant(xp, table, shift)
    columns: list[Array] = []
    for place in range(len(digits) + 3):
        parts = [digits[i] * weights[place - i] for i in range(len(digits)) if 0 <= place - i < 4]
        parts += [column >> DIGIT for column in columns[-1:]]
        columns.append(reduce(operator.add, parts))
    *rest, low, high, hi = columns
    lost = xp.astype((reduce(operator.or_, rest) & DIGIT_MASK) != 0, xp.int32)
    lo = ((high & DIGIT_MASK) << (DIGIT + 1)) | ((low & DIGIT_MASK) << 1) | lost
    hi, lo = _carry(hi, _to_even(lo, (0x5543 >> ((_magnitude(hi) >> 25) & 12)) & 7))
    exponent = exponent + (DIGIT * (len(digits) + 2) - RADIX) - shift
    return Double(hi, lo, xp.where(digits[-1] == 0, ZERO, exponent))


# SUM. The number with the smaller exponent, y, moves right by the difference d; what falls off marks the lowest bit
# of lo. Bits can only fall off if d >= 4, so |y| < 2^54 while |x| >= 2^55 ends in three zeros: the sum then is above
# 2^54 and at least two bits of it must go, so that the mark lies below the half. At d <= 3 nothing is lost, however
# much cancels. d = 58 stands for all beyond: y is then less than a quarter of the last place of x.
# The sum, |hi| <= 2^30, moves left until it has 58 or 59 bits (t >> 29 says which), of which 5 or 6 must go. One bit to
# the right then makes room for the next sum.
def add(xp: Namespace, a: Double, b: Double) -> Double:
    """Round `a + b` to double."""
    d = a.exponent - b.exponent
    swap = d < 0
    xh, xl, exponent = (xp.where(swap, q, p) for p, q in zip(a, b, strict=True))
    yh, yl = xp.where(swap, a.hi, b.hi), xp.where(swap, a.lo, b.lo)
    yh, yl, lost = _shift_right(xp, yh, yl, xp.clip(xp.abs(d), None, 2 * RADIX))
    hi, lo = _carry(xh + yh, xl + (yl | lost))
    hi, lo, exponent = _normalise(xp, hi, lo, exponent)
    lo = _to_even(lo, (_magnitude(hi) >> RADIX) + 5)
    hi, lo = _carry(hi >> 1, (lo >> 1) + ((hi & 1) << (RADIX - 1)))
    return Double(hi, lo, exponent + 1)


def _shift_right(xp: Namespace, hi: Array, lo: Array, d: Array) -> tuple[Array, Array, Array]:
    """Floor of a number over 2^d, 0 <= d <= 58, and 1 if that lost anything."""
    limb = d >= RADIX
    lost = xp.where(limb, lo, 0)
    d = xp.where(limb, d - RADIX, d)
    lo = xp.where(limb, hi & MASK, lo)
    hi = xp.where(limb, hi >> RADIX, hi)
    moved = lo >> d
    lost = xp.astype((lost | (lo ^ (moved << d))) != 0, xp.int32)
    return hi >> d, moved | ((hi << (RADIX - d)) & MASK), lost


def _normalise(xp: Namespace, hi: Array, lo: Array, exponent: Array) -> tuple[Array, Array, Array]:
    """The same number, |hi| <= 2^30, moved left until it has 58 bits or more; the exponent of zero becomes ZERO."""
    limb = _magnitude(hi) == 0
    exponent = xp.where(limb, exponent - RADIX, exponent)
    hi = xp.where(limb, (hi << RADIX) | lo, hi)
    lo = xp.where(limb, 0, lo)
    shift = _room(xp, hi, RADIX + 1)
    exponent = xp.where(hi == 0, ZERO, exponent - shift)
    return (hi << shift) | (lo >> (RADIX - shift)), (lo << shift) & MASK, exponent


def _magnitude(hi: Array) -> Array:
    """`hi` or `-hi - 1`, whichever is not negative."""
    return hi ^ (hi >> 31)


def _to_even(lo: Array, bits: Array) -> Array:
    """Round the last `bits` >= 2 bits away, to nearest, halves to even; may reach 2^29."""
    odd = (lo >> bits) & 1
    return ((lo + odd + (MASK >> (RADIX + 1 - bits))) >> bits) << bits


def _carry(hi: Array, lo: Array) -> tuple[Array, Array]:
    """Bring `lo` below 2^29."""
    return hi + (lo >> RADIX), lo & MASK


def half_away(xp: Namespace, total: Double) -> Array:
    """`int(total + 0.5)`, or `- 0.5` below zero, where the addition rounds too; -2**31 if int32 cannot hold it."""
    hi, lo, lost = _shifted(xp, total)
    # Floor to truncation: one up below zero. Here 2^31 and more leave bits in hi beyond the third.
    whole = ((hi << RADIX) | lo) + (lost & (hi >> 31))
    return xp.where(_magnitude(hi) < 4, whole, -(2**31))


def to_unsigned(xp: Namespace, total: Double, dtype: Any) -> Array:
    """The same clipped to 0..2**32 - 1, as `dtype`."""
    hi, lo, _ = _shifted(xp, total)
    inside = xp.astype(xp.clip(hi, 0, 7), dtype) * (1 << RADIX) + xp.astype(lo, dtype)
    ends = xp.where(hi < 0, xp.zeros_like(inside), xp.full_like(inside, 2**32 - 1))
    return xp.where((hi >= 0) & (hi < 8), inside, ends)


def rounded(xp: Namespace, total: Double, dtype: Any, kind: str, *, clip: bool = True) -> Array:
    """Sums as samples of `kind`, which `dtype` holds: see `_round.to_integer`."""
    if kind == "u32":
        return to_unsigned(xp, total, dtype)
    return _round.clipped(xp, half_away(xp, total), dtype, kind, clip=clip)


def _shifted(xp: Namespace, total: Double) -> tuple[Array, Array, Array]:
    """Floor of `total + 0.5`, or `- 0.5` below zero, as two limbs, and 1 where that is less than the number."""
    half = ((total.hi >> 31) | 1) << 27
    zero = xp.zeros_like(half)
    total = add(xp, total, Double(half, zero, zero - 57))
    return _shift_right(xp, total.hi, total.lo, xp.clip(-total.exponent, 0, 2 * RADIX))


def constant(xp: Namespace, table: np.ndarray, like: Array) -> Array:
    """A host table next to `like`; tracers have no device, and need none."""
    return xp.asarray(np.array(table), device=getattr(like, "device", None))
