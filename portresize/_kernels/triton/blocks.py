"""Averages of blocks of samples, added in the order of Pillow.

Source: Pillow 13.0.0, src/libImaging/Reduce.c.
"""

from __future__ import annotations

import triton
import triton.language as tl

from portresize._kernels.triton.rounding import double, rounded

_NUMBERS = (
    *("factor", "n_second", "n_first", "n_slow", "n_fast", "n_inner", "n_across", "height", "width"),
    *("x_second", "x_first", "x_slow", "x_fast", "x_inner", "x_down", "x_right"),
    *("y_second", "y_first", "y_slow", "y_fast", "y_inner"),
)


@triton.jit(do_not_specialize=_NUMBERS)
def reduce(
    x: tl.tensor,
    y: tl.tensor,
    factor: tl.tensor,
    n_first: tl.tensor,
    n_slow: tl.tensor,
    n_fast: tl.tensor,
    n_inner: tl.tensor,
    n_across: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    x_second: tl.tensor,
    x_first: tl.tensor,
    x_slow: tl.tensor,
    x_fast: tl.tensor,
    x_inner: tl.tensor,
    x_down: tl.tensor,
    x_right: tl.tensor,
    y_second: tl.tensor,
    y_first: tl.tensor,
    y_slow: tl.tensor,
    y_fast: tl.tensor,
    y_inner: tl.tensor,
    KIND: tl.constexpr,
    PAIRS: tl.constexpr,
    WIDE: tl.constexpr,
    Q: tl.constexpr,
) -> None:
    """The averages of Q blocks side by side.

    Args:
        x: Samples, of which every block is whole: those at the ends of rows and columns are for other launches.
        y: The averages.
        factor: With which sums are multiplied; but for 8-bit samples, the bits of a double: floats arrive as single.
        n_first: Images in a second run of them.
        n_slow: Lines of blocks in an image.
        n_fast: Blocks in a line.
        n_inner: Samples beside each.
        n_across: Tiles in a line.
        height: Of a block.
        width: Of a block.
        x_second: Stride from run to run; and so on, from block to block.
        x_first: Likewise.
        x_slow: Likewise.
        x_fast: Likewise.
        x_inner: Likewise.
        x_down: Stride in a block.
        x_right: Likewise.
        y_second: As of `x`.
        y_first: Likewise.
        y_slow: Likewise.
        y_fast: Likewise.
        y_inner: Likewise.
        KIND: Arithmetic, a word of `rounding`.
        PAIRS: Whether samples are added in groups first, as in blocks that nothing is cut off from.
        WIDE: Whether lines or blocks are so large that 32 bits do not hold distances in them.
        Q: Width of a tile.
    """
    tile = tl.program_id(0)
    across = tile % n_across
    tile = tile // n_across
    slow = (tile % n_slow).to(tl.int64)
    tile = tile // n_slow
    first = (tile % n_first).to(tl.int64)
    second = (tile // n_first).to(tl.int64)
    if WIDE:
        across = across.to(tl.int64)
        n_fast = n_fast.to(tl.int64)
        x_down = x_down.to(tl.int64)
        x_right = x_right.to(tl.int64)
        x_fast = x_fast.to(tl.int64)
        x_inner = x_inner.to(tl.int64)
        y_fast = y_fast.to(tl.int64)
        y_inner = y_inner.to(tl.int64)
    j = across * Q + tl.arange(0, Q)
    inside = j < n_fast * n_inner
    fast = j // n_inner
    inner = j - fast * n_inner
    # Pointers walk for all threads at once; what differs between them stays as it is, and is never negative.
    x += second * x_second + first * x_first + slow * x_slow
    y += second * y_second + first * y_first + slow * y_slow
    x_at = (fast * x_fast + inner * x_inner).to(tl.uint64 if WIDE else tl.uint32)
    if KIND == "u8":
        total = tl.zeros((Q,), tl.int32)
        for _ in range(height):
            at = x
            for _ in range(width):
                total += tl.load(at + x_at, mask=inside).to(tl.int32)
                at += x_right
            x += x_down
        # Unsigned in Pillow: the top byte is the same, once the copies of its sign are masked off.
        mean = (((total + (height * width) // 2) * factor) >> 24) & 255
    else:
        total = tl.zeros((Q,), tl.float64)
        if PAIRS:
            for _ in range(height // 2):
                at = x
                for _ in range(width // 2):
                    group = term(at + x_at, inside, KIND) + term(at + x_right + x_at, inside, KIND)
                    group += term(at + x_down + x_at, inside, KIND)
                    group += term(at + x_down + x_right + x_at, inside, KIND)
                    total += group.to(tl.float64)
                    at += 2 * x_right
                if width % 2:
                    total += (term(at + x_at, inside, KIND) + term(at + x_down + x_at, inside, KIND)).to(tl.float64)
                x += 2 * x_down
            if height % 2:
                at = x
                for _ in range(width // 2):
                    total += (term(at + x_at, inside, KIND) + term(at + x_right + x_at, inside, KIND)).to(tl.float64)
                    at += 2 * x_right
                if width % 2:
                    total += term(at + x_at, inside, KIND).to(tl.float64)
        else:
            for _ in range(height):
                at = x
                for _ in range(width):
                    total += double(tl.load(at + x_at, mask=inside), KIND)
                    at += x_right
                x += x_down
        mean = rounded(total * factor.to(tl.float64, bitcast=True), KIND)
    y_at = fast * y_fast + inner * y_inner
    tl.store(y + y_at, mean.to(y.dtype.element_ty), mask=inside)


@triton.jit
def term(at: tl.tensor, inside: tl.tensor, KIND: tl.constexpr) -> tl.tensor:
    """Samples as Pillow adds those of a group, in their own 32 bits; floats of other widths are ours, and doubles."""
    sample = tl.load(at, mask=inside)
    if KIND != "i32" and KIND != "f32":  # noqa: PLR1714  # Triton knows no sets.
        sample = double(sample, KIND)
    return sample
