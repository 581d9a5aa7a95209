"""Samples that are moved, and pixels whose bands meet."""

from __future__ import annotations

import triton
import triton.language as tl

_TAKEN = (
    *("n_first", "n_slow", "n_fast", "n_inner", "n_across"),
    *("x_second", "x_first", "x_slow", "x_fast", "x_inner", "y_second", "y_first", "y_slow", "y_fast", "y_inner"),
)


@triton.jit(do_not_specialize=_TAKEN)
def take(
    x: tl.tensor,
    y: tl.tensor,
    slow_index: tl.tensor,
    fast_index: tl.tensor,
    n_first: tl.tensor,
    n_slow: tl.tensor,
    n_fast: tl.tensor,
    n_inner: tl.tensor,
    n_across: tl.tensor,
    x_second: tl.tensor,
    x_first: tl.tensor,
    x_slow: tl.tensor,
    x_fast: tl.tensor,
    x_inner: tl.tensor,
    y_second: tl.tensor,
    y_first: tl.tensor,
    y_slow: tl.tensor,
    y_fast: tl.tensor,
    y_inner: tl.tensor,
    WIDE: tl.constexpr,
    Q: tl.constexpr,
) -> None:
    """Q nearest samples side by side, 0 where an index is -1.

    Args:
        x: Samples of any dtype.
        y: What is taken.
        slow_index: Of each line, the line in `x`.
        fast_index: Of each sample along a line, the sample in `x`.
        n_first: Images in a second run of them.
        n_slow: Lines in an image.
        n_fast: Samples in a line.
        n_inner: Samples beside each.
        n_across: Tiles in a line.
        x_second: Stride from run to run; and so on.
        x_first: Likewise.
        x_slow: Likewise.
        x_fast: Likewise.
        x_inner: Likewise.
        y_second: As of `x`.
        y_first: Likewise.
        y_slow: Likewise.
        y_fast: Likewise.
        y_inner: Likewise.
        WIDE: Whether lines are so long that 32 bits do not hold distances in them.
        Q: Width of a tile.
    """
    tile = tl.program_id(0)
    across = tile % n_across
    tile = tile // n_across
    slow = tile % n_slow
    tile = tile // n_slow
    first = (tile % n_first).to(tl.int64)
    second = (tile // n_first).to(tl.int64)
    if WIDE:
        across = across.to(tl.int64)
        n_fast = n_fast.to(tl.int64)
        x_fast = x_fast.to(tl.int64)
        x_inner = x_inner.to(tl.int64)
    j = across * Q + tl.arange(0, Q)
    inside = j < n_fast * n_inner
    fast = j // n_inner
    inner = j - fast * n_inner
    line = tl.load(slow_index + slow)
    sample = tl.load(fast_index + fast, mask=inside, other=-1)
    found = inside & (tl.minimum(sample, line) >= 0)
    x += second * x_second + first * x_first + line.to(tl.int64) * x_slow
    y += second * y_second + first * y_first + slow.to(tl.int64) * y_slow
    taken = tl.load(x + (sample * x_fast + inner * x_inner), mask=found, other=0)
    tl.store(y + (fast * y_fast + inner * y_inner), taken, mask=inside)


_MIXED = (
    *("signed", "n_bands", "n_first", "n_inner", "n_across"),
    *("x_second", "x_first", "x_inner", "x_band", "y_second", "y_first", "y_inner", "y_band"),
)


@triton.jit(do_not_specialize=_MIXED)
def mix(
    x: tl.tensor,
    y: tl.tensor,
    signed: tl.tensor,
    n_bands: tl.tensor,
    n_first: tl.tensor,
    n_inner: tl.tensor,
    n_across: tl.tensor,
    x_second: tl.tensor,
    x_first: tl.tensor,
    x_inner: tl.tensor,
    x_band: tl.tensor,
    y_second: tl.tensor,
    y_first: tl.tensor,
    y_inner: tl.tensor,
    y_band: tl.tensor,
    ACT: tl.constexpr,
    WIDE: tl.constexpr,
    Q: tl.constexpr,
) -> None:
    """Q pixels of 8-bit samples side by side.

    Args:
        x: Samples.
        y: Their results.
        signed: A bit for each band whose top bit flips.
        n_bands: Bands of a pixel, the last of them alpha if there is one.
        n_first: Runs in a second run of them.
        n_inner: Pixels in a run.
        n_across: Tiles in a run.
        x_second: Stride from second run to second run; and so on.
        x_first: Likewise.
        x_inner: Likewise, from pixel to pixel.
        x_band: Likewise, from band to band.
        y_second: As of `x`.
        y_first: Likewise.
        y_inner: Likewise.
        y_band: Likewise.
        ACT: "premultiply", "unpremultiply" or "flip".
        WIDE: Whether runs are so long that 32 bits do not hold distances in them.
        Q: Width of a tile.
    """
    tile = tl.program_id(0)
    across = tile % n_across
    tile = tile // n_across
    first = (tile % n_first).to(tl.int64)
    second = (tile // n_first).to(tl.int64)
    if WIDE:
        across = across.to(tl.int64)
        x_band = x_band.to(tl.int64)
        y_band = y_band.to(tl.int64)
    j = across * Q + tl.arange(0, Q)
    inside = j < n_inner
    x += second * x_second + first * x_first + j * x_inner
    y += second * y_second + first * y_first + j * y_inner
    if ACT == "flip":
        for band in range(n_bands):
            sample = tl.load(x + band * x_band, mask=inside).to(tl.int32)
            sample = sample ^ (((signed >> band) & 1) << 7)
            tl.store(y + band * y_band, sample.to(tl.uint8), mask=inside)
    else:
        alpha = tl.load(x + (n_bands - 1) * x_band, mask=inside, other=255).to(tl.int32)
        for band in range(n_bands - 1):
            sample = tl.load(x + band * x_band, mask=inside).to(tl.int32)
            if ACT == "premultiply":
                sample = sample * alpha + 128
                sample = (sample + (sample >> 8)) >> 8
            else:
                # Alpha 255, and so also 0, leaves the colour as it is.
                sample = tl.minimum((255 * sample) // tl.where(alpha == 0, 255, alpha), 255)
            tl.store(y + band * y_band, sample.to(tl.uint8), mask=inside)
        tl.store(y + (n_bands - 1) * y_band, alpha.to(tl.uint8), mask=inside)
