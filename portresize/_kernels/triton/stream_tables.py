"""Tables for the streaming kernel: each pass as dense tiles of digits, and when which tile is complete.

FIRST PASS. Its outputs are cut into strips of OW. The windows of a strip span less than `chunks` * KC inputs, beginning
at one that is a multiple of `align`, and of these inputs each output has a weight for every one, nearly all zeros.
Strips at the end begin earlier than they must, so that none reads beyond the axis; only if the axis is shorter than
that have samples beyond to be masked.

SECOND PASS. A program takes KR rows at a time, resampled along the first axis, and adds what they contribute to tiles
of OH outputs. There are two ways to walk. `paired`: chunks of rows follow one another, each contributes to the tile
that comes next and to the one after it, and `ends` says after which chunks a tile is complete. Otherwise a chunk has
all rows that its tile needs, the rows of neighbours overlap, and a tile has only so many outputs, `step`, that its
windows fit.

SEGMENTS. A range of chunks for one program, so that a few large images still make many programs.

ORDERS. In the registers of a thread are the pairs (0, 1), (8, 9) of eight columns for each of two rows after a product
by the tensor cores, but it takes four bytes in a row for the next, and for stores. So both tables have their columns
and rows in an order in which these four are neighbours: `shuffled` undoes what the kernel does to sixteen of them.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from portresize._kernels.triton.digits import LIMBS, biases, digits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._core.taps import Taps

_T = TypeVar("_T", bound=np.generic)
# Rows advance by a fraction between chunks that overlap, in units of one 1024th.
FRACTION = 10


class Strips(NamedTuple):
    """The first pass.

    Attributes:
        start: int32 (strips,), the first input of each.
        weight: int8 (strips, chunks, LIMBS, OW, KC).
        bias: int32 (strips * OW,).
        n: Inputs that may be read.
        chunks: How often KC inputs are taken.
        masked: Whether they may lie beyond the axis.
    """

    start: NDArray[np.int32]
    weight: NDArray[np.int8]
    bias: NDArray[np.int32]
    n: int
    chunks: int
    masked: bool


class Walk(NamedTuple):
    """The second pass.

    Attributes:
        weight: int8 (chunks, 2 or 1, LIMBS, OH, KR).
        bias: int32 (tiles * OH,).
        ends: int32 (chunks + 1,), 1 where the first tile of a pair is complete after the chunk.
        segments: int32 (segments, 4): first chunk, the one past the last, first row, first tile.
        pace: By how many 1024ths of a row chunks follow one another, if they are not paired.
        step: Outputs of a tile.
    """

    weight: NDArray[np.int8]
    bias: NDArray[np.int32]
    ends: NDArray[np.int32]
    segments: NDArray[np.int32]
    pace: int
    step: int


class _Windows(NamedTuple):
    """Which inputs each output reads: from `begin` to before `end`, both int64 (n_out,), `end` being 0 if none."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]

    @classmethod
    def of(cls, table: Taps, bands: int) -> _Windows:
        """Of a pass whose `bands` are interleaved: those of one output lie that far apart, others between them."""
        start, size, band = table.start.astype(np.int64)[:, None], table.size[:, None], np.arange(bands)
        begin = start * bands + band
        end = np.where(size > 0, begin + (size - 1) * bands + 1, 0)
        return cls(begin.ravel(), end.ravel())

    def tiles(self, size: int) -> _Windows:
        """The same for every `size` outputs together."""
        edges = np.arange(0, len(self.end), size)
        begin = np.minimum.reduceat(np.where(self.end > 0, self.begin, np.iinfo(np.int64).max), edges)
        return _Windows(begin, np.maximum.reduceat(self.end, edges))

    def slope(self) -> float:
        """By how much they advance from output to output: a line through their middles, but for those cut off."""
        whole = np.flatnonzero((self.begin > self.begin.min()) & (self.end < self.end.max()))
        if len(whole) < 2:
            whole = np.arange(len(self.end))
        at, middle = whole - whole.mean(), (self.begin + self.end)[whole] / 2
        return float((at * middle).sum() / max((at * at).sum(), 1.0))


class _Entries(NamedTuple):
    """Weights of a pass whose bands are interleaved: for which output, for which input, and their digits."""

    output: NDArray[np.int64]
    source: NDArray[np.int64]
    digits: NDArray[np.int8]

    @classmethod
    def of(cls, table: Taps, bands: int) -> _Entries:
        """All those within windows."""
        o, t = np.nonzero(np.arange(table.n_taps) < table.size[:, None])
        band = np.arange(bands)
        output = o[:, None] * bands + band
        source = (table.start[o].astype(np.int64) + t)[:, None] * bands + band
        return cls(output.ravel(), source.ravel(), np.repeat(digits(table.weight[o, t]), bands, axis=1))


def shuffled(array: NDArray[_T], axis: int) -> NDArray[_T]:
    """What the kernel does to sixteen after sixteen along an axis: 4t + 2j + p gets that of 8j + 2t + p.

    >>> shuffled(np.arange(16), 0).tolist()
    [0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15]
    """
    return _permuted(array, axis, (2, 4, 2))


def unshuffled(array: NDArray[_T], axis: int) -> NDArray[_T]:
    """The way back.

    >>> unshuffled(shuffled(np.arange(16), 0), 0).tolist() == list(range(16))
    True
    """
    return _permuted(array, axis, (4, 2, 2))


def _permuted(array: NDArray[_T], axis: int, parts: tuple[int, int, int]) -> NDArray[_T]:
    """Sixteen after sixteen as a block of three axes, the first two exchanged."""
    last = np.moveaxis(array, axis, -1)
    block = last.reshape(*last.shape[:-1], -1, *parts).swapaxes(-3, -2)
    return np.ascontiguousarray(np.moveaxis(block.reshape(last.shape), -1, axis))


def reach(table: Taps, bands: int, ow: int, *, align: int, offset: int) -> int:
    """The most inputs that a strip spans; arguments as for `strips`."""
    start, end = _spans(_Windows.of(table, bands), ow, align, offset)
    return max(1, int((end - start).max()))


def strips(table: Taps, n_in: int, bands: int, ow: int, kc: int, *, align: int, offset: int) -> Strips:
    """The first pass.

    Args:
        table: Quantized weights.
        n_in: Pixels along the axis.
        bands: Samples in a pixel.
        ow: Outputs of a strip.
        kc: Inputs in a chunk.
        align: What the start of every strip is a multiple of, counted from `offset` samples before the axis.
        offset: How many samples before the axis may be read. Those beyond it may be up to the next multiple of
            `align`: they share with one of the axis what a GPU moves at once.
    """
    start, end = _spans(_Windows.of(table, bands), ow, align, offset)
    chunks = max(1, -(-int((end - start).max()) // kc))
    n = -(-(n_in * bands + offset) // align) * align
    masked = chunks * kc > n
    if not masked:
        start = np.minimum(start, n - chunks * kc)
    output, source, limbs = _Entries.of(table, bands)
    strip = output // ow
    column = source + offset - start[strip]
    weight = np.zeros((len(start), chunks, LIMBS, ow, kc), np.int8)
    for limb, values in enumerate(limbs):
        weight[strip, column // kc, limb, output % ow, column % kc] = values
    bias = _padded(np.repeat(biases(table, signed=True), bands), ow)
    return Strips(start.astype(np.int32), unshuffled(weight, 3), unshuffled(bias, 1).ravel(), n, chunks, masked)


def _spans(windows: _Windows, ow: int, align: int, offset: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First input of each strip, a multiple of `align`, and the one past its last."""
    begin, end = windows.tiles(ow)
    used = end > 0
    return np.where(used, (begin + offset) // align * align, 0), np.where(used, end + offset, 0)


def _padded(bias: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    """`size` outputs in a row, and zeros after the last."""
    rows = np.zeros((-(-len(bias) // size), size), np.int32)
    rows.ravel()[: len(bias)] = bias
    return rows


def walk_length(table: Taps, bands: int, oh: int, kr: int, *, paired: bool) -> int | None:
    """Chunks of a walk in one segment; None if there is no such walk. Arguments as for `walk`."""
    windows = _Windows.of(table, bands)
    if paired:
        found = _schedule(windows, oh, kr, 0, -(-len(windows.end) // oh))
        return found and len(found.complete)
    made = _fitting(windows, oh, kr)
    return made and -(-len(windows.end) // made[0])


def walk(table: Taps, bands: int, oh: int, kr: int, segments: int, *, paired: bool) -> Walk | None:
    """The second pass; None if no walk of this kind gets by.

    Args:
        table: Quantized weights.
        bands: Samples in a pixel.
        oh: The most outputs of a tile.
        kr: Rows in a chunk.
        segments: How many programs share the rows, if there are so many tiles.
        paired: Whether a chunk contributes to two tiles, or has all that one tile needs.
    """
    return (_paired if paired else _apart)(table, bands, oh, kr, segments)


def _apart(table: Taps, bands: int, oh: int, kr: int, segments: int) -> Walk | None:
    """Each chunk by itself, of as many outputs as fit."""
    windows = _Windows.of(table, bands)
    found = _fitting(windows, oh, kr)
    if found is None:
        return None
    step, line = found
    output, source, limbs = _Entries.of(table, bands)
    row = _rows(line, np.arange(-(-len(windows.end) // step)))
    weight = np.zeros((len(row), 1, LIMBS, oh, kr), np.int8)
    for limb, values in enumerate(limbs):
        weight[output // step, 0, limb, output % step, source - row[output // step]] = values
    bias = np.zeros((len(row), oh), np.int32)
    bias[:, :step] = _padded(np.repeat(biases(table, signed=False), bands), step)
    first, pace = line
    cuts = [(low, high, first, low) for low, high in itertools.pairwise(_cuts(len(row), segments))]
    return _walk(weight, bias, [1] * len(row), cuts, (pace, step))


def _fitting(windows: _Windows, oh: int, kr: int) -> tuple[int, tuple[int, int]] | None:
    """The most outputs of a tile whose windows fit in a chunk, and the chunks' line."""
    slope = windows.slope()
    steps = range(min(oh, len(windows.end)), 0, -1)
    return next(((step, line) for step in steps if (line := _line(windows, step, kr, slope))), None)


def _rows(line: tuple[int, int], chunk: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of chunks."""
    first, pace = line
    return np.maximum(first + (chunk * pace >> FRACTION), 0)


def _line(windows: _Windows, step: int, kr: int, slope: float) -> tuple[int, int] | None:
    """Where chunks begin, a line for `_rows`, if tiles of `step` outputs then fit in theirs."""
    begin, end = windows.tiles(step)
    c = np.flatnonzero(end)
    pace = round(slope * step * (1 << FRACTION))
    advance = c * pace >> FRACTION
    # A chunk begins with the first row of its windows at the latest, and has the last one.
    latest = int((begin[c] - advance).min(initial=kr))
    beyond = end[c] > kr
    earliest = int((end[c] - kr - advance)[beyond].max(initial=-kr))
    return (latest, pace) if earliest <= latest else None


class _Schedule(NamedTuple):
    """What chunks of rows do for a range of tiles.

    Attributes:
        row: First of them.
        complete: For each chunk 1 or 0, whether it completes a tile.
        current: The tile that each works on, and the next.
    """

    row: int
    complete: NDArray[np.int64]
    current: NDArray[np.int64]


def _schedule(windows: _Windows, oh: int, kr: int, low: int, high: int) -> _Schedule | None:
    """The chunks for tiles `low` to `high`; None if one had to contribute to more than two."""
    begin, end = (edge[low:high] for edge in windows.tiles(oh))
    used = np.flatnonzero(end)
    row = int(begin[used].min(initial=np.iinfo(np.int64).max)) if len(used) else 0
    # A tile is complete after the chunk with its last row, but no two of them after one.
    order = np.arange(high - low)
    last = np.maximum.accumulate(np.maximum(-(-(end - row) // kr) - 1, 0) - order) + order
    complete = np.zeros(int(last[-1]) + 1, np.int64)
    complete[last] = 1
    current = low + np.cumsum(complete) - complete
    # The chunk with its first row has to have come at least to the tile before.
    behind = low + used - current[(begin[used] - row) // kr]
    return None if (behind > 1).any() else _Schedule(row, complete, current)


def _paired(table: Taps, bands: int, oh: int, kr: int, segments: int) -> Walk | None:
    """Chunk after chunk, each for the tile that is next to be completed and the one after it."""
    windows, entries = _Windows.of(table, bands), _Entries.of(table, bands)
    bias = _padded(np.repeat(biases(table, signed=False), bands), oh)
    weights: list[NDArray[np.int8]] = []
    ends: list[int] = []
    cuts: list[tuple[int, int, int, int]] = []
    for low, high in itertools.pairwise(_cuts(len(bias), segments)):
        made = _schedule(windows, oh, kr, low, high)
        if made is None:
            return None
        mine = (entries.output >= low * oh) & (entries.output < high * oh)
        output, source = entries.output[mine], entries.source[mine] - made.row
        chunk = source // kr
        weight = np.zeros((len(made.complete), 2, LIMBS, oh, kr), np.int8)
        for limb, values in enumerate(entries.digits[:, mine]):
            weight[chunk, output // oh - made.current[chunk], limb, output % oh, source % kr] = values
        cuts.append((len(ends), len(ends) + len(weight), made.row, low))
        weights.append(weight)
        ends += made.complete.tolist()
    return _walk(np.concatenate(weights), bias, ends, cuts, (0, oh))


def _walk(
    weight: NDArray[np.int8],
    bias: NDArray[np.int32],
    ends: list[int],
    segments: list[tuple[int, int, int, int]],
    advance: tuple[int, int],
) -> Walk:
    """As the kernel reads it, which asks of one chunk more whether it completes a tile."""
    complete, table = np.array([*ends, 0], np.int32), np.array(segments, np.int32)
    return Walk(shuffled(weight, 4), bias.ravel(), complete, table, *advance)


def _cuts(n: int, parts: int) -> list[int]:
    """Where `n` are cut into about equal `parts`, none of them empty.

    >>> _cuts(7, 3), _cuts(2, 5)
    ([0, 2, 4, 7], [0, 1, 2])
    """
    parts = max(1, min(parts, n))
    return [i * n // parts for i in range(parts + 1)]
