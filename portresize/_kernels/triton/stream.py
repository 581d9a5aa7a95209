"""Two passes over 8-bit samples in one kernel, as products of signed bytes by tensor cores.

A program owns a strip of OW outputs of the first pass and walks along the second axis, KR rows at a time. A chunk of
rows is multiplied with the weights of the strip, rounded as Pillow rounds, and, still in registers, multiplied with
those of the second pass, for one tile of outputs or for two (see `stream_tables`). Sums of three limbs are made one
upon the other: the sum of products with the highest digits, times 256, is what those with the next are added to. None
of them leaves 32 bits (see `digits`).

A product leaves in the registers of a thread pairs of columns, (2t, 2t + 1) and (2t + 8, 2t + 9), for each of its rows,
where t is the thread's number among four. As an operand of the next it has four in a row. Since sums have no order,
neighbours in registers are taken for neighbours (`_regrouped`), and the tables have their weights in the same order.
So nothing moves between threads, nor through shared memory.
"""

from __future__ import annotations

import triton
import triton.language as tl

from portresize._core import fixed
from portresize._kernels.triton import stream_tables

SHIFT = tl.constexpr(fixed.SHIFT)
LIMB = tl.constexpr(8)
FRACTION = tl.constexpr(stream_tables.FRACTION)
# Numbers of elements and strides change with every image. None of them may make a kernel anew.
_NUMBERS = (
    *("n_lanes", "n_rows", "n_wide", "n_tall", "chunks", "strips", "planes", "pace", "step"),
    *("x_outer", "x_plane", "x_row", "x_lane", "y_outer", "y_plane", "y_row", "y_lane"),
)


@triton.jit
def _signed(samples: tl.tensor, ASM: tl.constexpr) -> tl.tensor:
    """uint8 less 128: the top bit of each flipped, of four at once."""
    if ASM:
        found = tl.inline_asm_elementwise(
            "xor.b32 $0, $1, 0x80808080;", "=r,r", [samples], dtype=tl.int8, is_pure=True, pack=4
        )
    else:
        found = (samples ^ 128).to(tl.int8, bitcast=True)
    return found


@triton.jit
def _clipped(total: tl.tensor, SIGNED: tl.constexpr, ASM: tl.constexpr) -> tl.tensor:
    """int32 as int8 or uint8, clipped, four at once."""
    if ASM:
        if SIGNED:
            found = tl.inline_asm_elementwise(
                "{ .reg .b32 t; cvt.pack.sat.s8.s32.b32 t, $4, $3, 0; cvt.pack.sat.s8.s32.b32 $0, $2, $1, t; }",
                "=r,r,r,r,r",
                [total],
                dtype=tl.int8,
                is_pure=True,
                pack=4,
            )
        else:
            found = tl.inline_asm_elementwise(
                "{ .reg .b32 t; cvt.pack.sat.u8.s32.b32 t, $4, $3, 0; cvt.pack.sat.u8.s32.b32 $0, $2, $1, t; }",
                "=r,r,r,r,r",
                [total],
                dtype=tl.uint8,
                is_pure=True,
                pack=4,
            )
    elif SIGNED:
        found = tl.minimum(tl.maximum(total, -128), 127).to(tl.int8)
    else:
        found = tl.minimum(tl.maximum(total, 0), 255).to(tl.uint8)
    return found


@triton.jit
def _regrouped(x: tl.tensor) -> tl.tensor:
    """Columns, sixteen after sixteen, in the order in which a thread has them: 4t + 2j + p is what 8j + 2t + p was."""
    rows: tl.constexpr = x.shape[0]
    columns: tl.constexpr = x.shape[1]
    parts = tl.reshape(x, (rows, columns // 16, 2, 4, 2))
    return tl.reshape(tl.permute(parts, (0, 1, 3, 2, 4)), (rows, columns))


@triton.jit
def _read(
    at: tl.tensor,
    lane: tl.tensor,
    x_lane: tl.tensor,
    n_lanes: tl.tensor,
    MASKED: tl.constexpr,
    DENSE: tl.constexpr,
    ASM: tl.constexpr,
) -> tl.tensor:
    """Some samples of each row, as columns of the right operand of a product."""
    at += lane if DENSE else lane * x_lane
    samples = tl.load(at, mask=lane < n_lanes, other=0) if MASKED else tl.load(at)
    return tl.trans(_signed(samples, ASM))


@triton.jit
def _added(weights: tl.tensor, between: tl.tensor, total: tl.tensor, OH: tl.constexpr, KR: tl.constexpr) -> tl.tensor:
    """`total` and what the rows `between` the passes contribute to a tile."""
    s = tl.dot(tl.load(weights), between, out_dtype=tl.int32)
    s = tl.dot(tl.load(weights + OH * KR), between, s << LIMB, out_dtype=tl.int32)
    return tl.dot(tl.load(weights + 2 * OH * KR), between, (s << LIMB) + total, out_dtype=tl.int32)


@triton.jit(do_not_specialize=_NUMBERS)
def stream(
    x: tl.tensor,
    y: tl.tensor,
    start: tl.tensor,
    wide: tl.tensor,
    wide_bias: tl.tensor,
    tall: tl.tensor,
    tall_bias: tl.tensor,
    ends: tl.tensor,
    segments: tl.tensor,
    n_lanes: tl.tensor,
    n_rows: tl.tensor,
    n_wide: tl.tensor,
    n_tall: tl.tensor,
    chunks: tl.tensor,
    strips: tl.tensor,
    planes: tl.tensor,
    x_outer: tl.tensor,
    x_plane: tl.tensor,
    x_row: tl.tensor,
    x_lane: tl.tensor,
    y_outer: tl.tensor,
    y_plane: tl.tensor,
    y_row: tl.tensor,
    y_lane: tl.tensor,
    pace: tl.tensor,
    step: tl.tensor,
    OW: tl.constexpr,
    OH: tl.constexpr,
    KR: tl.constexpr,
    KC: tl.constexpr,
    CHUNKS: tl.constexpr,
    PAIRED: tl.constexpr,
    MASKED: tl.constexpr,
    DENSE: tl.constexpr,
    IN: tl.constexpr,
    OUT: tl.constexpr,
    ASM: tl.constexpr,
) -> None:
    """A strip of one segment of a plane.

    Args:
        x: Samples; the first of every row is a multiple of IN away from a multiple of IN.
        y: Samples of the result, which lie apart from those.
        start: First sample of each strip's windows.
        wide: Weights of the first pass, (strips, chunks, limbs, OW, KC).
        wide_bias: What is added to its sums.
        tall: Weights of the second pass, (chunks, 2 or 1, limbs, OH, KR).
        tall_bias: What is added to its sums.
        ends: After which chunks a tile is complete, where PAIRED.
        segments: First chunk, the one past the last, first row and first tile of each segment.
        n_lanes: Samples along the first axis, in multiples of IN.
        n_rows: Samples along the second.
        n_wide: Outputs along the first axis, in multiples of OUT.
        n_tall: Outputs along the second.
        chunks: How often KC samples are taken; of account where not CHUNKS.
        strips: How many of them a plane has.
        planes: Of how many the inner of two batch axes consists.
        x_outer: Stride of `x` along the outer one, in multiples of IN; and so on.
        x_plane: Likewise.
        x_row: Likewise.
        x_lane: Stride in elements.
        y_outer: As of `x`, in multiples of OUT.
        y_plane: Likewise.
        y_row: Likewise.
        y_lane: Stride in elements.
        pace: By how many 1024ths of a row chunks follow one another, where not PAIRED.
        step: Outputs of a tile.
        OW: Outputs of a strip.
        OH: Outputs of a tile, at most.
        KR: Rows of a chunk.
        KC: Samples of a row that are multiplied at once.
        CHUNKS: How often, if that is known, and the weights are read once for all rows; or 0.
        PAIRED: Whether chunks of rows contribute to two tiles.
        MASKED: Whether a strip can reach beyond the axis.
        DENSE: Whether samples along the first axis lie side by side, in both arrays.
        IN: What strides of `x` are multiples of.
        OUT: The same of `y`, 4 or 1: bytes that are stored together.
        ASM: Whether there are instructions of a GPU.
    """
    strip = tl.program_id(0) % strips
    plane = tl.program_id(0) // strips
    outer = (plane // planes).to(tl.int64)
    inner = (plane % planes).to(tl.int64)
    x += (outer * x_outer + inner * x_plane) * IN
    y += (outer * y_outer + inner * y_plane) * OUT
    w = tl.arange(0, OW)
    h = tl.arange(0, OH)
    c = tl.arange(0, KC)
    r = tl.arange(0, KR)
    lane = tl.multiple_of(tl.load(start + strip), IN) + c[None, :]
    wide += strip * (chunks * 3 * OW * KC) + w[:, None] * KC + c[None, :]
    wide_biases = tl.load(wide_bias + strip * OW + w)[:, None]
    held = ()
    for k in tl.static_range(3 * CHUNKS):
        held = held + (tl.load(wide + k * (OW * KC)),)  # type: ignore[assignment]  # noqa: RUF005  Triton does not unpack
    segments += tl.program_id(1) * 4
    first = tl.load(segments)
    end = tl.load(segments + 1)
    first_row = tl.load(segments + 2)
    tile = tl.load(segments + 3)

    column = strip * OW + w
    if OUT == 4:
        # Not more than a thread has side by side: else they would go through shared memory first.
        column = tl.max_contiguous(tl.multiple_of(column, 4), 4)
    y += (column if DENSE else column * y_lane)[None, :]
    kept = (column < n_wide * OUT)[None, :]
    tiles: tl.constexpr = 2 if PAIRED else 1
    zero = tl.zeros((OH, OW), tl.int32)
    total = zero
    following = zero
    is_complete = tl.load(ends + first)
    for chunk in range(first, end):
        if PAIRED:
            row = first_row + (chunk - first) * KR + r
        else:
            row = tl.maximum(first_row + ((chunk * pace) >> FRACTION), 0) + r
        # Rows beyond the last have weights of 0.
        at = x + (tl.minimum(row, n_rows - 1) * (x_row * IN))[:, None]
        if CHUNKS == 1:
            samples = _read(at, lane, x_lane, n_lanes * IN, MASKED, DENSE, ASM)  # (KC, KR)
            s = tl.dot(held[0], samples, out_dtype=tl.int32)  # type: ignore[misc]
            s = tl.dot(held[1], samples, s << LIMB, out_dtype=tl.int32)  # type: ignore[misc]
            s = tl.dot(held[2], samples, (s << LIMB) + wide_biases, out_dtype=tl.int32)  # type: ignore[misc]
        else:
            s2 = tl.zeros((OW, KR), tl.int32)
            s1 = s2
            s0 = s2
            if CHUNKS:
                for k in tl.static_range(CHUNKS):
                    samples = _read(at, lane + k * KC, x_lane, n_lanes * IN, MASKED, DENSE, ASM)
                    s2 = tl.dot(held[3 * k], samples, s2, out_dtype=tl.int32)
                    s1 = tl.dot(held[3 * k + 1], samples, s1, out_dtype=tl.int32)
                    s0 = tl.dot(held[3 * k + 2], samples, s0, out_dtype=tl.int32)
            else:
                for k in range(chunks):
                    samples = _read(at, lane + k * KC, x_lane, n_lanes * IN, MASKED, DENSE, ASM)
                    weight = wide + k * (3 * OW * KC)
                    s2 = tl.dot(tl.load(weight), samples, s2, out_dtype=tl.int32)
                    s1 = tl.dot(tl.load(weight + OW * KC), samples, s1, out_dtype=tl.int32)
                    s0 = tl.dot(tl.load(weight + 2 * OW * KC), samples, s0, out_dtype=tl.int32)
            s = (((s2 << LIMB) + s1) << LIMB) + s0 + wide_biases
        # What bias has in it makes this 128 less than Pillow's, so that it is clipped to a signed byte.
        between = tl.trans(_clipped(_regrouped(s >> SHIFT), SIGNED=True, ASM=ASM))  # (KR, OW)
        weights = tall + chunk * (tiles * 3 * OH * KR) + h[:, None] * KR + r[None, :]
        total = _added(weights, between, total, OH, KR)
        if PAIRED:
            following = _added(weights + 3 * OH * KR, between, following, OH, KR)
            if is_complete != 0:
                line = tile * OH + h
                total += tl.load(tall_bias + line)[:, None]
                rounded = _clipped(_regrouped(total >> SHIFT), SIGNED=False, ASM=ASM)
                tl.store(y + (line * (y_row * OUT))[:, None], rounded, mask=(line < n_tall)[:, None] & kept)
                tile += 1
                total = following
                following = zero
            # A chunk ahead, so that nobody waits for it.
            is_complete = tl.load(ends + chunk + 1)
        else:
            line = chunk * step + h
            total += tl.load(tall_bias + chunk * OH + h)[:, None]
            rounded = _clipped(_regrouped(total >> SHIFT), SIGNED=False, ASM=ASM)
            inside = ((h < step) & (line < n_tall))[:, None] & kept
            tl.store(y + (line * (y_row * OUT))[:, None], rounded, mask=inside)
            total = zero
