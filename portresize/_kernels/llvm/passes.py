"""8-bit samples: whole resizes, row blocks through both passes, so that what lies between them stays in the cache.

A kernel works on output rows `first_out` to `stop_out` of every item, from chunks of input rows. Sums of windows that
reach over the end of a chunk wait in `slots`, so that no buffer grows with the height of the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm import rows, u8
from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import I32, I64, PTR

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Function, Module, Value
    from portresize._kernels.llvm.isa import Isa

FIELDS = Fields(
    *rows.ENDS,
    # Input rows to read, multiples of 4 but the last; output rows to write.
    *("first_row", "stop_row", "first_out", "stop_out"),
    # Pixels of an input row and bytes of it; bytes of an output row.
    *("width", "in_bytes", "out_bytes"),
    # The table along W: windows as offsets in a tile, words, bytes an output, quads a window, groups of four pixels.
    *("w_first", "w_words", "w_pitch", "w_quads", "w_groups"),
    # The table along H: windows as quads of rows; outputs of which each chunk has a part.
    *("h_first", "h_words", "h_pitch", "h_quads", "chunk", "visits"),
    # Buffers.
    *("tile", "planes", "plane_stride", "slots", "sums", "sums_stride", "lines", "lines_stride", "strips", "spare"),
)


class Passes:
    """The functions that the kernels of one module share."""

    def __init__(self, module: Module, isa: Isa, bands: int) -> None:
        self.module, self.isa, self.bands = module, isa, bands
        self.copy = rows.copy(module)

    def kernel(self, order: str) -> None:
        """Write the kernel that passes along the axes `order`, one or two of "W" and "H"."""
        module, isa, bands = self.module, self.isa, self.bands
        f = module.function(f"resize_{order}", [PTR], exported=True)
        fields = FIELDS.read(f.parameters[0])
        if "W" in order:
            self.pack = u8.pack(module, isa, bands)
            self.across = u8.across(module, isa, bands, planes=order == "WH")
        if "H" in order:
            self.down = u8.down(module, isa)
        if order != "WH":
            self.plane = u8.plane(module, isa)
            self.unpack = u8.unpack(module, isa)
        ends = rows.Ends(f, fields)
        with ends.items():
            if order == "W":
                with f.loop(fields["stop_row"], start=fields["first_row"], step=isa.lanes) as block:
                    count = (fields["stop_row"] - block.index).min(isa.lanes)
                    self._across_rows(f, fields, *ends.fetch(block.index, count), count)
                    self._emit_strips(f, fields, ends, block.index, count)
            else:
                self._chunks(f, fields, ends, order)

    def _chunks(self, f: Function, x: dict[str, Value], ends: rows.Ends, order: str) -> None:
        """Chunk after chunk of input rows to planes, and then those outputs that see them."""
        step = self.isa.lanes if order == "WH" else 4
        with f.loop(x["stop_row"], start=x["first_row"], step=x["chunk"]) as chunk:
            n = (x["stop_row"] - chunk.index).min(x["chunk"])
            with f.loop(n, step=step) as block:
                count = (n - block.index).min(step)
                here = ends.fetch(chunk.index + block.index, count)
                planes = x["planes"].pointer().at((block.index >> 2) * x["plane_stride"])
                if order == "WH":
                    self._across_rows(f, x, *here, count, planes)
                else:
                    self._plane(f, x, *here, count, planes)
            number = (chunk.index - x["first_row"]) // x["chunk"]
            visits = x["visits"].pointer().at(number * 8)
            start, stop = (visits.at(4 * i).load(I32).cast("sext", I64) for i in range(2))
            with f.loop(stop, start=start) as out:
                self._visit(f, x, ends, order, chunk.index >> 2, n, out.index)

    def _visit(
        self, f: Function, x: dict[str, Value], ends: rows.Ends, order: str, begin: Value, n: Value, out: Value
    ) -> None:
        """What output row `out` has of the chunk of `n` rows whose first quad is `begin`."""
        size, dot = 4 * self.isa.lanes, self.isa.dot
        end = begin + ((n + 3) >> 2)
        window = x["h_first"].pointer().at(out * 4).load(I32).cast("sext", I64)
        window_end = window + x["h_quads"]
        is_first, low, high = window >= begin, window.max(begin), window_end.min(end)
        is_last = (window_end <= end) | ((begin << 2) + n >= x["stop_row"])
        row = x["h_words"].pointer().at(out * x["h_pitch"])
        words = row.at((low - window) * (4 * dot.words) + 4)
        planes = x["planes"].pointer().at((low - begin) * x["plane_stride"])
        sums = x["sums"].pointer().at((out % x["slots"]) * x["sums_stride"])
        fresh = x["spare"].pointer().at(size * self.isa.lanes)
        bias = row.load(I32).splat(self.isa.lanes)
        for i in range(4):
            fresh.at(size * i).store(bias)
        before, step = is_first.select(fresh, sums), is_first.select(0, f.number(4 * size))

        def run(first: Value, groups: Value, target: Value) -> None:
            at = first * (4 * size)
            arguments = [planes.at(at), x["plane_stride"], high - low, words, before.at(first * step), step, groups]
            f.call(self.down, [*arguments, sums.at(at), target, is_last])

        if order == "HW":
            slot = (out - x["first_out"]) % self.isa.lanes
            groups = (x["in_bytes"] + (size - 1)) // size
            run(f.number(0), groups, x["lines"].pointer().at(slot * x["lines_stride"]))
            full = slot.equals(self.isa.lanes - 1) | (out + 1).equals(x["stop_out"])
            with f.when(is_last & full):
                self._across_rows(f, x, x["lines"].pointer(), x["lines_stride"], slot + 1)
                self._emit_strips(f, x, ends, out - slot, slot + 1)
            return
        target = ends.row(out)
        groups, rest = x["out_bytes"] // size, x["out_bytes"] % size
        run(f.number(0), groups, target)
        with f.when(rest > 0):
            run(groups, f.number(1), x["spare"].pointer())
            with f.when(is_last):
                f.call(self.copy, [target.at(groups * size), x["spare"].pointer(), rest])
        with f.when(is_last):
            ends.emit(out, f.number(1))

    def _plane(self, f: Function, x: dict[str, Value], source: Value, stride: Value, count: Value, out: Value) -> None:
        """Up to four rows to a plane."""
        size = 4 * self.isa.lanes
        groups, rest = x["in_bytes"] // size, x["in_bytes"] % size
        f.call(self.plane, [source, stride, count, groups, out])
        with f.when(rest > 0):
            self._spare(f, x, source.at(groups * size), stride, count, rest)
            f.call(self.plane, [x["spare"].pointer(), f.number(size), count, f.number(1), out.at(groups * (4 * size))])

    def _spare(self, f: Function, x: dict[str, Value], source: Value, stride: Value, count: Value, size: Value) -> None:
        """Copy the ends of rows to where reading a whole vector does no harm."""
        with f.loop(count) as row:
            target = x["spare"].pointer().at(row.index * (4 * self.isa.lanes))
            f.call(self.copy, [target, source.at(row.index * stride), size])

    def _across_rows(
        self, f: Function, x: dict[str, Value], source: Value, stride: Value, count: Value, planes: Value | None = None
    ) -> None:
        """A block of rows through the pass along W, to planes or else to strips."""
        pixels, size = u8.pixels_at_once(self.isa, self.bands), 4 * self.isa.lanes
        tile = x["tile"].pointer()
        groups, rest = x["width"] // pixels, x["width"] % pixels
        f.call(self.pack, [source, stride, count, groups, tile])
        with f.when(rest > 0):
            self._spare(f, x, source.at(groups * (pixels * self.bands)), stride, count, rest * self.bands)
            target = tile.at(groups * (pixels * self.bands * self.isa.lanes))
            f.call(self.pack, [x["spare"].pointer(), f.number(size), count, f.number(1), target])
        table = [x["w_first"].pointer(), x["w_words"].pointer(), x["w_pitch"], x["w_quads"], x["w_groups"]]
        out = [planes, x["plane_stride"]] if planes else [x["strips"].pointer(), f.number(0)]
        f.call(self.across, [tile, *table, *out])

    def _emit_strips(self, f: Function, x: dict[str, Value], ends: rows.Ends, first: Value, count: Value) -> None:
        """Strips to `count` output rows from `first` on."""
        size = 4 * self.isa.lanes
        groups, rest = x["out_bytes"] // size, x["out_bytes"] % size
        target, stride = ends.rows(first)
        strips, spare = x["strips"].pointer(), x["spare"].pointer()
        f.call(self.unpack, [strips, groups, target, stride, count])
        with f.when(rest > 0):
            last = strips.at(groups * (size * self.isa.lanes))
            f.call(self.unpack, [last, f.number(1), spare, f.number(size), count])
            with f.loop(count) as row:
                to = target.at(row.index * stride + groups * size)
                f.call(self.copy, [to, spare.at(row.index * size), rest])
        ends.emit(first, count)
