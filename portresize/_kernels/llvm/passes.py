"""Whole resizes: row blocks through both passes, so that what lies between them stays in the cache.

A kernel makes output rows `first_out` to `stop_out` of every item, from chunks of input rows. Sums of windows that
reach over the end of a chunk wait in `slots`, so that no buffer grows with the height of the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import I32, I64, bits_of
from portresize._kernels.llvm.rows import ENDS, Ends, copy, kernel
from portresize._kernels.llvm.strips import unpack

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Function, Module, Value
    from portresize._kernels.llvm.isa import Isa

FIELDS = Fields(
    *ENDS,
    # Input rows to read, multiples of a plane's but the last; output rows to write.
    *("first_row", "stop_row", "first_out", "stop_out"),
    # Bytes of an input row and of an output row.
    *("in_bytes", "out_bytes"),
    # The table along W: windows as offsets in a tile, their taps (`w_quads` of all or `w_counts` of each), the weights,
    # bytes of them an output, outputs.
    *("w_first", "w_counts", "w_words", "w_pitch", "w_quads", "w_outputs"),
    # The table along H: windows as planes from `h_first` to before `h_stop`, weights, bytes of them an output; rows of
    # a chunk, and for each chunk the first and one past the last output that has a part of it.
    *("h_first", "h_stop", "h_words", "h_pitch", "chunk", "visits"),
    # Buffers: see `Passes`.
    *("tile", "planes", "plane_stride", "slots", "sums", "sums_stride", "lines", "lines_stride", "strips"),
    *("spare_rows", "spare_columns", "spare_sums", "spare_result"),
)


class Arithmetic(Protocol):
    """One kind of samples: `u8.Bytes` or `wide.Doubles`, where the members are described."""

    @property
    def isa(self) -> Isa: ...
    @property
    def bands(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def rows_in_block(self) -> int: ...
    @property
    def rows_in_plane(self) -> int: ...
    @property
    def element(self) -> str: ...
    @property
    def packed(self) -> int: ...
    @property
    def tile_growth(self) -> int: ...
    @property
    def group(self) -> int: ...
    @property
    def group_in_plane(self) -> int: ...
    @property
    def group_in_sums(self) -> int: ...
    @property
    def header(self) -> int: ...
    @property
    def tap(self) -> int: ...
    def pack(self, module: Module) -> Function: ...
    def across(self, module: Module, *, planes: bool) -> Function: ...
    def down(self, module: Module) -> Function: ...
    def plane(self, module: Module) -> Function | None: ...
    def fresh(self, row: Value) -> Value: ...


class _Rows(NamedTuple):
    """Where rows or planes begin, and the bytes from one to the next."""

    start: Value
    stride: Value


class _Planes(NamedTuple):
    """The planes of a chunk: the groups of columns that are whole, and the last one that is not."""

    whole: _Rows
    last: _Rows


class Passes:
    """The kernel `resize_WH`, `resize_HW`, `resize_W` or `resize_H`: one or two passes, in that order.

    Buffers: `tile`, a block of rows ready for the pass along W; `strips`, its result, where that is not planes;
    `planes`, a chunk ready for the pass along H; `sums`, of outputs that wait for the next chunk; `lines`, results of a
    pass along H for a pass along W. Copies, because whole vectors would reach too far: `spare_rows`, ends of rows to
    pack, or that were unpacked; `spare_columns`, the last columns of a chunk that is read where it lies; `spare_sums`,
    what the sums of a group begin with; `spare_result`, a result of the last group of columns.
    """

    def __init__(self, module: Module, arithmetic: Arithmetic, order: str) -> None:
        self._do, self._order = arithmetic, order
        self._rows = arithmetic.rows_in_block
        self._unpacked = bits_of(arithmetic.element) // 8 * self._rows  # Bytes of a row that `unpack` makes at once.
        self._copy = copy(module)
        if "W" in order:
            self._pack = arithmetic.pack(module)
            self._across = arithmetic.across(module, planes=order == "WH")
            if order != "WH" or arithmetic.rows_in_plane == 1:
                self._unpack = unpack(module, arithmetic.element, self._rows)
        if "H" in order:
            self._down = arithmetic.down(module)
            self._plane = arithmetic.plane(module) if order != "WH" else None
        self._f = kernel(module, arithmetic.isa, f"resize_{order}")
        self._x = FIELDS.read(self._f.parameters[0])
        self._ends = Ends(self._f, self._x)
        with self._ends.items():
            self._chunks() if "H" in order else self._blocks()

    def _blocks(self) -> None:
        """One pass, along W."""
        f, x = self._f, self._x
        with f.loop(x["stop_row"], start=x["first_row"], step=self._rows) as block:
            count = (x["stop_row"] - block.index).min(self._rows)
            self._pass_across(_Rows(*self._ends.fetch(block.index, count)), count, None)
            self._emit_strips(block.index, count)

    def _chunks(self) -> None:
        """Chunk after chunk of input rows to planes, and then those outputs that have a part of it."""
        f, x = self._f, self._x
        with f.loop(x["stop_row"], start=x["first_row"], step=x["chunk"]) as chunk:
            n = (x["stop_row"] - chunk.index).min(x["chunk"])
            planes = self._across_chunk(chunk.index, n) if self._order == "WH" else self._chunk(chunk.index, n)
            rows = self._do.rows_in_plane
            begin, end = chunk.index // rows, (chunk.index + n + (rows - 1)) // rows
            number = (chunk.index - x["first_row"]) // x["chunk"]
            visits = x["visits"].pointer().at(number * 8)
            start, stop = (visits.at(4 * i).load(I32).cast("sext", I64) for i in range(2))
            with f.loop(stop, start=start) as out:
                self._visit(planes, begin, end, out.index)

    def _across_chunk(self, first: Value, n: Value) -> _Planes:
        """A chunk through the pass along W, block by block."""
        f, x = self._f, self._x
        planes = _Rows(x["planes"].pointer(), x["plane_stride"])
        with f.loop(n, step=self._rows) as block:
            count = (n - block.index).min(self._rows)
            target = planes.start.at(block.index // self._do.rows_in_plane * planes.stride)
            self._pass_across(_Rows(*self._ends.fetch(first + block.index, count)), count, target)
        return _Planes(planes, self._last_group(planes))

    def _chunk(self, first: Value, n: Value) -> _Planes:
        """A chunk as it is, made planes if these are not rows."""
        f, x = self._f, self._x
        groups, rest = self._groups()
        if self._plane is None:
            rows = _Rows(*self._ends.fetch(first, n))
            columns = x["spare_columns"].pointer()
            with f.when(rest > 0):
                self._save(self._last_group(rows), n, rest, columns, self._do.group_in_plane)
            return _Planes(rows, _Rows(columns, f.number(self._do.group_in_plane)))
        planes = _Rows(x["planes"].pointer(), x["plane_stride"])
        size = self._do.group
        with f.loop(n, step=self._do.rows_in_plane) as block:
            count = (n - block.index).min(self._do.rows_in_plane)
            start, stride = self._ends.fetch(first + block.index, count)
            target = planes.start.at(block.index // self._do.rows_in_plane * planes.stride)
            f.call(self._plane, [start, stride, count, groups, target])
            with f.when(rest > 0):
                ends = x["spare_rows"].pointer()
                self._save(_Rows(start.at(groups * size), stride), count, rest, ends, size)
                last = target.at(groups * self._do.group_in_plane)
                f.call(self._plane, [ends, f.number(size), count, f.number(1), last])
        return _Planes(planes, self._last_group(planes))

    def _groups(self) -> tuple[Value, Value]:
        """Whole groups of columns in a pass along H, and the bytes left after them."""
        size = self._x["out_bytes" if self._order == "WH" else "in_bytes"]
        return size // self._do.group, size % self._do.group

    def _last_group(self, rows: _Rows) -> _Rows:
        """What follows the whole groups."""
        return _Rows(rows.start.at(self._groups()[0] * self._do.group_in_plane), rows.stride)

    def _visit(self, planes: _Planes, begin: Value, end: Value, out: Value) -> None:
        """What output row `out` has of the chunk of planes from `begin` to before `end`."""
        f, x, do = self._f, self._x, self._do
        window, stop = (x[name].pointer().at(out * 4).load(I32).cast("sext", I64) for name in ("h_first", "h_stop"))
        low, high = window.max(begin), stop.min(end)
        is_first, is_last = window >= begin, stop <= end
        row = x["h_words"].pointer().at(out * x["h_pitch"])
        words = row.at((low - window) * do.tap + do.header)
        sums = x["sums"].pointer().at((out % x["slots"]) * x["sums_stride"])
        # Sums that begin here come from one group, which serves for all.
        fresh = x["spare_sums"].pointer()
        value = do.fresh(row)
        for i in range(4):
            fresh.at(bits_of(value.type) // 8 * i).store(value)
        before, step = is_first.select(fresh, sums), is_first.select(0, f.number(do.group_in_sums))
        groups, rest = self._groups()

        def run(source: _Rows, first: Value, count: Value, target: Value) -> None:
            taps = [source.start.at((low - begin) * source.stride), source.stride, high - low, words]
            after = sums.at(first * do.group_in_sums)
            f.call(self._down, [*taps, before.at(first * step), step, count, after, target, is_last])

        if self._order == "HW":
            slot = (out - x["first_out"]) % self._rows
            line = x["lines"].pointer().at(slot * x["lines_stride"])
            run(planes.whole, f.number(0), groups, line)
            with f.when(rest > 0):
                run(planes.last, groups, f.number(1), line.at(groups * do.group))
            is_full = slot.equals(self._rows - 1) | (out + 1).equals(x["stop_out"])
            with f.when(is_last & is_full):
                self._pass_across(_Rows(x["lines"].pointer(), x["lines_stride"]), slot + 1, None)
                self._emit_strips(out - slot, slot + 1)
            return
        target, _ = self._ends.rows(out)
        run(planes.whole, f.number(0), groups, target)
        with f.when(rest > 0):
            result = x["spare_result"].pointer()
            run(planes.last, groups, f.number(1), result)
            with f.when(is_last):
                f.call(self._copy, [target.at(groups * do.group), result, rest])
        with f.when(is_last):
            self._ends.emit(out, f.number(1))

    def _pass_across(self, rows: _Rows, count: Value, planes: Value | None) -> None:
        """A block of rows through the pass along W, to planes or else to strips."""
        f, x, do = self._f, self._x, self._do
        tile = x["tile"].pointer()
        groups, rest = x["in_bytes"] // do.packed, x["in_bytes"] % do.packed
        f.call(self._pack, [*rows, count, groups, tile])
        with f.when(rest > 0):
            done = groups * do.packed
            ends = x["spare_rows"].pointer()
            self._save(_Rows(rows.start.at(done), rows.stride), count, rest, ends, do.packed)
            f.call(self._pack, [ends, f.number(do.packed), count, f.number(1), tile.at(done * do.tile_growth)])
        table = [x["w_first"].pointer(), x["w_counts"].pointer(), x["w_words"].pointer(), x["w_pitch"], x["w_quads"]]
        is_direct = planes is not None and do.rows_in_plane > 1
        out = planes if planes is not None and is_direct else x["strips"].pointer()
        f.call(self._across, [tile, *table, x["w_outputs"], out, x["plane_stride"]])
        if planes is not None and not is_direct:
            strips = (x["out_bytes"] + (self._unpacked - 1)) // self._unpacked
            f.call(self._unpack, [x["strips"].pointer(), strips, planes, x["plane_stride"], count])

    def _emit_strips(self, first: Value, count: Value) -> None:
        """Strips to `count` output rows from `first` on."""
        f, x, size = self._f, self._x, self._unpacked
        groups, rest = x["out_bytes"] // size, x["out_bytes"] % size
        target, stride = self._ends.rows(first)
        strips, spare = x["strips"].pointer(), x["spare_rows"].pointer()
        f.call(self._unpack, [strips, groups, target, stride, count])
        with f.when(rest > 0):
            last = strips.at(groups * (size * self._rows))
            f.call(self._unpack, [last, f.number(1), spare, f.number(size), count])
            with f.loop(count) as row:
                f.call(self._copy, [target.at(row.index * stride + groups * size), spare.at(row.index * size), rest])
        self._ends.emit(first, count)

    def _save(self, rows: _Rows, count: Value, size: Value, target: Value, stride: int) -> None:
        """Copy `size` bytes of `count` rows to where reading more does no harm."""
        f = self._f
        with f.loop(count) as row:
            f.call(self._copy, [target.at(row.index * stride), rows.start.at(row.index * rows.stride), size])


def spare(do: Arithmetic, order: str) -> dict[str, int]:
    """Return the bytes of each buffer for what whole vectors would reach beyond."""
    unpacked = bits_of(do.element) // 8 * do.rows_in_block
    sizes = {"spare_rows": do.rows_in_block * max(do.packed, do.group, unpacked)}
    if "H" in order:
        sizes |= {"spare_sums": do.group_in_sums, "spare_result": do.group}
    if order[0] == "H" and do.rows_in_plane == 1:
        sizes["spare_columns"] = LONGEST_CHUNK * do.group_in_plane
    return sizes


LONGEST_CHUNK = 128
"""Rows of a chunk, at most."""
