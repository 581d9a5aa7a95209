"""A plan as machine code: which kernel, on which tables, with which buffers.

What a plan does first (gather, alpha, averages of blocks) becomes functions that make rows when a kernel asks for them,
and what it does last functions that take finished rows; so there is one walk through the image, whatever the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from portresize._kernels.llvm import library, lookup, passes, pixels, tables
from portresize._kernels.llvm.address import ArrayAddress, Key
from portresize._kernels.llvm.ends import Chains, End
from portresize._kernels.llvm.errors import Unsupported
from portresize._kernels.llvm.ir import bits_of
from portresize._kernels.llvm.layout import Layout, Samples, Side, Word, stride
from portresize._kernels.llvm.parts import sort

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from portresize._core.steps import Pass, Step
    from portresize._kernels.llvm.isa import Isa
    from portresize._kernels.llvm.tables import Table

# Bytes of planes that a chunk may take, which are to stay in the second cache of a processor.
_CHUNK = 256 * 1024
_ONE = (np.zeros(1, np.int64), np.zeros(1, np.int64))


class Program:
    """What answers a plan for items of one shape and one layout in memory.

    Attributes:
        kernel: Address of the function to call, with the addresses of a block and of the first samples of the array
            that it reads and of the one that it writes.
        outputs: Rows of the result.
        items: How many items there are.
        work: Bytes of the parts read and written: roughly what a run costs.
    """

    def __init__(
        self,
        isa: Isa,
        samples: Samples,
        sides: tuple[Side, Side],
        steps: Sequence[Step],
        source: tuple[int, int],
        *,
        places: tuple[NDArray[np.int64], NDArray[np.int64]] = _ONE,
    ) -> None:
        """Generate the kernel for `steps`, from items of `source` = `(height, width)` to others, as `sides` says.

        `places` are those of each item in the two arrays, in bytes from their first samples.

        Raises:
            Unsupported: No kernel takes them, or LLVM cannot generate it.
        """
        self._isa, self._samples, (self._source, self._target) = isa, samples, sides
        self._parts = parts = sort(steps, source)
        if 0 < isa.lookup <= parts.result[1] * samples.pixel:
            parts.halve()
        if not all((*parts.size, *parts.result)):
            msg = "an empty image"
            raise Unsupported(msg)
        self._layout = Layout()
        self._chains = Chains(isa, samples, parts, self._layout)
        self._down: Table | None = None
        self._bounds: dict[tuple[int, int], tuple[dict[str, int], NDArray[np.int32] | None]] = {}
        self.outputs = parts.result[0]
        offset = parts.top * self._source.row + parts.left * self._source.pixel
        self._sources, self._targets = places[0] + offset, places[1]
        self.items = len(self._sources)
        self.work = samples.pixel * (parts.size[0] * parts.size[1] + parts.result[0] * parts.result[1])
        nearest = (parts.indices("H"), parts.indices("W")) if parts.nearest else None
        self._found = self._look_up(*nearest) if nearest else None
        self._fields = passes.FIELDS if parts.passes else pixels.TAKE if parts.nearest else pixels.MOVE
        if self._found:
            self._fields = lookup.LOOKUP
        # The block of the kernel is the first.
        self._start = self._layout.buffer(8 * len(self._fields))
        key = self._passes() if parts.passes else self._take(*nearest) if nearest else self._move()
        self.kernel = library.address(isa, key)

    @property
    def size(self) -> int:
        """Bytes of memory that a run needs besides source and target."""
        return self._layout.size

    def place(self, memory: NDArray[np.int64], address: int, *, items: tuple[int, int], rows: tuple[int, int]) -> None:
        """Write all blocks to `memory`, `size` bytes of int64 at `address`, which is what the kernel gets.

        A run makes output rows `rows[0]` to before `rows[1]` of items `items[0]` to before `items[1]`.
        """
        self._layout.place(memory, address)
        if rows not in self._bounds:
            # Of two threads that come here at once, one wins: what the other made would not live long enough.
            self._bounds.setdefault(rows, self._bound(*rows))
        first = 8 * items[0]
        values = self._bounds[rows][0] | {
            "items": items[1] - items[0],
            "sources": self._sources.ctypes.data + first,
            "targets": self._targets.ctypes.data + first,
        }
        for name, value in values.items():
            memory[self._start // 8 + self._fields.index(name)] = value

    def words(self) -> list[Word]:
        """All that `place` writes for a run of all items, but for those of `row_words`."""
        values = {"items": self.items, "sources": ArrayAddress(self._sources), "targets": ArrayAddress(self._targets)}
        return [*self._layout.words(), *self._named(values)]

    def row_words(self, first: int, stop: int) -> list[Word]:
        """What makes it a run of output rows `first` to before `stop`."""
        return self._named(self._bound(first, stop)[0])

    def _named(self, values: dict[str, int]) -> list[Word]:
        start, index = self._start // 8, self._fields.index
        return [Word(start + index(name), value, "number") for name, value in values.items()]

    def tables(self) -> list[NDArray[Any]]:
        """All that a run reads beside its memory and the items."""
        kept = [self._sources, self._targets, *self._layout.kept]
        return [*kept, *(visits for _, visits in self._bounds.values() if visits is not None)]

    def _bound(self, first: int, stop: int) -> tuple[dict[str, int], NDArray[np.int32] | None]:
        """Fields for output rows `first` to before `stop`, and what they refer to."""
        values = {"first_out": first, "stop_out": stop}
        if not self._parts.passes:
            return values, None
        if self._down is None:
            return values | {"first_row": first, "stop_row": stop}, None
        rows, height = self._do.rows_in_plane, self._parts.reduced[0]
        walk = self._down.walk(first, stop, self._chunk // rows)
        read = {"first_row": walk.begin * rows, "stop_row": min(walk.end * rows, height)}
        return values | read | {"visits": ArrayAddress(walk.visits)}, walk.visits

    # Each of these fills the first block, and says which function reads it.

    def _move(self) -> Key:
        """Rows as they are fetched."""
        values = {"out_bytes": self._parts.result[1] * self._samples.pixel}
        self._fill(values, {}, self._chains.fetch(self._source, 1), self._chains.emit(self._target, 1))
        return ("move",)

    def _is_direct(self, side: Side) -> bool:
        """Return whether nearest neighbours are moved from there or to there without a function in between."""
        # The kernel itself walks any stride, unless the bands of a pixel lie apart or have to be changed.
        return self._parts.act is None and self._parts.reduce is None and self._samples.are_joined(side)

    def _step(self, side: Side) -> int:
        """Bytes from pixel to pixel, as the kernel for nearest neighbours sees them."""
        return side.pixel if self._is_direct(side) else self._samples.pixel

    def _look_up(self, _: NDArray[np.int32], columns: NDArray[np.int32]) -> lookup.Table | None:
        """How to move many pixels at once, if they follow one another on both sides."""
        pixel = self._samples.pixel
        if (self._step(self._source), self._step(self._target)) != (pixel, pixel):
            return None
        return lookup.table(columns, self._parts.reduced[1], pixel, self._isa.lookup)

    def _take(self, rows: NDArray[np.int32], columns: NDArray[np.int32]) -> Key:
        """Nearest neighbours."""
        samples, found, address = self._samples, self._found, self._layout.address
        fetch = End() if self._is_direct(self._source) else self._chains.fetch(self._source, 1)
        emit = End() if self._is_direct(self._target) else self._chains.emit(self._target, 1)
        values: dict[str, int] = {"row_index": address(rows)}
        if found:
            values |= {
                "out_bytes": len(columns) * samples.pixel,
                "groups": len(found.starts),
                "starts": address(found.starts),
                "orders": address(found.orders),
            }
        else:
            gaps = np.flatnonzero(columns < 0)
            values |= {
                "width": len(columns),
                "columns": address(np.maximum(columns, 0).astype(np.int64) * self._step(self._source)),
                "n_gaps": len(gaps),
                "gaps": address(gaps.astype(np.int64)),
                "target_pixel_stride": self._step(self._target),
            }
        self._fill(values, {}, fetch, emit)
        return ("lookup", found.pieces) if found else ("take", samples.pixel)

    def _passes(self) -> Key:
        """One pass or two."""
        parts, samples, buffer = self._parts, self._samples, self._layout.buffer
        order = "".join(parts.passes)
        kind = samples.kind if all(step.clip for step in parts.passes.values()) else f"{samples.kind}-bytes"
        self._do = do = library.arithmetic(self._isa, kind, samples.bands)
        in_bytes, out_bytes = (width * samples.pixel for width in (parts.reduced[1], parts.result[1]))
        values = {"in_bytes": in_bytes, "out_bytes": out_bytes}
        places: dict[str, int] = {}
        # Groups of columns in the pass along H.
        groups = -(-(out_bytes if order == "WH" else in_bytes) // do.group)
        if "H" in parts.passes:
            self._along_h(parts.passes["H"], groups, values, places)
            if order == "WH" or do.rows_in_plane > 1:
                places["planes"] = buffer(self._chunk // do.rows_in_plane * values["plane_stride"])
        if "W" in parts.passes:
            self._along_w(parts.passes["W"], values, places)
        if order == "HW":
            values["lines_stride"] = stride(groups * do.group)
            places["lines"] = buffer(do.rows_in_block * values["lines_stride"])
        places |= {name: buffer(size) for name, size in passes.spare(do, order).items()}
        read = do.rows_in_block if order[0] == "W" else do.rows_in_plane if do.rows_in_plane > 1 else self._chunk
        written = do.rows_in_block if order[-1] == "W" else 1
        self._fill(values, places, self._chains.fetch(self._source, read), self._chains.emit(self._target, written))
        return (f"resize_{order}", kind, samples.bands)

    def _along_h(self, step: Pass, groups: int, values: dict[str, int], places: dict[str, int]) -> None:
        """The table of the pass along H, and its buffers."""
        do, address = self._do, self._layout.address
        table = self._down = self._table(step, self._parts.reduced[0])
        values |= {
            "h_first": address(table.first),
            "h_stop": address(table.stop),
            "h_words": address(table.words),
            "h_pitch": table.words.strides[0],
            "sums_stride": stride(groups * do.group_in_sums),
            "plane_stride": stride(groups * do.group_in_plane + 64),  # The last outputs are made four at a time.
        }
        rows = _CHUNK * do.rows_in_plane // values["plane_stride"]
        self._chunk = values["chunk"] = max(16, min(passes.LONGEST_CHUNK, rows // 16 * 16))
        # Sums wait only for another chunk.
        values["slots"] = 1 if self._parts.reduced[0] <= self._chunk else table.waiting()
        places["sums"] = self._layout.buffer(values["slots"] * values["sums_stride"])

    def _along_w(self, step: Pass, values: dict[str, int], places: dict[str, int]) -> None:
        """The table of the pass along W, and its buffers."""
        do, samples, address = self._do, self._samples, self._layout.address
        table = self._table(step, self._parts.reduced[1])
        # A unit of the table is as many samples of each band in the tile as there are rows in a plane.
        unit = do.rows_in_plane * samples.pixel * do.tile_growth
        if int(table.stop[-1]) * unit >= 2**31:
            msg = f"an image {self._parts.reduced[1]} pixels wide"
            raise Unsupported(msg)
        values |= {
            "w_first": address(table.first * np.int32(unit)),
            "w_counts": address(table.stop - table.first),
            "w_words": address(table.words),
            "w_pitch": table.words.strides[0],
            "w_quads": table.longest,
            "w_outputs": step.taps.n_out,
        }
        places["tile"] = self._layout.buffer(-(-values["in_bytes"] // do.packed) * do.packed * do.tile_growth)
        # `unpack` reads whole groups.
        strips = len(table.first) * samples.bands // do.rows_in_plane + do.rows_in_block
        places["strips"] = self._layout.buffer(strips * do.rows_in_block * (bits_of(do.element) // 8))

    def _table(self, step: Pass, n_in: int) -> Table:
        """The weights of a pass."""
        return tables.quads(step.taps, n_in, self._isa.dot) if step.kind == "u8" else tables.exact(step.taps, n_in)

    def _fill(self, values: dict[str, int], places: dict[str, int], fetch: End, emit: End) -> None:
        """Write the first block."""
        values |= {"source_stride": self._source.row, "target_stride": self._target.row}
        for end, name, buffer in ((fetch, "fetch", "fetched"), (emit, "emit", "emitted")):
            more_values, more_places = end.fields(name, buffer)
            values, places = values | more_values, places | more_places
        self._layout.fill(self._start, self._fields, values, places)
