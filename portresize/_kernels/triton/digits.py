"""Weights of 8-bit passes as signed bytes, and what is added to sums of their products.

WEIGHTS. w = d0 + 2^8 d1 + 2^16 d2 with d0 and d1 in -128..127, the remainders nearest to zero, and d2, what is left,
in -127..127. Sums of products are (((s2 << 8) + s1) << 8) + s0.

SAMPLES. Tensor cores get p - 128, which has the bits of p with the top one flipped: sum(p w) = sum((p - 128) w) +
128 sum(w), and the last term is a number per output, a part of its bias. Another part is half a unit.

BETWEEN THE PASSES. (S - (128 << 22)) >> 22 is (S >> 22) - 128, which clipped to -128..127 is what the second pass
wants. So the bias of the first has -(128 << 22) in it as well.

NO SUM OVERFLOWS. Integers wrap, and modulo 2^32 any order would do; but where Triton adds products by tensor cores, it
has them clip to int32 (mma.satfinite). So no sum on the way may leave that, of which an interpreter would not tell. A
sample is 128 at most, and so is a lower digit. What is added up last begins with the samples times the weights less
d0, and the bias, and has some of the samples times d0: 128 sum(|w|) + 2 * 128 * 128 per tap + |bias| at most. For the
filters of Pillow that is less than half of 2^31 and 2^15 per tap; `fit` looks at each table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from portresize._core import fixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._core.taps import Taps

LIMBS = 3
# The largest weight whose third digit is a byte whatever the other two are; 1.98 in units of 2^22.
LARGEST = (127 << 16) - (1 << 15)


def fit(table: Taps) -> bool:
    """Whether three bytes hold every weight, and int32 every sum; no filter of Pillow comes near what they cannot."""
    weight = np.abs(table.weight.astype(np.int64))
    most = 128 * int(weight.sum(axis=1).max(initial=0)) + 2 * 128 * 128 * table.n_taps
    most += int(np.abs(biases(table, signed=True).astype(np.int64)).max(initial=0))
    return int(weight.max(initial=0)) <= LARGEST and most < 2**31


def digits(weight: NDArray[np.int32] | NDArray[np.float64]) -> NDArray[np.int8]:
    """Whole numbers as three digits to the base 256, int8 (LIMBS, ...), the highest first.

    >>> digits(np.array([1 << 22, -3, 200], np.int32)).tolist()
    [[64, 0, 0], [0, 0, 1], [0, -3, -56]]
    """
    rest = weight.astype(np.int64)
    found = []
    for _ in range(LIMBS - 1):
        digit = ((rest + 128) & 255) - 128
        found.append(digit)
        rest = (rest - digit) >> 8
    return np.stack([rest, *reversed(found)]).astype(np.int8)


def biases(table: Taps, *, signed: bool) -> NDArray[np.int32]:
    """What is added to the sum of each output, int32 (n_out,).

    Args:
        table: Quantized weights.
        signed: Whether the result is to be 128 less than Pillow's, for a pass that follows.
    """
    total = fixed.HALF + 128 * table.weight.sum(axis=1, dtype=np.int64) - (128 << fixed.SHIFT if signed else 0)
    return (total & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
