"""One axis of an array as a few matrices that fit the cache, and what turns such a matrix into its resized one.

A row of a matrix is one sample of every line in the block, so that a pass combines whole rows. Scratch memory is of
fixed size whatever the image, but for lines of millions of samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from portresize._backends import _reduce
from portresize._core import fixed
from portresize._core.cache import LARGE, kept

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._backends._frame import Frame
    from portresize._core.taps import Taps

Array = Any
# Fills its second matrix, (n_out, lines), from its first, (n_in, lines).
Fill = Callable[[Array, Array], None]

# Lines in a block. BLAS needs some 400 to reach its pace; from 1500 on a block leaves the second-level cache.
_LINES = 768
# Bytes of a block's samples.
_STAGED = 1 << 21
# Products in one call of BLAS. OpenBLAS wakes its threads for more than this (interface/gemm.c, 4 * 65536); for work so
# short they rarely help, and took 40 times as long where other processes held the cores.
_ONE_THREAD = 1 << 18
# Where fewer samples than this lie behind the axis, as the 3 of HWC, the lines before it are gathered to a block
_NARROW = 64
# and transposed a cache line of the target at a time; more, and source rows a power of two apart evict each other.
_TRANSPOSED = 64


def _gathered(shape: tuple[int, ...], axis: int) -> bool:
    """Whether blocks are cut across the axis before `axis`, and not across the one behind it."""
    return axis > 0 and math.prod(shape[1 + axis :]) < _NARROW


def _across(shape: tuple[int, ...], axis: int) -> tuple[int, int]:
    """Length of the axis that blocks are cut across, and how many lines each of its samples has."""
    if _gathered(shape, axis):
        return shape[axis - 1], math.prod(shape[1 + axis :])
    return shape[1 + axis], math.prod(shape[2 + axis :])


def lines_in_block(shape: tuple[int, ...], axis: int, n_out: int, itemsize: int, products: int) -> int:
    """How many lines along `axis` make a block when a call of BLAS makes so many `products` for each."""
    length, lines = _across(shape, axis)
    most = min(_LINES, _STAGED // (max(shape[axis], n_out) * itemsize), _ONE_THREAD // products)
    return max(1, min(length, most // max(lines, 1))) * lines


def blocks(x: Array, y: Array, axis: int, lines: int) -> Iterator[tuple[Array, Array]]:
    """Pairs of matrices, (n_in, m) to read and (n_out, m) to fill, that cover `x` and the C-contiguous `y`.

    `m` is at most `lines`, a number from `lines_in_block`. What was filled is in `y` once the next pair is asked for.
    """
    length, each = _across(x.shape, axis)
    if not x.size:
        return
    parts = [slice(start, start + lines // each) for start in range(0, length, lines // each)]
    gathered = _gathered(x.shape, axis)
    x, y = np.moveaxis(x, axis, 0), np.moveaxis(y, axis, 0)  # (n, *before, *behind)
    if not gathered:
        for *outer, part in product(*map(range, x.shape[1 : 1 + axis]), parts):
            where = (slice(None), *outer, part)
            # A view of `y`, whose trailing axes lie side by side; of `x` it may be a copy, of one block.
            yield _matrix(x[where]), _matrix(y[where])
        return
    x, y = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)  # (n, *before but the last, *behind, last before)
    sources, targets = np.empty(len(x) * lines, x.dtype), np.empty(len(y) * lines, y.dtype)
    for *outer, part in product(*map(range, x.shape[1:axis]), parts):
        where = (slice(None), *outer, ..., part)
        source, target = _front(sources, x[where].shape), _front(targets, y[where].shape)
        _transpose(source, x[where])
        yield _matrix(source), _matrix(target)
        _transpose(y[where], target)


def _matrix(x: Array) -> Array:
    """`x` with all axes but the first as one."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


def _front(scratch: Array, shape: tuple[int, ...]) -> Array:
    """The beginning of a flat array, in another shape."""
    return scratch[: math.prod(shape)].reshape(shape)


def _transpose(target: Array, source: Array) -> None:
    """Copy between arrays in which different axes lie side by side."""
    width = _TRANSPOSED // source.itemsize
    for start in range(0, source.shape[-1], width):
        part = (..., slice(start, start + width))
        np.copyto(target[part], source[part])


class _Band(NamedTuple):
    """Outputs `first` to `last` are `weight` times a row of ones and inputs `start` to `stop`."""

    first: int
    last: int
    start: int
    stop: int
    weight: NDArray[np.float64]  # (last - first, 1 + stop - start)


@kept(lambda table, _: table.weight.nbytes > LARGE)
def bands(table: Taps, height: int) -> tuple[_Band, ...]:
    """The quantized `table` as dense matrices for `height` outputs each, in units of the result.

    A weight is an int32 times 2**-22 and a sum of its products with 8-bit samples has less than 53 bits, so that
    doubles hold every partial sum exactly: BLAS may add in any order and fuse what it likes. The row of ones carries
    the half that rounds.
    """
    # Plain numbers: rows are short, and numpy would spend most of its time on being called.
    windows = [(start, start + size) for start, size in zip(table.start.tolist(), table.size.tolist(), strict=True)]
    scaled = table.weight * 2.0**-fixed.SHIFT
    made = []
    # The last one reaches back: a matrix of a single row would go another way through BLAS.
    for first in sorted({min(first, max(table.n_out - height, 0)) for first in range(0, table.n_out, height)}):
        last = min(first + height, table.n_out)
        used = [window for window in windows[first:last] if window[0] < window[1]] or [(0, 0)]
        start, stop = min(used)[0], max(window[1] for window in used)
        weight = np.zeros((last - first, 1 + stop - start))
        weight[:, 0] = fixed.HALF * 2.0**-fixed.SHIFT
        for o in range(first, last):
            begin, end = windows[o]
            if begin < end:
                weight[o - first, 1 + begin - start : 1 + end - start] = scaled[o, : end - begin]
        weight.setflags(write=False)
        made.append(_Band(first, last, start, stop, weight))
    return tuple(made)


def _overshoots(table: Taps) -> bool:
    """Whether some 8-bit image makes a sum that has to be clipped."""
    weight = table.weight.astype(np.int64)
    highest = fixed.HALF + 255 * np.maximum(weight, 0).sum(axis=1).max()
    return bool(highest >> fixed.SHIFT > 255 or (weight < 0).any())


def banded(table: Taps, height: int, lines: int) -> Fill:
    """8-bit passes by BLAS, `height` outputs at a time, for blocks of up to `lines` lines."""
    parts = bands(table, height)
    window = max(part.weight.shape[1] for part in parts)
    samples, sums = np.empty(window * lines), np.empty(height * lines)
    levels = np.empty(height * lines, np.int16)
    # numpy compares two arrays three times as fast as an array and a number.
    low, high = np.zeros(lines, np.int16), np.full(lines, 255, np.int16)
    clip = _overshoots(table)

    def fill(source: Array, target: Array) -> None:
        m = source.shape[1]
        for first, last, start, stop, weight in parts:
            window = _front(samples, (1 + stop - start, m))
            window[0] = 1.0
            window[1:] = source[start:stop]
            total = np.matmul(weight, window, out=_front(sums, (last - first, m)))
            if clip:
                # The cast drops the fraction toward 0, and what is below 0 becomes 0 next. A sum that fits int32 has
                # levels of 10 bits.
                level = _front(levels, total.shape)
                np.copyto(level, total, casting="unsafe")
                np.maximum(level, low[:m], out=level)
                total = np.minimum(level, high[:m], out=level)
            np.copyto(target[first:last], total, casting="unsafe")

    return fill


def fold(frame: Frame, addends: Array, reciprocal: float) -> Array:
    """Return the mean of doubles added in order along the first axis."""
    rows = max(1, _STEP // max(math.prod(addends.shape[1:]), 1))
    total = addends[0].astype(np.float64)
    for start in range(1, len(addends), rows):
        part = addends[start : start + rows].astype(np.float64)
        part[0] = total + part[0]
        # `accumulate` is sequential by definition; numpy's `sum` may add in pairs.
        total = np.add.accumulate(part, axis=0, out=part)[-1].copy()
    return _reduce.mean_of(frame, total, reciprocal)


# Elements that `by_taps` handles at once: enough to hide what a call costs, few enough for the second-level cache.
_STEP = 1 << 14


def by_taps(table: Taps, samples: Any, sums: Any, lines: int, finish: Callable[[Array], Array]) -> Fill:
    """Any pass, one tap after the other as Pillow adds them, for blocks of up to `lines` lines.

    Args:
        table: Weights, quantized or not.
        samples: The dtype of the image.
        sums: The dtype to add in.
        lines: Lines of the largest block.
        finish: Makes samples of sums.
    """
    # Beyond its window a tap reads another sample of it.
    last = np.maximum(table.start + table.size - 1, 0)
    index = np.minimum(table.start + np.arange(table.n_taps)[:, None], last)  # (k, n_out)
    weight = np.ascontiguousarray(table.weight.T, sums)[:, :, None]  # (k, n_out, 1)
    beyond = np.arange(table.n_taps)[:, None] >= table.size
    if table.n_taps > table.n_out and np.issubdtype(sums, np.floating):
        return _by_outputs(table, finish)
    height = max(1, min(_STEP // max(lines, 1), table.n_out))
    rows, terms, totals = (np.empty(height * lines, dtype) for dtype in (samples, sums, sums))

    def fill(source: Array, target: Array) -> None:
        for first in range(0, table.n_out, height):
            part = slice(first, min(first + height, table.n_out))
            shape = (part.stop - first, source.shape[1])
            row, term, total = (_front(scratch, shape) for scratch in (rows, terms, totals))
            total.fill(0)
            for t in range(int(table.size[part].max())):
                source.take(index[t, part], axis=0, out=row, mode="clip")
                np.copyto(term, row)
                np.multiply(term, weight[t, part], out=term)
                if beyond[t, part].any():
                    # There a tap must not be touched: 0 * inf would be NaN.
                    term[beyond[t, part]] = 0
                # The product is rounded before it is added, as in Pillow: no fused multiply-add.
                np.add(total, term, out=total)
            target[part] = finish(total)

    return fill


def _by_outputs(table: Taps, finish: Callable[[Array], Array]) -> Fill:
    """A pass of doubles for tables of more taps than outputs, one output after the other."""
    windows = [
        (int(start), int(size), weight[:size, None])
        for start, size, weight in zip(table.start, table.size, table.weight, strict=True)
    ]

    def fill(source: Array, target: Array) -> None:
        total = np.zeros((table.n_out, source.shape[1]))
        for o, (start, size, weight) in enumerate(windows):
            rows = max(1, _STEP // max(source.shape[1], 1))
            for first in range(0, size, rows):
                part = source[start + first : start + min(first + rows, size)] * weight[first : first + rows]
                part[0] += total[o]
                np.add.accumulate(part, axis=0, out=part)
                total[o] = part[-1]
        target[...] = finish(total)

    return fill
