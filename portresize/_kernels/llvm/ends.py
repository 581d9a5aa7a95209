"""What makes rows for a kernel and what takes them: functions that call one another, and their blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from portresize._core import fixed
from portresize._core.steps import Premultiply
from portresize._kernels.llvm import averages, bands, blocks, halves, library, lookup, pixels
from portresize._kernels.llvm.layout import Layout, Samples, Side, stride

if TYPE_CHECKING:
    from portresize._core.steps import Reduce
    from portresize._kernels.llvm.address import Key
    from portresize._kernels.llvm.fields import Fields
    from portresize._kernels.llvm.isa import Isa
    from portresize._kernels.llvm.parts import Parts


class End(NamedTuple):
    """A function that makes or takes rows, the place of its block, that of a buffer for rows, and the bytes of a row.

    No function: the kernel works on the rows of the array itself.
    """

    function: int = 0
    block: int = 0
    rows: int = 0
    stride: int = 0

    def fields(self, name: str, buffer: str) -> tuple[dict[str, int], dict[str, int]]:
        """Values and places for `rows.ENDS`."""
        if not self.function:
            return {}, {}
        return {name: self.function, f"{buffer}_stride": self.stride}, {f"{name}_block": self.block, buffer: self.rows}


_NONE = End()


class Chains:
    """The two ends of a program."""

    def __init__(self, isa: Isa, samples: Samples, parts: Parts, layout: Layout) -> None:
        self._isa, self._samples, self._parts, self._layout = isa, samples, parts, layout

    def fetch(self, source: Side, rows: int) -> End:
        """What makes up to `rows` rows of what the kernel reads."""
        parts, end = self._parts, _NONE
        width = parts.size[1]
        if not self._samples.are_dense(source):
            end = self._strided("gather", source, width)
        if parts.act is not None:
            act = "premultiply" if isinstance(parts.act, Premultiply) else "flip_before"
            end = self._change(act, end, source, width)
        if parts.reduce is not None:
            end = self._reduce(parts.reduce, end, source)
        elif parts.halves and (pairs := self._pairs()):
            end = self._halve(parts.halves, pairs, end, source)
        width = parts.reduced[1]
        return self._with_rows(end, rows, width)

    def emit(self, target: Side, rows: int) -> End:
        """What takes up to `rows` finished rows."""
        parts, end = self._parts, _NONE
        width = parts.result[1]
        if not self._samples.are_dense(target):
            end = self._strided("scatter", target, width)
        if parts.act is not None:
            act = "unpremultiply" if isinstance(parts.act, Premultiply) else "flip_after"
            end = self._change(act, end, target, width)
        return self._with_rows(end, rows, width)

    def _with_rows(self, end: End, rows: int, width: int) -> End:
        """The same with a buffer of rows."""
        size = stride(width * self._samples.pixel)
        return end._replace(rows=self._layout.buffer(rows * size), stride=size) if end.function else end

    def _strided(self, name: str, side: Side, width: int) -> End:
        """Pixels from where they lie, or to there."""
        samples = self._samples
        unit, n_bands = (samples.pixel, 1) if samples.are_joined(side) else (samples.item, samples.bands)
        values = {
            "row_stride": side.row,
            "pixel_stride": side.pixel,
            "band_stride": side.band,
            "width": width,
            "bands": n_bands,
            "dense_stride": stride(width * samples.pixel),
        }
        return self._function((name, unit), pixels.STRIDED, values)

    def _change(self, act: str, inner: End, side: Side, width: int) -> End:
        """Bands changed on the way."""
        values = {"row_stride": side.row, "dense_stride": stride(width * self._samples.pixel), "width": width}
        return self._function((act, self._samples.bands), bands.CHANGE, values, inner)

    def _reduce(self, step: Reduce, inner: End, source: Side) -> End:
        """Averages of blocks of what `inner` makes, or else of the source."""
        samples, buffer = self._samples, self._layout.buffer
        if samples.kind == "u8" and step.vertical == step.horizontal == 2 and (pairs := self._pairs()):
            return self._halve("both", pairs, inner, source)
        (height, width), reduced = self._parts.size, self._parts.reduced[1]
        counts = [
            v * h for v in (step.vertical, height % step.vertical) for h in (step.horizontal, width % step.horizontal)
        ]
        if samples.kind == "u8":
            factors = np.array([fixed.reciprocal(n) if n else 0 for n in counts], np.int64)
        else:
            factors = np.array([1.0 / n if n else 0.0 for n in counts]).view(np.int64)
        held = stride(width * samples.pixel)
        values = {
            "held_stride": held,
            "row_stride": source.row,
            "dense_stride": stride(reduced * samples.pixel),
            "height": height,
            "vertical": step.vertical,
            "horizontal": step.horizontal,
            "factors": self._layout.address(factors),
        }
        if found := self._averages(step):
            return self._average(step, found, inner, values)
        values["width"] = width
        places = {"sums": buffer(samples.bands * max(4 * width, 8 * reduced))}
        if inner.function:
            places["held"] = buffer(2 * held)
        kind, n_bands = samples.kind, samples.bands
        key: Key = ("reduce", kind, n_bands, blocks.together(kind, n_bands, step.horizontal))
        return self._function(key, blocks.REDUCE, values, inner, places)

    def _pairs(self) -> lookup.Table | None:
        """Where the first bytes of pairs are, if there is none but whole ones, and many can be looked up at once."""
        (height, width), n_bands = self._parts.size, self._samples.bands
        if height % 2 or width % 2:
            return None
        whole = np.arange(width // 2 * n_bands, dtype=np.int32)
        # The second ones follow within the row.
        columns = whole // n_bands * (2 * n_bands) + whole % n_bands
        return lookup.table(columns, (width - 1) * n_bands, 1, self._isa.lookup)

    def _halve(self, how: str, found: lookup.Table, inner: End, source: Side) -> End:
        """Averages of two by two samples."""
        width, n_bands, address = self._parts.size[1], self._samples.bands, self._layout.address
        values = {
            "held_stride": stride(width * n_bands),
            "row_stride": source.row,
            "dense_stride": stride(width // 2 * n_bands),
            "tap": n_bands,
            "whole": width // 2 * n_bands,
            "groups": len(found.starts),
            "starts": address(found.starts),
            "orders": address(found.orders),
        }
        places = {"held": self._layout.buffer(2 * values["held_stride"])} if inner.function else {}
        key: Key = ("halve", how, found.pieces) if n_bands == 3 else ("part", how, n_bands)
        return self._function(key, halves.HALVE, values, inner, places)

    def _averages(self, step: Reduce) -> lookup.Table | None:
        """Return where sums of whole blocks are among those of all columns, if many can be looked up at once."""
        samples, n_bands = self._samples, self._samples.bands
        if samples.kind != "u8" or step.vertical * step.horizontal > averages.MOST_SAMPLES:
            return None
        whole = np.arange(self._parts.size[1] // step.horizontal * n_bands, dtype=np.int32)
        columns = whole // n_bands * (step.horizontal * n_bands) + whole % n_bands
        # There is room after the sums.
        return lookup.table(columns, 2 * self._parts.size[1] * n_bands + 128, 2, self._isa.lookup)

    def _average(self, step: Reduce, found: lookup.Table, inner: End, values: dict[str, int]) -> End:
        """The same, many at once."""
        n_bands, width, address = self._samples.bands, self._parts.size[1], self._layout.address
        values |= {
            "size": width * n_bands,
            "tap": 2 * n_bands,
            "whole": width // step.horizontal * n_bands,
            "groups": len(found.starts),
            "starts": address(found.starts),
            "orders": address(found.orders),
            "bands": n_bands,
            "left_over": width % step.horizontal,
        }
        places = {"sums": self._layout.buffer(2 * n_bands * (width + step.horizontal) + 16 * found.pieces)}
        if inner.function:
            places["held"] = self._layout.buffer(min(step.vertical, averages.ROWS) * values["held_stride"])
        return self._function(("average", found.pieces), averages.AVERAGE, values, inner, places)

    def _function(
        self,
        key: Key,
        fields: Fields,
        values: dict[str, int],
        inner: End = _NONE,
        places: dict[str, int] | None = None,
    ) -> End:
        """A function and its block."""
        place, places = self._layout.buffer(8 * len(fields)), places or {}
        if inner.function:
            values, places = values | {"inner": inner.function}, places | {"inner_block": inner.block}
        self._layout.fill(place, fields, values, places)
        return End(library.address(self._isa, key), place)
