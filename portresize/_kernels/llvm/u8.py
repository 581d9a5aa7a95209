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

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from portresize._core.fixed import SHIFT
from portresize._kernels.llvm import shapes
from portresize._kernels.llvm.ir import I1, I8, I16, I32, I64, PTR, UNDEFINED, vector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portresize._kernels.llvm.ir import Function, Module, Value
    from portresize._kernels.llvm.isa import Isa


@dataclass(frozen=True)
class Bytes:
    """8-bit samples of 1 to 4 interleaved bands, as `passes.Arithmetic`."""

    isa: Isa
    bands: int

    kind = "u8"
    rows_in_plane = 4

    @property
    def element(self) -> str:
        """What strips are made of: four columns."""
        return I32

    @property
    def rows_in_block(self) -> int:
        """Rows that a pass along W takes at once."""
        return self.isa.lanes

    @property
    def pixels(self) -> int:
        """Pixels of a row that are brought into a tile together: whole quads, at most a vector of them."""
        return {1: 4, 2: 2, 3: 1, 4: 1}[self.bands] * self.isa.lanes

    @property
    def packed(self) -> int:
        """Bytes of a row that are brought into a tile together."""
        return self.pixels * self.bands

    @property
    def tile_growth(self) -> int:
        """Bytes of a tile for a byte of a row."""
        return self.isa.lanes

    @property
    def group(self) -> int:
        """Bytes of a row that `down` makes at once."""
        return 4 * self.isa.lanes

    @property
    def group_in_plane(self) -> int:
        """Bytes of a plane for them."""
        return 4 * self.group

    @property
    def group_in_sums(self) -> int:
        """Bytes of sums for them."""
        return 4 * self.group

    @property
    def header(self) -> int:
        """Bytes before the weights of an output: what its sum begins with."""
        return 4

    @property
    def tap(self) -> int:
        """Bytes of the weights for one plane."""
        return 4 * self.isa.dot.words

    def pack(self, module: Module) -> Function:
        """Rows of pixels to a tile: `(rows, stride, count, groups of pixels, tile)`.

        Rows from `count` on repeat the last one: their results are not looked at.
        """
        isa, word = self.isa, vector(I32, 4)
        f = module.function("pack", [PTR, I64, I64, I64, PTR])
        source, stride, count, groups, tile = f.parameters
        rows = [source.at(f.number(row).min(count - 1) * stride) for row in range(isa.lanes)]
        # No more than 256 bits: of those x86 shuffles two vectors at a time, and puts them together from memory.
        lanes = min(isa.lanes, 8)
        parts = self._parts()
        permute = {order: isa.permutation(f, lanes, order) for _, order in parts}
        with f.loop(groups) as loop:
            at = loop.index * self.packed
            target = tile.at(at * isa.lanes)
            for first, (i, (start, order)) in product(range(0, isa.lanes, lanes), enumerate(parts)):
                loaded = []
                for row in range(first, first + 4):
                    four = (rows[row + i].at(at).at(start) for i in range(0, lanes, 4))
                    loaded.append(shapes.join([pixels.load_first(word, min(self.packed // 4, 4)) for pixels in four]))
                columns = shapes.transpose_groups([permute[order](value) for value in loaded])
                words = self.packed // len(parts) // 4
                for column, value in enumerate(columns[:words]):
                    target.at(4 * (isa.lanes * (words * i + column) + first)).store(value)
        return f

    def _parts(self) -> list[tuple[int, tuple[int, ...]]]:
        """For each 128 bits of `packed`: where 16 bytes begin that hold it, and their order as words of one band each.

        Four pixels of three bands have 12 bytes; those after them are read too, or at the end those before.
        """
        count = self.isa.lanes // 4
        size, quads, bands = self.packed // count, {1: 4, 2: 2}.get(self.bands, 1), range(self.bands)
        order = [self.bands * (4 * q + pixel) + band for q in range(quads) for band in bands for pixel in range(4)]
        starts = [min(size * i, max(self.packed - 16, 0)) for i in range(count)]
        shifted = [[size * i - start + byte for byte in order] for i, start in enumerate(starts)]
        return [(start, (*bytes_, *[UNDEFINED] * (16 - size))) for start, bytes_ in zip(starts, shifted, strict=True)]

    def across(self, module: Module, *, planes: bool) -> Function:
        """A pass along W: `(tile, first, counts, words, pitch, quads, outputs, out, stride)`.

        `first` holds the offset of each window in the tile, and `words`, `pitch` bytes an output, what its sum begins
        with and its weights. With `planes` those are written, `stride` bytes one after the other; else strips.
        """
        isa, bands, size = self.isa, self.bands, 4 * self.isa.lanes
        f = module.function("across", [PTR, PTR, PTR, PTR, I64, I64, I64, PTR, I64])
        tile, first, _, words, pitch, quads, outputs, out, stride = f.parameters
        together = max(1, 4 // bands)  # Pixels whose sums run side by side: few sums would wait for each other.
        with f.loop((outputs + 3) >> 2) as loop:
            levels: list[Value] = []
            unit = loop.index * bands
            for pixel in range(0, 4, together):
                windows, weights, sums = [], [], []
                for p in range(pixel, pixel + together):
                    output = loop.index * 4 + p
                    windows.append(tile.at(first.at(output * 4).load(I32).cast("sext", I64)))
                    row = words.at(output * pitch)
                    weights.append(row.at(self.header))
                    sums += self._sums(row.load(I32).splat(isa.lanes)) * bands
                with f.loop(quads, *sums) as taps:
                    following = []
                    for p, (window, weight) in enumerate(zip(windows, weights, strict=True)):
                        factors = self._factors(weight, taps.index)
                        samples = window.at(taps.index * (size * bands))
                        for band in range(bands):
                            at = (p * bands + band) * isa.dot.sums
                            quad = samples.at(size * band).load(vector(I32, isa.lanes))
                            following += isa.dot.add(taps.carried[at : at + isa.dot.sums], quad, factors)
                    taps.next(*following)
                levels += self._levels(taps.carried)
                while len(levels) >= 4:
                    four, levels = self._narrow(levels[:4]), levels[4:]
                    self._put(four, out, unit, stride, planes=planes)
                    unit = unit + 1
        return f

    def _put(self, four: Value, out: Value, unit: Value, stride: Value, *, planes: bool) -> None:
        """Store four columns of a block of rows."""
        lanes = self.isa.lanes
        if planes:
            quads = four.bitcast(vector(I32, lanes))
            for quad in range(lanes // 4):
                out.at(unit * 16 + stride * quad).store(quads.shuffle(range(4 * quad, 4 * quad + 4)))
            return
        # Of four rows, column by column, to row by row.
        quads_of_rows, four_ = range(lanes // 4), range(4)
        turned = [16 * quad + 4 * column + row for quad in quads_of_rows for row in four_ for column in four_]
        out.at(unit * (4 * lanes)).store(four.shuffle(turned))

    def down(self, module: Module) -> Function:
        """A pass along H: `(planes, stride, count, words, sums in, step in, groups, sums out, out, is last)`.

        Adds `count` planes. Sums come from `sums in`, which moves `step in` bytes with each group of columns (0: the
        same for all). If this is the last of them, they are finished and written to `out`, or else to `sums out`.
        """
        isa, n, size = self.isa, self.isa.dot.sums, 4 * self.isa.lanes
        f = module.function("down", [PTR, I64, I64, PTR, PTR, I64, I64, PTR, PTR, I1])
        planes, stride, count, words, sums_in, step_in, groups, sums_out, out, is_last = f.parameters
        with f.loop(groups) as loop:
            before = sums_in.at(loop.index * step_in)
            sums = [s for i in range(4) for s in self._sums(before.at(size * i).load(vector(I32, isa.lanes)))]
            column = planes.at(loop.index * self.group_in_plane)
            with f.loop(count, *sums) as taps:
                factors = self._factors(words, taps.index)
                samples = column.at(taps.index * stride)
                following = []
                for i in range(4):
                    quad = samples.at(size * i).load(vector(I32, isa.lanes))
                    following += isa.dot.add(taps.carried[n * i : n * i + n], quad, factors)
                taps.next(*following)
            totals = [isa.dot.total(taps.carried[n * i : n * i + n]) for i in range(4)]
            with f.when(is_last):
                four = self._narrow([total >> SHIFT for total in totals]).bitcast(vector(I32, isa.lanes))
                in_order = [4 * quad + i for i in range(4) for quad in range(isa.lanes // 4)]
                out.at(loop.index * self.group).store(four.shuffle(in_order))
            with f.when(is_last ^ 1):
                after = sums_out.at(loop.index * self.group_in_sums)
                for i, total in enumerate(totals):
                    after.at(size * i).store(total)
        return f

    def plane(self, module: Module) -> Function:
        """Four rows to a plane: `(rows, stride, count, groups, plane)`; rows from `count` on repeat the last one."""
        f = module.function("plane", [PTR, I64, I64, I64, PTR])
        source, stride, count, groups, target = f.parameters
        rows = [source.at(f.number(row).min(count - 1) * stride) for row in range(4)]
        size = self.group
        with f.loop(groups) as loop:
            a, b, c, d = (row.at(loop.index * size).load(vector(I8, size)) for row in rows)
            pairs = [v.bitcast(vector(I16, size // 2)) for v in (*shapes.interleave(a, b), *shapes.interleave(c, d))]
            quads = [*shapes.interleave(pairs[0], pairs[2]), *shapes.interleave(pairs[1], pairs[3])]
            for i, quad in enumerate(quads):
                target.at(loop.index * (4 * size) + size * i).store(quad)
        return f

    def fresh(self, row: Value) -> Value:
        """What the sums of an output begin with, from where its weights are."""
        return row.load(I32).splat(self.isa.lanes)

    def _sums(self, first: Value) -> list[Value]:
        """Partial sums that together are `first`."""
        return [first, *[first.function.number(0, first.type)] * (self.isa.dot.sums - 1)]

    def _factors(self, words: Value, quad: Value) -> list[Value]:
        """The weights of a quad in all lanes."""
        here = words.at(quad * self.tap)
        return [here.at(4 * i).load(I32).splat(self.isa.lanes) for i in range(self.isa.dot.words)]

    def _levels(self, sums: Sequence[Value]) -> list[Value]:
        """Sums, as many partial ones as there are for each, to results that are not clipped yet."""
        n = self.isa.dot.sums
        return [self.isa.dot.total(sums[i : i + n]) >> SHIFT for i in range(0, len(sums), n)]

    def _narrow(self, levels: Sequence[Value]) -> Value:
        """Four vectors clipped to 0..255; in each 128 bits of the result, four lanes of each vector in turn."""
        f, size = levels[0].function, self.isa.lanes
        if self.isa.is_x86:
            # The first clips to 16 bits with a sign, the second to 8 bits without.
            to_words, to_bytes = {
                4: ("sse2.packssdw.128", "sse2.packuswb.128"),
                8: ("avx2.packssdw", "avx2.packuswb"),
                16: ("avx512.packssdw.512", "avx512.packuswb.512"),
            }[size]
            pairs = levels[:2], levels[2:]
            words = [f.call(f"llvm.x86.{to_words}", pair, vector(I16, 2 * size)) for pair in pairs]
            return f.call(f"llvm.x86.{to_bytes}", words, vector(I8, 4 * size))
        clipped = [level.max(0).min(255).cast("trunc", I8) for level in levels]
        order = [i * size + 4 * quad + row for quad in range(size // 4) for i in range(4) for row in range(4)]
        return shapes.join(clipped).shuffle(order)
