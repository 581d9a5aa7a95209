"""Pillow's integer arithmetic for 8-bit samples: the only file that knows the number 22.

A pass is `clip((HALF + sum(v * k)) >> SHIFT, 0, 255)` with int32 weights `k` in units of 2**-SHIFT. Two's complement
arithmetic is a ring, so the sum may be taken in any order and any split, as long as the true value fits 32 bits.

Source: Pillow 13.0.0, src/libImaging/Resample.c (PRECISION_BITS, normalize_coeffs_8bpc) and Reduce.c.
"""

from __future__ import annotations

import numpy as np

from portresize._core.cache import LARGE, kept
from portresize._core.taps import Taps, chunks

# 22 = 32 - 8 - 2: eight bits of result, two spare because negative lobes overshoot.
SHIFT = 22
HALF = 1 << (SHIFT - 1)


@kept(lambda table: table.weight.nbytes > LARGE)
def quantize(table: Taps) -> Taps:
    """The same table with int32 weights in units of 2**-SHIFT, rounded half away from zero.

    The weights are not normalised again: rows may miss 2**SHIFT by a few units, in Pillow too.

    Raises:
        OverflowError: A sum of 8-bit samples could leave int32; no filter of Pillow comes near.
    """
    weight = np.empty(table.weight.shape, np.int32)
    highest, lowest = HALF, 0
    for part in chunks(table.n_out, table.n_taps):
        scaled = table.weight[part] * float(1 << SHIFT)
        scaled += np.copysign(0.5, scaled)
        some = weight[part] = scaled.astype(np.int32)  # truncates toward zero
        above = np.maximum(some, 0).sum(axis=1, dtype=np.int64)
        below = some.sum(axis=1, dtype=np.int64) - above
        highest, lowest = max(highest, HALF + 255 * int(above.max())), min(lowest, 255 * int(below.min()))
    if highest >= 2**31 or lowest < -(2**31):
        msg = f"weights span {lowest}..{highest} for 8-bit samples, which int32 cannot hold"
        raise OverflowError(msg)
    weight.setflags(write=False)
    return Taps(table.start, table.size, weight)


def reciprocal(count: int) -> int:
    """The multiplier with which `Image.reduce` divides the sum of `count` 8-bit samples.

    The result of a block is `((total + count // 2) * reciprocal(count) mod 2**32) >> 24`.
    Pillow divides in single precision and truncates, so large blocks come out dark; that is part of the result.

    >>> reciprocal(4), reciprocal(25)
    (4194304, 671088)
    """
    # 256 * count wraps in Pillow's 32-bit unsigned arithmetic.
    divisor = np.float32((256 * count) % 2**32)
    return int(np.float32(2**32) / divisor) if divisor else 0
