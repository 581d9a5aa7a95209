"""16 and 32-bit integers and floats: sums in double, tap by tap in order, each product rounded before it is added.

A pass along W has lanes that are rows ("tile": for each sample of a row, a vector of all rows of the block, as
doubles; "strips": the same of results), a pass along H lanes that are columns ("planes" are rows). No tap outside its
window is touched: 0 times infinity would be NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portresize._kernels.llvm import shapes
from portresize._kernels.llvm.ir import F32, F64, I1, I16, I32, I64, PTR, bits_of, vector

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Function, Module, Value
    from portresize._kernels.llvm.isa import Isa

ELEMENTS = {"u16": I16, "u16-bytes": I16, "i32": I32, "f32": F32, "f64": F64, "i16": I16, "u32": I32}


@dataclass(frozen=True)
class Doubles:
    """Samples of 1 to 4 interleaved bands, as `passes.Arithmetic`.

    Attributes:
        kind: A key of ELEMENTS; "u16-bytes" is "u16" with each byte clipped apart, as before Pillow 12.3.
    """

    isa: Isa
    bands: int
    kind: str

    rows_in_plane = 1

    @property
    def element(self) -> str:
        """Type of a sample."""
        return ELEMENTS[self.kind]

    @property
    def item(self) -> int:
        """Bytes of a sample."""
        return bits_of(self.element) // 8

    @property
    def rows_in_block(self) -> int:
        """Rows that a pass along W takes at once: a vector of doubles."""
        return self.isa.doubles

    @property
    def packed(self) -> int:
        """Bytes of a row that are brought into a tile together."""
        return self.rows_in_block * self.item

    @property
    def tile_growth(self) -> int:
        """Bytes of a tile for a byte of a row."""
        return self.rows_in_block * 8 // self.item

    @property
    def group(self) -> int:
        """Bytes of a row that `down` makes at once: four vectors of doubles."""
        return 4 * self.isa.doubles * self.item

    @property
    def group_in_plane(self) -> int:
        """Bytes of a plane for them."""
        return self.group

    @property
    def group_in_sums(self) -> int:
        """Bytes of sums for them."""
        return 4 * self.isa.doubles * 8

    header = 0
    """Bytes before the weights of an output."""
    tap = 8
    """Bytes of the weights for one plane."""

    def pack(self, module: Module) -> Function:
        """Rows to a tile: `(rows, stride, count, groups, tile)`; rows from `count` on repeat the last one."""
        lanes = self.rows_in_block
        f = module.function("pack", [PTR, I64, I64, I64, PTR])
        source, stride, count, groups, tile = f.parameters
        rows = [source.at(f.number(row).min(count - 1) * stride) for row in range(lanes)]
        with f.loop(groups) as loop:
            at = loop.index * self.packed
            columns = shapes.transpose([row.at(at).load(vector(self.element, lanes)) for row in rows])
            for i, column in enumerate(columns):
                tile.at(at * self.tile_growth).at(8 * lanes * i).store(self._widened(column))
        return f

    def across(self, module: Module, *, planes: bool) -> Function:  # noqa: ARG002  strips in both cases
        """A pass along W: `(tile, first, counts, words, pitch, -, outputs, strips, -)`.

        `first` holds the offset of each window in the tile, `counts` its taps, and `words`, `pitch` bytes an output,
        their weights.
        """
        lanes, bands = self.rows_in_block, self.bands
        f = module.function("across", [PTR, PTR, PTR, PTR, I64, I64, I64, PTR, I64])
        tile, first, counts, words, pitch, _, outputs, out, _ = f.parameters
        together = max(1, 4 // bands)  # Pixels whose sums run side by side: few sums would wait for each other.
        zero = f.number(0, vector(F64, lanes))

        def add(sums: list[Value], window: Value, weight: Value, tap: Value) -> list[Value]:
            factor = weight.at(tap * 8).load(F64).splat(lanes)
            samples = window.at(tap * (8 * lanes * bands))
            return [total + samples.at(8 * lanes * band).load(total.type) * factor for band, total in enumerate(sums)]

        with f.loop(outputs, step=together) as loop:
            pixels = [loop.index + i for i in range(together)]
            windows = [tile.at(first.at(pixel * 4).load(I32).cast("sext", I64)) for pixel in pixels]
            taps = [counts.at(pixel * 4).load(I32).cast("sext", I64) for pixel in pixels]
            weights = [words.at(pixel * pitch) for pixel in pixels]
            common = taps[0]
            for count in taps[1:]:
                common = common.min(count)
            with f.loop(common, *[zero] * (together * bands)) as side_by_side:
                following = []
                for i, (window, weight) in enumerate(zip(windows, weights, strict=True)):
                    sums = side_by_side.carried[bands * i : bands * i + bands]
                    following += add(sums, window, weight, side_by_side.index)
                side_by_side.next(*following)
            for i, (window, weight) in enumerate(zip(windows, weights, strict=True)):
                sums = side_by_side.carried[bands * i : bands * i + bands]
                with f.loop(taps[i], *sums, start=common) as rest:
                    rest.next(*add(rest.carried, window, weight, rest.index))
                for band, total in enumerate(rest.carried):
                    out.at((pixels[i] * bands + band) * (lanes * self.item)).store(self._rounded(total))
        return f

    def down(self, module: Module) -> Function:
        """A pass along H: as `u8.Bytes.down`."""
        lanes = self.isa.doubles
        f = module.function("down", [PTR, I64, I64, PTR, PTR, I64, I64, PTR, PTR, I1])
        planes, stride, count, words, sums_in, step_in, groups, sums_out, out, is_last = f.parameters
        with f.loop(groups) as loop:
            before = sums_in.at(loop.index * step_in)
            sums = [before.at(8 * lanes * i).load(vector(F64, lanes)) for i in range(4)]
            column = planes.at(loop.index * self.group_in_plane)
            with f.loop(count, *sums) as taps:
                factor = words.at(taps.index * self.tap).load(F64).splat(lanes)
                row = column.at(taps.index * stride)
                following = []
                for i, total in enumerate(taps.carried):
                    samples = row.at(self.item * lanes * i).load(vector(self.element, lanes))
                    following.append(total + self._widened(samples) * factor)
                taps.next(*following)
            with f.when(is_last):
                for i, total in enumerate(taps.carried):
                    out.at(loop.index * self.group + self.item * lanes * i).store(self._rounded(total))
            with f.when(is_last ^ 1):
                for i, total in enumerate(taps.carried):
                    sums_out.at(loop.index * self.group_in_sums + 8 * lanes * i).store(total)
        return f

    def plane(self, module: Module) -> None:
        """Nothing: planes are rows."""

    def fresh(self, row: Value) -> Value:
        """What the sums of an output begin with."""
        return row.function.number(0, vector(F64, self.isa.doubles))

    def _widened(self, samples: Value) -> Value:
        """Samples as doubles."""
        return widened(samples, self.kind)

    def _rounded(self, total: Value) -> Value:
        """Sums as samples."""
        return rounded(total, self.kind)


def widened(samples: Value, kind: str) -> Value:
    """Samples of `kind` as doubles."""
    if samples.is_float:
        return samples.cast("fpext", F64)
    if kind == "u32":
        return samples.cast("uitofp", F64)
    return samples.cast("sext" if kind == "i16" else "zext", I32).cast("sitofp", F64)


def rounded(total: Value, kind: str) -> Value:
    """Doubles as samples of `kind`."""
    if ELEMENTS[kind] in {F32, F64}:
        return total.cast("fptrunc", ELEMENTS[kind])
    if kind == "u32":
        shifted = total + 0.5
        # Sums are finite. What is below 1 becomes 0, and what is above the type its last number.
        inside = (shifted >= 1.0).select(shifted, 0.0)
        return (inside < 4294967295.0).select(inside, 4294967295.0).cast("fptoui", I32)
    whole = half_away(total)
    if kind == "i32":
        return whole
    if kind == "i16":
        return whole.max(-32768).min(32767).cast("trunc", I16)
    clipped = whole.max(0).min(65535)
    if kind == "u16-bytes":
        # Above the range the high byte stays at 255 and the low byte wraps; below it both are 0.
        clipped = (whole > 65535).select((whole & 255) | 0xFF00, clipped)
    return clipped.cast("trunc", I16)


def half_away(total: Value) -> Value:
    """Doubles to int32, half away from zero; beyond int32 the most negative one, as a cast in C gives on x86-64."""
    shifted = (total >= 0.0).select(total + 0.5, total - 0.5)
    is_inside = (shifted > -2147483649.0) & (shifted < 2147483648.0)
    return is_inside.select(is_inside.select(shifted, 0.0).cast("fptosi", I32), -(2**31))
