"""Kernels around parts of kernels, for values that no image leads to on every device."""

from __future__ import annotations

import triton
import triton.language as tl

from portresize._kernels.triton.rounding import bfloat16_bits


@triton.jit
def bfloat16(x: tl.tensor, y: tl.tensor, N: tl.constexpr) -> None:  # noqa: N803  # as Triton writes what it knows
    """N floats to the bits of bfloat16."""
    at = tl.arange(0, N)
    tl.store(y + at, bfloat16_bits(tl.load(x + at)).to(tl.int16))
