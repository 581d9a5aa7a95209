"""8-bit samples: the pieces of a pass along W and of a pass along H.

The multiplications take four neighbours along the axis of the pass as one 32-bit word, a "quad". So a pass along W has
lanes that are rows, with quads of four pixels of one band ("tile": for each quad of pixels and each band, one vector of
all rows of the block), and a pass along H has lanes that are columns, with quads of four rows ("planes": for each quad
of rows, the columns side by side). The result of a pass along W on a block of rows is, once narrowed to bytes, just
what a pass along H reads; where rows are wanted instead ("strips": for each four columns, the rows one below the
other), they are transposed at last.

Windows begin at quads and are all as long as the longest: what a window does not reach has weight 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._core.fixed import SHIFT
from portresize._kernels.llvm.ir import I8, I16, I32, I64, PTR, UNDEFINED, bits_of, vector
from portresize._kernels.llvm.shapes import interleave, join, transpose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portresize._kernels.llvm.ir import Function, Module, Value
    from portresize._kernels.llvm.isa import Isa


def pixels_at_once(isa: Isa, bands: int) -> int:
    """How many pixels of a row are brought into a tile together: whole quads, at most a vector of them."""
    return {1: 4, 2: 2, 3: 1, 4: 1}[bands] * isa.lanes


def pack(module: Module, isa: Isa, bands: int) -> Function:
    """Rows of pixels to a tile: `(rows, stride, count, pixel groups, tile)`.

    Rows from `count` on repeat the last one: their results are not looked at.
    """
    f = module.function(f"pack{bands}", [PTR, I64, I64, I64, PTR])
    source, stride, count, groups, tile = f.parameters
    pixels = pixels_at_once(isa, bands)
    rows = [source.at(f.number(row).min(count - 1) * stride) for row in range(isa.lanes)]
    order = [bands * (4 * quad + pixel) + band for quad in range(pixels // 4) for band in range(bands) for pixel in range(4)]
    used = len(order) // 4
    order += [UNDEFINED] * (4 * isa.lanes - len(order))
    with f.loop(groups) as loop:
        at = loop.index * (pixels * bands)
        columns = transpose(
            [
                row.at(at).load(vector(I8, pixels * bands)).shuffle(order).bitcast(vector(I32, isa.lanes))
                for row in rows
            ]
        )
        target = tile.at(loop.index * (used * 4 * isa.lanes))
        for i, column in enumerate(columns[:used]):
            target.at(4 * isa.lanes * i).store(column)
    return f


def across(module: Module, isa: Isa, bands: int, *, planes: bool) -> Function:
    """A pass along W on a tile: `(tile, first, words, pitch, quads, groups of four pixels, out, stride)`.

    `first` holds the offset of each window in the tile, and `words`, `pitch` bytes an output, what its sums begin with
    and its weights. With `planes`, these are written, `stride` bytes one after the other; else strips.
    """
    f = module.function(f"across{bands}_{'planes' if planes else 'strips'}", [PTR, PTR, PTR, I64, I64, I64, PTR, I64])
    tile, first, words, pitch, quads, groups, out, stride = f.parameters
    together = max(1, 4 // bands)  # Pixels whose sums run side by side: short chains of additions would wait.
    size = 4 * isa.lanes
    with f.loop(groups) as loop:
        levels: list[Value] = []
        unit = 0
        for pixel in range(0, 4, together):
            windows, weights, sums = [], [], []
            for p in range(pixel, pixel + together):
                o = loop.index * 4 + p
                windows.append(tile.at(first.at(o * 4).load(I32).cast("sext", I64)))
                row = words.at(o * pitch)
                weights.append(row.at(4))
                bias = row.load(I32).splat(isa.lanes)
                sums += [s for _ in range(bands) for s in [bias, *[f.number(0, bias.type)] * (isa.dot.sums - 1)]]
            with f.loop(quads, *sums) as taps:
                following = []
                for p, (window, weight) in enumerate(zip(windows, weights, strict=True)):
                    here = weight.at(taps.index * (4 * isa.dot.words))
                    factors = [here.at(4 * i).load(I32).splat(isa.lanes) for i in range(isa.dot.words)]
                    samples = window.at(taps.index * (size * bands))
                    for band in range(bands):
                        at = (p * bands + band) * isa.dot.sums
                        quad = samples.at(size * band).load(vector(I32, isa.lanes))
                        following += isa.dot.add(taps.carried[at : at + isa.dot.sums], quad, factors)
                taps.next(*following)
            n = isa.dot.sums
            levels += [isa.dot.total(taps.carried[i : i + n]) >> SHIFT for i in range(0, len(taps.carried), n)]
            while len(levels) >= 4:
                four, levels = narrow(isa, levels[:4]), levels[4:]
                at_unit = loop.index * bands + unit
                unit += 1
                if planes:
                    for group in range(isa.lanes // 4):
                        part = four.bitcast(vector(I32, isa.lanes)).shuffle(range(4 * group, 4 * group + 4))
                        out.at(at_unit * 16 + stride * group).store(part)
                else:
                    # Within 128 bits, four columns of four rows.
                    turned = [16 * lane + 4 * column + row for lane in range(isa.lanes // 4) for row in range(4) for column in range(4)]
                    out.at(at_unit * size).store(four.shuffle(turned))
    return f


def down(module: Module, isa: Isa) -> Function:
    """A pass along H on planes: `(planes, stride, quads, words, sums in, step in, groups, sums out, out, last)`.

    Sums come from `sums in`, which moves `step in` bytes with each group of columns (0 for the same for all columns).
    Where `last`, they are finished and written to `out`, or else to `sums out`.
    """
    f = module.function("down", [PTR, I64, I64, PTR, PTR, I64, I64, PTR, PTR, "i1"])
    planes, stride, quads, words, sums_in, step_in, groups, sums_out, out, last = f.parameters
    n, size = isa.dot.sums, 4 * isa.lanes
    with f.loop(groups) as loop:
        before = sums_in.at(loop.index * step_in)
        sums = []
        for i in range(4):
            total = before.at(size * i).load(vector(I32, isa.lanes))
            sums += [total, *[f.number(0, total.type)] * (n - 1)]
        column = planes.at(loop.index * (4 * size))
        with f.loop(quads, *sums) as taps:
            here = words.at(taps.index * (4 * isa.dot.words))
            factors = [here.at(4 * i).load(I32).splat(isa.lanes) for i in range(isa.dot.words)]
            samples = column.at(taps.index * stride)
            following = []
            for i in range(4):
                quad = samples.at(size * i).load(vector(I32, isa.lanes))
                following += isa.dot.add(taps.carried[n * i : n * i + n], quad, factors)
            taps.next(*following)
        totals = [isa.dot.total(taps.carried[n * i : n * i + n]) for i in range(4)]
        with f.when(last):
            four = narrow(isa, [total >> SHIFT for total in totals])
            lanes = isa.lanes // 4
            natural = [4 * lane + i for i in range(4) for lane in range(lanes)]
            out.at(loop.index * size).store(four.bitcast(vector(I32, isa.lanes)).shuffle(natural))
        with f.when(last ^ 1):
            after = sums_out.at(loop.index * (4 * size))
            for i, total in enumerate(totals):
                after.at(size * i).store(total)
    return f


def plane(module: Module, isa: Isa) -> Function:
    """Four rows to one plane: `(rows, stride, count, groups, plane)`; rows from `count` on repeat the last one."""
    f = module.function("plane", [PTR, I64, I64, I64, PTR])
    source, stride, count, groups, target = f.parameters
    rows = [source.at(f.number(row).min(count - 1) * stride) for row in range(4)]
    size = 4 * isa.lanes
    with f.loop(groups) as loop:
        a, b, c, d = (row.at(loop.index * size).load(vector(I8, size)) for row in rows)
        pairs = [v.bitcast(vector(I16, size // 2)) for v in (*interleave(a, b), *interleave(c, d))]
        quads = [*interleave(pairs[0], pairs[2]), *interleave(pairs[1], pairs[3])]
        for i, quad in enumerate(quads):
            target.at(loop.index * (4 * size) + size * i).store(quad)
    return f


def unpack(module: Module, isa: Isa) -> Function:
    """Strips to rows: `(strips, groups, rows, stride, count)`; of rows from `count` on nothing is left."""
    f = module.function("unpack", [PTR, I64, PTR, I64, I64])
    strips, groups, target, stride, count = f.parameters
    size = 4 * isa.lanes
    rows = [target.at(f.number(row).min(count - 1) * stride) for row in range(isa.lanes)]
    with f.loop(groups) as loop:
        strip = strips.at(loop.index * (size * isa.lanes))
        columns = [strip.at(size * i).load(vector(I32, isa.lanes)) for i in range(isa.lanes)]
        turned = transpose(columns)
        # From the last to the first, so that what repeats the last row is written before it.
        for row, value in reversed(list(zip(rows, turned, strict=True))):
            row.at(loop.index * size).store(value)
    return f


def narrow(isa: Isa, levels: Sequence[Value]) -> Value:
    """Four vectors of integers clipped to 0..255; in each 128 bits of the result, four lanes of each vector in turn."""
    f = levels[0].function
    size = isa.lanes
    if isa.triple.startswith("x86"):
        # The first clips to 16 bits with a sign, the second to 8 bits without.
        words, octets = {
            4: ("sse2.packssdw.128", "sse2.packuswb.128"),
            8: ("avx2.packssdw", "avx2.packuswb"),
            16: ("avx512.packssdw.512", "avx512.packuswb.512"),
        }[size]
        a, b, c, d = levels
        low, high = (f.call(f"llvm.x86.{words}", pair, vector(I16, 2 * size)) for pair in ([a, b], [c, d]))
        return f.call(f"llvm.x86.{octets}", [low, high], vector(I8, 4 * size))
    clipped = [level.max(0).min(255).cast("trunc", I8) for level in levels]
    order = [v * size + 4 * group + i for group in range(size // 4) for v in range(4) for i in range(4)]
    return join(clipped).shuffle(order)
