"""`steps.Pass` with the array API alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from portresize._backends import _narrow, _pair, _round
from portresize._backends._frame import cut
from portresize._core import fixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portresize._backends._frame import Frame
    from portresize._core.steps import Pass

Array = Any


def convolve(frame: Frame, x: Array, step: Pass) -> Array:
    """`steps.Pass`."""
    xp = frame.xp
    if step.kind == "u8":
        # Integers may be added in any order, so take whichever loop is shorter; neither is then longer than the
        # square root of some multiple of the axis, which keeps traced programs small.
        by_taps = step.taps.n_taps <= step.taps.n_out
        total = _sum_by_taps(frame, x, step) if by_taps else _sum_by_outputs(frame, x, step)
        return finish(frame, total, x, step)
    if not frame.wide:
        return _convolve_narrow(frame, x, step)
    total = None
    for (sample, inside), weight in zip(_samples(frame, x, step), _weights(frame, step), strict=True):
        # The product is rounded before it is added, as in Pillow: no fused multiply-add.
        term = xp.astype(sample, xp.float64) * weight
        if inside is not None:
            # Outside its window a tap must not be touched: 0 * inf would be NaN.
            term = xp.where(inside, term, xp.zeros_like(term))
        # Pillow starts from +0.0, which turns -0.0 into 0.0.
        total = term + 0.0 if total is None else total + term
    return finish(frame, total, x, step)


def finish(frame: Frame, total: Array, x: Array, step: Pass) -> Array:
    """Sums, int32 for 8-bit samples and double for others, to samples like those of `x`."""
    if step.kind == "u8":
        level = (total + fixed.HALF) >> fixed.SHIFT
        return frame.xp.astype(frame.xp.clip(level, 0, 255), x.dtype)
    if step.kind == "float":
        return _round.to_float(frame.xp, total, x.dtype)
    return _round.to_integer(frame.xp, total, x.dtype, step.kind, clip=step.clip)


def host_indices(step: Pass, n_in: int) -> np.ndarray:
    """Which sample each tap of each output reads, (k, n_out); some sample of the axis where a window is over."""
    return np.minimum(step.taps.start + np.arange(step.taps.n_taps, dtype=np.int32)[:, None], n_in - 1)


def host_weights(frame: Frame, step: Pass) -> np.ndarray:
    """Weights as (k, ..., n_out, ...): one tap of all outputs broadcasts along the axis of the pass."""
    shape = [1] * frame.ndim
    shape[frame.axis(step.axis)] = step.taps.n_out
    return step.taps.weight.T.reshape(step.taps.n_taps, *shape)


def _samples(frame: Frame, x: Array, step: Pass) -> Iterator[tuple[Array, Array | None]]:
    """For each tap: its sample for every output, and which outputs have it (None: all, or it does not matter)."""
    axis, table = frame.axis(step.axis), step.taps
    indices = frame.indices(host_indices(step, x.shape[axis]))
    for t in range(table.n_taps):
        inside = t < table.size
        ragged = step.kind == "float" and not inside.all()
        yield frame.xp.take(x, indices[t, :], axis=axis), frame.along(axis, inside) if ragged else None


def _weights(frame: Frame, step: Pass) -> Iterator[Array]:
    """For each tap: its weights, moved to the device all at once."""
    weights = frame.constant(host_weights(frame, step))
    for t in range(step.taps.n_taps):
        yield weights[t, ...]


def _sum_by_taps(frame: Frame, x: Array, step: Pass) -> Array:
    """Fixed-point sums, one tap of all outputs at a time."""
    total = None
    for (sample, _), weight in zip(_samples(frame, x, step), _weights(frame, step), strict=True):
        term = frame.xp.astype(sample, frame.xp.int32) * weight
        total = term if total is None else total + term
    return total


def _sum_by_outputs(frame: Frame, x: Array, step: Pass) -> Array:
    """Fixed-point sums, all taps of one output at a time."""
    axis, table, xp = frame.axis(step.axis), step.taps, frame.xp
    weights = frame.along(axis, table.weight.ravel())
    sums = []
    for o, (start, size) in enumerate(zip(table.start.tolist(), table.size.tolist(), strict=True)):
        window = xp.astype(cut(x, axis, start, start + size), xp.int32)
        window = window * cut(weights, axis, o * table.n_taps, o * table.n_taps + size)
        sums.append(xp.sum(window, axis=axis, keepdims=True, dtype=xp.int32))
    return xp.concat(sums, axis=axis)


def _convolve_narrow(frame: Frame, x: Array, step: Pass) -> Array:
    """A pass on a device that has nothing wider than 32 bits."""
    xp, weights = frame.xp, host_weights(frame, step)
    samples = _samples(frame, x, step)
    if step.kind == "float":
        terms = (
            (xp.astype(v if m is None else xp.where(m, v, xp.zeros_like(v)), xp.float32), k)
            for (v, m), k in zip(samples, weights, strict=True)
        )
        return xp.astype(_pair.float_sum(xp, terms), x.dtype)
    limit = _narrow.LIMITS[step.kind]
    terms = ((v if limit > 2**31 else xp.astype(v, xp.int32), k) for (v, _), k in zip(samples, weights, strict=True))
    return _narrow.rounded(xp, _narrow.integer_sum(xp, terms, limit=limit), x.dtype, step.kind, clip=step.clip)
