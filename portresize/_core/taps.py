"""Weight tables: which samples of an axis make an output sample, and with what weights.

Source: Pillow 13.0.0, src/libImaging/Resample.c, precompute_coeffs, and src/libImaging/Geometry.c for `nearest`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from portresize._core import room
from portresize._core.cache import LONG, kept
from portresize._core.filters import FILTERS, Resampling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_A = TypeVar("_A", bound=np.ndarray)


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """Output sample `o` is the weighted sum of the `size[o]` inputs that begin at `start[o]`.

    Attributes:
        start: int32 (n_out,), first input of each window; a window with inputs lies inside the axis.
        size: int32 (n_out,), inputs in each window; 0 where the window misses the axis, and the output is then 0.
        weight: (n_out, k), float64, or int32 in units of 2**-22 once quantized; zero from `size[o]` on.
    """

    start: NDArray[np.int32]
    size: NDArray[np.int32]
    weight: NDArray[np.float64] | NDArray[np.int32]

    @property
    def n_out(self) -> int:
        """Number of output samples."""
        return len(self.weight)

    @property
    def n_taps(self) -> int:
        """Length of the longest window; at least 1, so that no loop over taps is empty."""
        return int(self.weight.shape[1])

    def window(self) -> tuple[int, int]:
        """First and one-past-last input that any output reads; (0, 0) if none does."""
        used = self.size > 0
        if not used.any():
            return 0, 0
        return int(self.start[used].min()), int((self.start + self.size)[used].max())

    def shifted(self, by: int) -> Taps:
        """The same table for an axis whose first `by` samples were cropped off."""
        return Taps(_frozen(np.where(self.size > 0, self.start - np.int32(by), 0)), self.size, self.weight)


def _frozen(array: _A) -> _A:
    """Make `array` read-only: tables are shared between threads and calls."""
    array.setflags(write=False)
    return array


# Pillow refuses tables whose bytes would not fit an int, and rows whose bytes (four a pixel) would not.
_INT_MAX = 2**31 - 1
_MAX_WIDTH = _INT_MAX // 4 - 1


def longest_axis(span: float, n_out: int, resample: Resampling) -> int:
    """The largest `n_out` that Pillow's own limits allow for a source interval of `span` samples."""
    if resample == Resampling.NEAREST or n_out > _MAX_WIDTH:
        return _MAX_WIDTH
    return min(_INT_MAX // (8 * (math.ceil(reach(span, n_out, resample)) * 2 + 1)), _MAX_WIDTH)


def reach(span: float, n_out: int, resample: Resampling) -> float:
    """Return to how many source samples on either side of its centre an output of a filter reaches."""
    return FILTERS[resample].support * max(span / n_out, 1.0)


def _is_long(n_in: int, n_out: int, *_: object, **__: object) -> bool:
    return max(n_in, n_out) > LONG


@kept(_is_long)
def taps(n_in: int, n_out: int, lo: float, hi: float, resample: Resampling) -> Taps:
    """Weights that turn one axis of `n_in` samples into `n_out`.

    Args:
        n_in: Source length, samples, >= 0.
        n_out: Result length, samples, >= 1.
        lo: Left edge of the source interval, in samples; rounded to float32 first, as Pillow does.
        hi: Right edge, likewise.
        resample: Any filter but NEAREST; its support is stretched by the scale when shrinking.

    Returns:
        The table with float64 weights; rows sum to 1 unless all their weights are 0.

    Raises:
        MemoryError: This process cannot hold it.

    >>> taps(4, 2, 0.0, 4.0, Resampling.BOX).weight
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    filter_ = FILTERS[resample]
    b_lo, b_hi = np.float32(lo), np.float32(hi)
    # Pillow subtracts the edges in single precision and widens the difference.
    scale = float(b_hi - b_lo) / n_out
    stretch = max(scale, 1.0)
    support = filter_.support * stretch
    inverse = 1.0 / stretch

    # Kernels make another of it, as large at most, and need what lies beside the weights.
    weights = n_out * min(math.ceil(support) * 2 + 1, n_in)
    room.hold(2 * 8 * weights, f"tables of {weights} weights")
    center = float(b_lo) + (np.arange(n_out) + 0.5) * scale  # (n_out,)
    # astype truncates toward zero, as the cast in C does.
    start = np.maximum((center - support + 0.5).astype(np.int64), 0)
    size = np.maximum(np.minimum((center + support + 0.5).astype(np.int64), n_in) - start, 0)
    weight = np.empty((n_out, max(int(size.max()), 1)))
    tap = np.arange(weight.shape[1])[:, None]  # (k, 1): a row of the arrays below is one tap of every output
    for part in chunks(*weight.shape):
        x = (tap + start[part]) - center[part]  # (k, outputs)
        x += 0.5
        x *= inverse
        weight[part] = _normalized(filter_.kernel(x), tap >= size[part]).T
    return Taps(_frozen(np.where(size > 0, start, 0).astype(np.int32)), _frozen(size.astype(np.int32)), _frozen(weight))


# Measured for 10**7 outputs of 5 taps and 10**3 of 40001: 2**13 to 2**16 take the same time, 2**18 twice as long.
_CHUNK = 1 << 14


def chunks(n_out: int, n_taps: int) -> Iterator[slice]:
    """Return parts of the outputs of a table that are small enough for temporaries to stay in a processor's cache.

    >>> list(chunks(10, 5000))
    [slice(0, 3, None), slice(3, 6, None), slice(6, 9, None), slice(9, 10, None)]
    """
    most = max(_CHUNK // n_taps, 1)
    return (slice(first, min(first + most, n_out)) for first in range(0, n_out, most))


def _normalized(g: NDArray[np.float64], is_outside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the taps `g` (k, n) of n outputs divided by their sums, 0 where they lie outside of a window."""
    k, n = g.shape
    g[is_outside] = 0.0
    # Pillow adds the taps from left to right in double; numpy's `sum` may add them in pairs.
    total = np.zeros(n)
    for row in g if k <= n else [np.add.accumulate(g, axis=0)[-1]]:
        total += row
    # As Pillow asks. No sum is negative, for no filter and window falls below 0.3 unless it is empty (tests/core).
    return np.divide(g, total, out=g, where=total != 0.0)


@kept(_is_long)
def nearest(n_in: int, n_out: int, lo: float, hi: float, *, accumulate: bool) -> NDArray[np.int32]:
    """Source index of every output sample for the NEAREST filter; -1 where it falls outside the source.

    Args:
        n_in: Source length, samples, >= 0.
        n_out: Result length, samples, >= 1.
        lo: Left edge of the source interval, in samples; rounded to float32 first.
        hi: Right edge, likewise.
        accumulate: Step from sample to sample with one rounding each, as Pillow does for every mode but I;16.

    Returns:
        int32 (n_out,).

    Raises:
        MemoryError: This process cannot hold it.

    >>> nearest(2, 7, 0.0, 2.0, accumulate=True)
    array([0, 0, 0, 0, 1, 1, 1], dtype=int32)
    """
    room.hold(4 * 8 * n_out, f"a table of {n_out} places")
    b_lo, b_hi = np.float32(lo), np.float32(hi)
    step = float(b_hi - b_lo) / n_out
    if accumulate:
        steps = np.full(n_out, step)
        steps[0] = float(b_lo) + step * 0.5
        position = np.add.accumulate(steps)
    else:
        position = (step * (np.arange(n_out) + 0.5) + 0.0) + float(b_lo)
    # A position before 0 is outside even where truncation would give 0.
    index = np.where(position < 0.0, -1, np.trunc(position)).astype(np.int64)
    return _frozen(np.where((index >= 0) & (index < n_in), index, -1).astype(np.int32))


def transpose(table: Taps, n_in: int) -> Taps:
    """The weights of the way back: the transposed matrix, with `n_in` outputs and an input for each output of `table`.

    A window spans all outputs that read the sample, and is empty where none does. The windows of a filter and of
    nearest neighbour move along the axis one way, so that these outputs lie side by side. In any other table those
    between them that do not read the sample have weight 0; but they are read, so that an infinity there makes a NaN.

    Args:
        table: Weights for an axis of `n_in` samples.
        n_in: Its length, samples, >= 0.

    Returns:
        The table with the same weights, bit for bit; transposed again it has those of `table`.

    >>> transpose(taps(4, 2, 0.0, 3.0, Resampling.BOX), 4).weight.T
    array([[0.5, 0.5, 1. , 0. ]])
    """
    start, stop = np.full(n_in, table.n_out), np.zeros(n_in, np.int64)
    for output, _, sample in _used(table):
        np.minimum.at(start, sample, output)
        np.maximum.at(stop, sample, output + 1)
    size = np.maximum(stop - start, 0)
    longest = max(int(size.max(initial=0)), 1)
    room.hold(2 * 8 * n_in * longest, f"tables of {n_in * longest} weights")
    weight = np.zeros((n_in, longest))
    for output, tap, sample in _used(table):
        weight[sample, output - start[sample]] = table.weight[output, tap]
    return Taps(
        _frozen(np.where(size > 0, start, 0).astype(np.int32)),
        _frozen(size.astype(np.int32)),
        _frozen(weight),
    )


def _used(table: Taps) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Generate the weights inside the windows: of each the output, the tap, and the sample that it reads."""
    taps = np.arange(table.n_taps)
    for part in chunks(table.n_out, table.n_taps):
        output, tap = np.nonzero(taps < table.size[part, None])
        output += part.start
        yield output, tap, table.start[output] + tap
