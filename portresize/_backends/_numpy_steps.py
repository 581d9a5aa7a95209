"""numpy's own steps, in blocks of bounded size: they serve where no kernel does.

Figures behind the choices: benchmarks/results/numpy.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import array_api_compat.numpy
import numpy as np

from portresize._backends import _blocks, _convolve, _reduce, generic
from portresize._backends._frame import Frame
from portresize._backends._numbers import plain
from portresize._core import fixed
from portresize._core.adjoint import hold, planned
from portresize._core.steps import Pass, Premultiply, Reduce, Take, Unpremultiply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portresize._backends.generic import Do
    from portresize._core.spec import Spec
    from portresize._core.taps import Taps

Array = Any


def run(x: Array, spec: Spec, source: tuple[int, ...] = ()) -> Array:
    """Execute `spec`, or what leads back to `source`, on an array of numpy."""
    x = x.view(plain(x.dtype))
    xp = array_api_compat.numpy
    frame = Frame(xp, array_api_compat.device(x), spec.layout, x.ndim)
    height, width = x.shape[frame.axis("H")], x.shape[frame.axis("W")]
    made = planned(spec, (height, width), source)
    hold(made, x.nbytes // max(height * width, 1))
    return generic.perform(frame, x, made.steps, STEPS)


def band_height(table: Taps) -> int:
    """Outputs that BLAS makes at once in an 8-bit pass.

    A band reads the windows of all its outputs: a taller one multiplies more zeros where these lie far apart, but BLAS
    is faster on it. Adding tap by tap instead was slower for every table, from 1 tap to 45.
    """
    start, stop = table.window()
    return 16 if stop - start < table.n_out else 8


def convolve(frame: Frame, x: Array, step: Pass) -> Array:
    """`steps.Pass`."""
    return convolve_in_bands(frame, x, step, band_height(step.taps) if step.kind == "u8" else 0)


def convolve_in_bands(frame: Frame, x: Array, step: Pass, height: int) -> Array:
    """`steps.Pass` with bands of `height` outputs, or tap by tap where that is 0; for 8-bit samples all are equal."""
    axis, table = frame.axis(step.axis), step.taps
    y = np.empty((*x.shape[:axis], table.n_out, *x.shape[axis + 1 :]), x.dtype)
    products = max(part.weight.size for part in _blocks.bands(table, height)) if height else 1
    lines = _blocks.lines_in_block(x.shape, axis, table.n_out, x.itemsize, products)
    if height:
        fill = _blocks.banded(table, height, lines)
    else:
        dtype = np.int32 if step.kind == "u8" else np.float64
        fill = _blocks.by_taps(table, x.dtype, dtype, lines, lambda total: _convolve.finish(frame, total, x, step))
    for source, target in _blocks.blocks(x, y, axis, lines):
        fill(source, target)
    return y


# Samples that the acts below take at once.
_BLOCK = 1 << 18


def _row_blocks(frame: Frame, x: Array, multiple: int = 1) -> Iterator[tuple[slice, ...]]:
    """Indices of parts of axis H of bounded size, whole multiples of `multiple` rows but the last."""
    axis = frame.axis("H")
    height = x.shape[axis]
    rows = max(1, _BLOCK * height // max(x.size, 1) // multiple) * multiple
    return ((slice(None),) * axis + (slice(start, start + rows),) for start in range(0, height, rows))


def reduce(frame: Frame, x: Array, step: Reduce) -> Array:
    """`steps.Reduce`, some rows of blocks at a time."""
    act = _reduced_u8 if step.kind == "u8" else _reduced
    parts = [act(frame, x[part], step) for part in _row_blocks(frame, x, step.vertical)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=frame.axis("H"))


def _reduced(frame: Frame, x: Array, step: Reduce) -> Array:
    """Averages of other samples."""
    return _reduce.reduce(frame, x, step, _blocks.fold)


def _reduced_u8(frame: Frame, x: Array, step: Reduce) -> Array:
    """Averages of 8-bit samples, in 32-bit arithmetic that wraps."""
    # 257 samples of 8 bits fit 16, which numpy adds twice as fast.
    small, whole = (np.uint16 if n <= 257 else np.uint32 for n in (step.vertical, step.vertical * step.horizontal))
    down = _sums(x, frame.axis("H"), step.vertical, small)
    # Samples to add lie `horizontal` apart, which only pays where no bands lie between them.
    rows = np.ascontiguousarray(np.moveaxis(down, frame.axis("W"), -1), whole)
    total = np.moveaxis(_sums(rows, rows.ndim - 1, step.horizontal, whole), -1, frame.axis("W")).astype(np.uint32)
    view = np.moveaxis(total, (frame.axis("H"), frame.axis("W")), (0, 1))
    for lines, vertical in _sized(x.shape[frame.axis("H")], step.vertical):
        for columns, horizontal in _sized(x.shape[frame.axis("W")], step.horizontal):
            count = vertical * horizontal
            part = view[lines, columns]
            part += np.uint32(count // 2)
            part *= np.uint32(fixed.reciprocal(count))
    total >>= 24
    return total.astype(x.dtype, order="C")


# Samples of a block from which a call for each of them would take longer than numpy's slower way to add all.
_LONG = 256


def _sums(x: Array, axis: int, block: int, dtype: Any) -> Array:
    """Sums over blocks of samples along an axis, the last one over what is left."""
    if block > _LONG:
        return np.add.reduceat(x, np.arange(0, x.shape[axis], block), axis=axis, dtype=dtype)
    before = (slice(None),) * axis
    total = x[(*before, slice(None, None, block))].astype(dtype)
    wide = np.empty_like(total)
    for first in range(1, min(block, x.shape[axis])):
        addend = x[(*before, slice(first, None, block))]
        part = (*before, slice(addend.shape[axis]))
        # Cast and then add: numpy does both at once only in pieces, at half the pace.
        np.copyto(wide[part], addend)
        total[part] += wide[part]
    return total


def _sized(length: int, block: int) -> list[tuple[slice, int]]:
    """Return the whole blocks of an axis and the partial one after them: where, and of how many samples."""
    whole, left = divmod(length, block)
    return [(slice(whole), block), *([(slice(whole, None), left)] if left else [])]


def take(frame: Frame, x: Array, step: Take) -> Array:
    """`steps.Take`: `numpy.take` copies the whole of an array that has gaps or repeats samples."""
    axis = frame.axis(step.axis)
    y = np.empty((*x.shape[:axis], len(step.index), *x.shape[axis + 1 :]), x.dtype)
    source, target = np.moveaxis(x, axis, 0), np.moveaxis(y, axis, 0)
    target[...] = source[np.maximum(step.index, 0)]
    target[step.index < 0] = np.zeros((), x.dtype)  # Of one dtype 0 is another sample than that of zero bytes.
    return y


def premultiply(frame: Frame, x: Array, _: Premultiply) -> Array:
    """`steps.Premultiply`."""
    return _with_alpha(frame, x, _multiplied, np.uint16)


def unpremultiply(frame: Frame, x: Array, _: Unpremultiply) -> Array:
    """`steps.Unpremultiply`."""
    return _with_alpha(frame, x, _divided, np.float32)


def _multiplied(color: Array, alpha: Array) -> Array:
    """`color * alpha / 255` rounded half up, in place: no term exceeds 65407."""
    color *= alpha
    color += 128
    color += color >> 8
    color >>= 8
    return color


def _divided(color: Array, alpha: Array) -> Array:
    """`floor(255 * color / alpha)` at most 255, in place; what is not divided has alpha 0 or 255.

    Single precision is enough: a quotient below 256 that is no integer misses the next one by 1/255 or more, and is
    off by 2**-16 or less.
    """
    alpha[alpha == 0] = 255
    color *= 255
    color /= alpha
    return np.minimum(color, 255, out=color)


def _with_alpha(frame: Frame, x: Array, act: Any, dtype: Any) -> Array:
    """Colours as `act` makes them from colour and alpha, both `dtype` with bands first, and alpha as it is."""
    y = np.empty(x.shape, x.dtype)
    for part in _row_blocks(frame, x):
        source, target = (np.moveaxis(a[part], frame.layout.index("C"), 0) for a in (x, y))
        wide = np.empty(source.shape, dtype)
        np.copyto(wide, source)
        np.copyto(target[:-1], act(wide[:-1], wide[-1]), casting="unsafe")
        target[-1] = source[-1]
    return y


STEPS: dict[type, Do] = {
    Pass: convolve,
    Reduce: reduce,
    Take: take,
    Premultiply: premultiply,
    Unpremultiply: unpremultiply,
}
