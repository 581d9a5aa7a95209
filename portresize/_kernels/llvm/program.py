"""A plan as machine code: which kernels, on which tables, with which buffers.

What a plan does first (gather, alpha, averages of blocks) becomes functions that make rows when a kernel asks for them,
and what it does last functions that take finished rows; so there is one walk through the image, whatever the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from portresize._core import fixed
from portresize._core.steps import Pass, Premultiply
from portresize._kernels.llvm import bands, blocks, library, passes, pixels, tables
from portresize._kernels.llvm.ir import bits_of
from portresize._kernels.llvm.parts import Parts, Unsupported, sort

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from portresize._core.steps import Reduce, Step
    from portresize._kernels.llvm.fields import Fields
    from portresize._kernels.llvm.isa import Isa
    from portresize._kernels.llvm.tables import Table

# Bytes of planes that a chunk may take, which are to stay in the second cache of a processor.
_CHUNK = 256 * 1024


class Side(NamedTuple):
    """How an item lies in memory: bytes from row to row, from pixel to pixel, and from band to band."""

    row: int
    pixel: int
    band: int


class Samples(NamedTuple):
    """What an item holds.

    Attributes:
        kind: "u8", a key of `wide.ELEMENTS`, or "index" for what is only moved.
        item: Bytes of a sample.
        bands: Bands that are computed together, 1 to 4.
    """

    kind: str
    item: int
    bands: int

    @property
    def pixel(self) -> int:
        """Bytes of a pixel."""
        return self.item * self.bands

    def are_joined(self, side: Side) -> bool:
        """Whether the bands of a pixel follow one another there."""
        return self.bands == 1 or side.band == self.item


class _Layout:
    """Blocks of fields and buffers in one piece of memory, whose address is not known yet."""

    def __init__(self) -> None:
        self.size = 0
        self.blocks: list[tuple[int, NDArray[np.int64]]] = []
        self.relative: list[int] = []  # Fields, counted in words, that hold places in this memory.

    def buffer(self, size: int) -> int:
        """Room for `size` bytes: its place."""
        place = self.size
        self.size += -(-size // 64) * 64
        return place

    def fill(self, place: int, fields: Fields, values: dict[str, int], places: dict[str, int]) -> None:
        """Write a block; of the fields `places` only the place in this memory is known."""
        self.blocks.append((place // 8, fields.block(**values, **places)))
        self.relative += [place // 8 + fields.index(name) for name in places]


class _End(NamedTuple):
    """A function that makes rows or takes them, and the place of its block; no function: rows are used as they lie."""

    function: int = 0
    block: int = 0


class Program:
    """What answers a plan for items of one shape and one layout in memory.

    Attributes:
        outputs: Rows of the result.
        offset: Bytes from an item's first sample to the first one that is read.
        work: Bytes read and written, roughly: what a run costs.
        size: Bytes of memory that a run needs besides source and target.
    """

    def __init__(
        self, isa: Isa, samples: Samples, sides: tuple[Side, Side], steps: Sequence[Step], source: tuple[int, int]
    ) -> None:
        """Generate the kernels for `steps`, from items of `source` = `(height, width)` to others, as `sides` says.

        Raises:
            Unsupported: No kernel takes them.
            RuntimeError: LLVM cannot generate one.
        """
        self._isa, self._samples, (self._source, self._target) = isa, samples, sides
        self._parts = sort(steps, source)
        self._layout = _Layout()
        self._kept: list[object] = []
        self._bounds: dict[tuple[int, int], tuple[dict[str, int], object]] = {}
        self._down: Table | None = None
        height, width = self._parts.size
        self.outputs = self._parts.result[0]
        self.offset = self._parts.top * self._source.row + self._parts.left * self._source.pixel
        self.work = samples.pixel * (height * width + self.outputs * self._parts.result[1])
        if not (self.work and all(self._parts.result)):
            msg = "an empty image"
            raise Unsupported(msg)
        self._start = self._layout.buffer(8 * 64)  # More than any block of fields takes.
        self._slots = self._layout.buffer(16) // 8  # For the addresses of a single item.
        key = self._build()
        self.kernel = library.address(isa, key)

    @property
    def size(self) -> int:
        """See above."""
        return self._layout.size

    def place(self, memory: NDArray[np.int64], address: int) -> None:
        """Write the blocks to `memory`, int64 and long enough, which is at `address`; that is what a kernel gets."""
        for at, values in self._layout.blocks:
            memory[at : at + len(values)] = values
        memory[self._layout.relative] += address

    def item(self, memory: NDArray[np.int64], source: int, target: int) -> None:
        """Let a run work on one item, given by the address of its first sample."""
        memory[self._slots] = source
        memory[self._slots + 1] = target

    def items(self, memory: NDArray[np.int64], sources: NDArray[np.int64], targets: NDArray[np.int64]) -> None:
        """Let a run work on these items, given by the addresses of their first samples."""
        for name, value in (("items", len(sources)), ("sources", sources.ctypes.data), ("targets", targets.ctypes.data)):
            memory[self._fields.index(name)] = value

    def bound(self, memory: NDArray[np.int64], first: int, stop: int) -> None:
        """Let a run make output rows `first` to before `stop` only."""
        if (first, stop) not in self._bounds:
            # Of two threads that come here at once, one wins: what the other made would not live long enough.
            self._bounds.setdefault((first, stop), self._bound(first, stop))
        values = self._bounds[first, stop][0]
        for name, value in values.items():
            memory[self._fields.index(name)] = value

    def _bound(self, first: int, stop: int) -> tuple[dict[str, int], object]:
        values = {"first_out": first, "stop_out": stop}
        if self._down is None:
            return (values | {"first_row": first, "stop_row": stop} if self._parts.passes else values), None
        rows, height = self._do.rows_in_plane, self._parts.reduced[0]
        begin = int(self._down.first[first])
        end = max(int(self._down.stop[stop - 1]), begin + 1)
        visits = self._visits(self._down, first, stop, self._chunk // rows)
        values |= {"first_row": begin * rows, "stop_row": min(end * rows, height), "visits": visits.ctypes.data}
        return values, visits

    @staticmethod
    def _visits(table: Table, first: int, stop: int, planes: int) -> NDArray[np.int32]:
        """For each chunk of `planes`: the first and one past the last output that has a part of it, (n, 2)."""
        starts, stops = table.first[first:stop], table.stop[first:stop]
        earliest = (starts - starts[0]) // planes
        latest = (np.maximum(stops - 1, starts) - starts[0]) // planes
        chunk = np.arange(int(latest.max()) + 1)
        bounds = [np.searchsorted(latest, chunk, "left"), np.searchsorted(earliest, chunk, "right")]
        return np.ascontiguousarray(np.stack(bounds, axis=1) + first, np.int32)

    # Building.

    def _build(self) -> library.Key:
        """Fill the blocks, and say which kernel reads the first of them."""
        parts, samples = self._parts, self._samples
        if parts.passes:
            return self._build_passes()
        if parts.rows is not None and parts.columns is not None:
            return self._build_take(parts.rows, parts.columns)
        self._fields = pixels.MOVE
        values = {"out_bytes": parts.result[1] * samples.pixel}
        self._fill_first(values, {}, self._fetch(1), self._emit(1))
        return ("move",)

    def _build_take(self, rows: NDArray[np.int32], columns: NDArray[np.int32]) -> library.Key:
        """Nearest neighbours."""
        samples = self._samples
        self._fields = pixels.TAKE
        self._kept += [rows, columns]
        # The kernel itself walks any stride, unless the bands of a pixel lie apart or have to be changed.
        is_plain = self._parts.act is None
        fetch = self._fetch(1) if not (is_plain and samples.are_joined(self._source)) else None
        emit = self._emit(1) if not (is_plain and samples.are_joined(self._target)) else None
        values = {
            "width": len(columns),
            "row_index": self._address(rows),
            "column_index": self._address(columns),
            "source_pixel_stride": samples.pixel if fetch else self._source.pixel,
            "target_pixel_stride": samples.pixel if emit else self._target.pixel,
        }
        nothing = _End(), 0, 0
        self._fill_first(values, {}, fetch or nothing, emit or nothing)
        return ("take", samples.pixel)

    def _build_passes(self) -> library.Key:
        """One pass or two."""
        parts, samples, buffer = self._parts, self._samples, self._layout.buffer
        by_axis = {step.axis: step for step in parts.passes}
        order = "".join(by_axis)
        kind = samples.kind if all(step.clip for step in parts.passes) else f"{samples.kind}-bytes"
        self._do = do = library.arithmetic(self._isa, kind, samples.bands)
        self._fields = passes.FIELDS
        lanes = do.rows_in_block
        in_bytes, out_bytes = parts.reduced[1] * samples.pixel, parts.result[1] * samples.pixel
        values, places = {"in_bytes": in_bytes, "out_bytes": out_bytes}, {}
        # Places that hold whole groups of columns, of rows that are as long as those in the pass along H.
        groups = -(-(out_bytes if order == "WH" else in_bytes) // do.group)
        if "H" in by_axis:
            table = self._down = self._table(by_axis["H"], parts.reduced[0])
            values |= {
                "h_first": self._address(table.first),
                "h_stop": self._address(table.stop),
                "h_words": self._address(table.words),
                "h_pitch": table.words.strides[0],
                "slots": table.waiting(),
                "sums_stride": _row(groups * do.group_in_sums),
                "plane_stride": _row(groups * do.group_in_plane + 64),  # The last outputs are made four at a time.
            }
            places["sums"] = buffer(values["slots"] * values["sums_stride"])
            rows = _CHUNK * do.rows_in_plane // values["plane_stride"]
            self._chunk = values["chunk"] = max(16, min(passes.LONGEST_CHUNK, rows // 16 * 16))
            if order == "WH" or do.rows_in_plane > 1:
                places["planes"] = buffer(self._chunk // do.rows_in_plane * values["plane_stride"])
        if "W" in by_axis:
            self._build_across(by_axis["W"], values, places)
        if order == "HW":
            values["lines_stride"] = _row(groups * do.group)
            places["lines"] = buffer(lanes * values["lines_stride"])
        places["spare"] = buffer(passes.Spare(do).size)
        at_once = lanes if order.startswith("W") else do.rows_in_plane if do.rows_in_plane > 1 else self._chunk
        self._fill_first(values, places, self._fetch(at_once), self._emit(lanes if order.endswith("W") else 1))
        return ("resize", order, kind, samples.bands)

    def _build_across(self, step: Pass, values: dict[str, int], places: dict[str, int]) -> None:
        """The table of the pass along W, and its buffers."""
        do, samples, lanes = self._do, self._samples, self._do.rows_in_block
        table = self._table(step, self._parts.reduced[1])
        # A unit of the table is as many samples of each band in the tile as there are rows in a plane.
        unit = do.rows_in_plane * samples.pixel * do.tile_growth
        if int(table.first[-1]) * unit >= 2**31:
            msg = f"an image {self._parts.reduced[1]} pixels wide"
            raise Unsupported(msg)
        in_tile = -(-values["in_bytes"] // do.packed) * do.packed
        # Strips: of each group of outputs, and room to read as many as there are lanes.
        outputs, element = len(table.first) * samples.bands // do.rows_in_plane, bits_of(do.element) // 8 * lanes
        values |= {
            "w_first": self._address(table.first * np.int32(unit)),
            "w_counts": self._address(table.stop - table.first),
            "w_words": self._address(table.words),
            "w_pitch": table.words.strides[0],
            "w_quads": table.longest,
            "w_outputs": step.taps.n_out,
        }
        places["tile"] = self._layout.buffer(in_tile * do.tile_growth)
        places["strips"] = self._layout.buffer((outputs + lanes) * element)

    def _table(self, step: Pass, n_in: int) -> Table:
        """The weights of a pass."""
        if step.kind == "u8":
            return tables.quads(step.taps, n_in, self._isa.dot)
        return tables.exact(step.taps)

    def _fill_first(
        self, values: dict[str, int], places: dict[str, int], fetch: tuple[_End, int, int], emit: tuple[_End, int, int]
    ) -> None:
        """The block of the kernel itself, with its two ends: function, buffer of rows, and bytes from row to row."""
        values |= {"items": 1, "source_stride": self._source.row, "target_stride": self._target.row}
        places |= {"sources": 8 * self._slots, "targets": 8 * self._slots + 8}
        names = (("fetch", "fetched"), ("emit", "emitted"))
        for (end, rows, stride), (name, made) in zip((fetch, emit), names, strict=True):
            if end.function:
                values |= {name: end.function, f"{made}_stride": stride}
                places |= {f"{name}_block": end.block, made: rows}
        self._layout.fill(self._start, self._fields, values, places)

    def _fetch(self, rows: int) -> tuple[_End, int, int]:
        """What makes up to `rows` rows for a kernel."""
        parts, samples, buffer = self._parts, self._samples, self._layout.buffer
        (height, width), stride = parts.size, _row(parts.size[1] * samples.pixel)
        end = _End()
        if not self._is_dense(self._source):
            end = self._strided("gather", self._source, width, stride)
        if parts.act is not None:
            act = ("premultiply", samples.bands) if isinstance(parts.act, Premultiply) else ("flip", "fetch")
            end = self._change(act, end, self._source, width, stride)
        if parts.reduce is not None:
            end = self._reduce(parts.reduce, end, height, width)
            stride = _row(parts.reduced[1] * samples.pixel)
        return end, buffer(rows * stride) if end.function else 0, stride

    def _emit(self, rows: int) -> tuple[_End, int, int]:
        """What takes up to `rows` rows from a kernel."""
        parts, samples = self._parts, self._samples
        width, stride = parts.result[1], _row(parts.result[1] * samples.pixel)
        end = _End()
        if not self._is_dense(self._target):
            end = self._strided("scatter", self._target, width, stride)
        if parts.act is not None:
            act = ("unpremultiply", samples.bands) if isinstance(parts.act, Premultiply) else ("flip", "emit")
            end = self._change(act, end, self._target, width, stride)
        return end, self._layout.buffer(rows * stride) if end.function else 0, stride

    def _is_dense(self, side: Side) -> bool:
        """Whether the samples of a row follow one another."""
        return side.pixel == self._samples.pixel and self._samples.are_joined(side)

    def _strided(self, name: str, side: Side, width: int, stride: int) -> _End:
        """Pixels from, or to, where they lie."""
        joined = self._samples.are_joined(side)
        values = {
            **{"row_stride": side.row, "pixel_stride": side.pixel, "band_stride": side.band},
            **{"width": width, "bands": 1 if joined else self._samples.bands, "dense_stride": stride},
        }
        unit = self._samples.pixel if joined else self._samples.item
        return self._function((name, unit), pixels.STRIDED, values, {})

    def _change(self, key: library.Key, inner: _End, side: Side, width: int, stride: int) -> _End:
        """Bands changed on the way."""
        values = {"inner": inner.function, "row_stride": side.row, "dense_stride": stride, "width": width}
        return self._function(key, bands.FETCH, values, {"inner_block": inner.block} if inner.function else {})

    def _reduce(self, step: Reduce, inner: _End, height: int, width: int) -> _End:
        """Averages of blocks, of rows that `inner` makes."""
        samples, buffer, (low, last) = self._samples, self._layout.buffer, (height % step.vertical, width % step.horizontal)
        sizes = [v * h for v in (step.vertical, low) for h in (step.horizontal, last)]
        if samples.kind == "u8":
            factors = np.array([fixed.reciprocal(n) if n else 0 for n in sizes], np.int64)
        else:
            factors = np.array([1.0 / n if n else 0.0 for n in sizes]).view(np.int64)
        held = _row(width * samples.pixel)
        values = {
            **{"inner": inner.function, "held_stride": held, "row_stride": self._source.row},
            **{"dense_stride": _row(self._parts.reduced[1] * samples.pixel), "height": height, "width": width},
            **{"vertical": step.vertical, "horizontal": step.horizontal, "factors": self._address(factors)},
        }
        places = {"sums": buffer(max(width * samples.bands * 4, self._parts.reduced[1] * samples.bands * 8))}
        if inner.function:
            places |= {"inner_block": inner.block, "held": buffer(2 * held)}
        return self._function(("reduce", samples.kind, samples.bands), blocks.REDUCE, values, places)

    def _function(self, key: library.Key, fields: Fields, values: dict[str, int], places: dict[str, int]) -> _End:
        """A function and its block."""
        place = self._layout.buffer(8 * len(fields))
        self._layout.fill(place, fields, values, places)
        return _End(library.address(self._isa, key), place)

    def _address(self, array: NDArray[np.generic]) -> int:
        """Where an array is, which the program keeps."""
        array = np.ascontiguousarray(array)
        self._kept.append(array)
        return int(array.ctypes.data)


def _row(size: int) -> int:
    """Bytes from row to row in a buffer: aligned, but not so that all rows fall into the same sets of a cache."""
    aligned = -(-size // 64) * 64
    return aligned if aligned % 2048 else aligned + 64
