"""One pass along an axis: every output gathers its window, and adds it in the order of Pillow."""

from __future__ import annotations

import triton
import triton.language as tl

from portresize._kernels.triton.rounding import HALF, double, rounded

# Numbers of elements and strides change with every image. None of them may make a kernel anew.
_NUMBERS = (
    *("groups", "n_rows", "n_out", "n_inner", "n_down", "n_across"),
    *("x_item", "x_row", "x_axis", "x_inner", "y_item", "y_row", "y_axis", "y_inner"),
)


@triton.jit(do_not_specialize=_NUMBERS)
def convolve(
    x: tl.tensor,
    y: tl.tensor,
    start: tl.tensor,
    weight: tl.tensor,
    groups: tl.tensor,
    n_rows: tl.tensor,
    n_out: tl.tensor,
    n_inner: tl.tensor,
    n_down: tl.tensor,
    n_across: tl.tensor,
    x_item: tl.tensor,
    x_row: tl.tensor,
    x_axis: tl.tensor,
    x_inner: tl.tensor,
    y_item: tl.tensor,
    y_row: tl.tensor,
    y_axis: tl.tensor,
    y_inner: tl.tensor,
    KIND: tl.constexpr,
    GROUP: tl.constexpr,
    DOWN: tl.constexpr,
    DENSE: tl.constexpr,
    STEP: tl.constexpr,
    ALIGN: tl.constexpr,
    WIDE: tl.constexpr,
    P: tl.constexpr,
    Q: tl.constexpr,
) -> None:
    """A tile of P x Q outputs.

    Where `DOWN`, those are P outputs along the axis and Q samples of the inner run beside each; `n_down` and `n_across`
    count the tiles of a row of them. Otherwise they are P rows and Q outputs along the axis, each as many times as
    there are samples in the inner run, which are few.

    Args:
        x: Samples.
        y: Samples of the result, which lie apart from those.
        start: First sample of each window.
        weight: Weights by tap and then by output.
        groups: Taps, in groups of GROUP.
        n_rows: Rows of an item.
        n_out: Outputs along the axis.
        n_inner: Samples beside each, in multiples of ALIGN.
        n_down: Tiles that follow one another along P: in an item, or in a row where DOWN.
        n_across: Tiles beside one another along Q.
        x_item: Stride of `x` from item to item, in multiples of ALIGN; and so on.
        x_row: Likewise.
        x_axis: Likewise.
        x_inner: Stride in elements.
        y_item: As of `x`.
        y_row: Likewise.
        y_axis: Likewise.
        y_inner: Stride in elements.
        KIND: Arithmetic, a word of `rounding`.
        GROUP: Taps to add before asking whether there are more.
        DOWN: Form of the tile.
        DENSE: Whether the samples of a tile's row lie side by side: in both arrays where DOWN, else in `y`.
        STEP: Stride of `x` along the axis where it is known, or 0.
        ALIGN: What strides are multiples of, so that samples side by side can be moved together.
        WIDE: Whether a tile has distances in it that 32 bits do not hold.
        P: Height of a tile.
        Q: Its width.
    """
    tile = tl.program_id(0)
    across = tile % n_across
    tile = tile // n_across
    down = tile % n_down
    line = tile // n_down
    p = tl.arange(0, P)
    q = tl.arange(0, Q)
    if WIDE:
        across = across.to(tl.int64)
        down = down.to(tl.int64)
        n_out = n_out.to(tl.int64)
        x_row = x_row.to(tl.int64)
        x_axis = x_axis.to(tl.int64)
        y_row = y_row.to(tl.int64)
        y_axis = y_axis.to(tl.int64)
        x_inner = x_inner.to(tl.int64)
        y_inner = y_inner.to(tl.int64)
    x_step = x_axis * ALIGN if STEP == 0 else STEP
    if DOWN:
        # p: outputs, q: inner
        item = (line // n_rows).to(tl.int64)
        row = (line % n_rows).to(tl.int64)
        n_beside = n_inner * ALIGN - across * Q
        kept = q[None, :] < n_beside
        # Samples that are moved together are not clamped one by one.
        q_at = q if ALIGN > 1 else tl.minimum(q, n_beside - 1)
        o = tl.minimum(down * P + p, n_out - 1)
        first = tl.load(start + o)
        x += (item * x_item + row * x_row) * ALIGN
        y += (item * y_item + row * y_row + down.to(tl.int64) * P * y_axis) * ALIGN
        if DENSE:
            x += across.to(tl.int64) * Q
            y += across.to(tl.int64) * Q
            x_at = (first * x_step)[:, None] + q_at[None, :]
            y_at = (p * (y_axis * ALIGN))[:, None] + q[None, :]
        else:
            x += across.to(tl.int64) * Q * x_inner
            y += across.to(tl.int64) * Q * y_inner
            x_at = (first * x_step)[:, None] + (q_at * x_inner)[None, :]
            y_at = (p * (y_axis * ALIGN))[:, None] + (q * y_inner)[None, :]
        inside = (down * P + tl.arange(0, P) < n_out)[:, None] & kept
        weight += o
    else:
        # p: rows, q: outputs and inner
        item = line.to(tl.int64)
        j = across * Q + q
        n_line = n_out * n_inner
        n_below = n_rows - down * P
        inside = (p < n_below)[:, None] & (j < n_line)[None, :]
        p_at = tl.minimum(p, n_below - 1)
        at = tl.minimum(j, n_line - 1)
        o = at // n_inner
        c = at - o * n_inner
        first = tl.load(start + o)
        row = down.to(tl.int64) * P
        x += item * x_item + row * x_row
        y += item * y_item + row * y_row
        x_at = (p_at * x_row)[:, None] + (first * x_step + c * x_inner)[None, :]
        if DENSE:
            y_at = (p * y_row)[:, None] + j[None, :]
        else:
            y_at = (p * y_row)[:, None] + (o * y_axis + c * y_inner)[None, :]
        weight += o
    total = tl.full((P, Q), HALF, tl.int32) if KIND == "u8" else tl.zeros((P, Q), tl.float64)
    # No stride of a tensor is negative. A kernel that knows that has no signs to extend.
    x_at = x_at.to(tl.uint64 if WIDE else tl.uint32)
    for _ in range(groups):
        for t in tl.static_range(GROUP):
            here = x + t * x_step + x_at
            sample = tl.load(here, mask=kept) if DOWN and ALIGN > 1 else tl.load(here)
            k = tl.load(weight + t * n_out)
            k = k[:, None] if DOWN else k[None, :]
            if KIND == "u8":
                total += sample.to(tl.int32) * k
            else:
                # Outside its window a tap is NaN, which differs from itself: it must not count, whatever it multiplies.
                total += tl.where(k == k, double(sample, KIND) * k, 0.0)  # noqa: PLR0124
        x += GROUP * x_step
        weight += GROUP * n_out
    tl.store(y + y_at, rounded(total, KIND).to(y.dtype.element_ty), mask=inside)
