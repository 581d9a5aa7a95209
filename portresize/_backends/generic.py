"""Every step with the array API alone: exact on any library and device, lazy where the library is, blind to values.

Indices are 1-D and all tables are made on the host, so the same code traces under `jax.jit` and `torch.compile`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import array_api_compat
import numpy as np

from portresize._backends import _narrow, _round
from portresize._core import fixed
from portresize._core.plan import plan
from portresize._core.steps import (
    Blank,
    Crop,
    FlipSign,
    Pad,
    Pass,
    Premultiply,
    Reduce,
    Take,
    Unpremultiply,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portresize._core.spec import Spec
    from portresize._core.steps import Axis

Array = Any
Namespace = Any


class Frame(NamedTuple):
    """Where an array lives and which of its axes are which."""

    xp: Namespace
    device: Any
    layout: str
    ndim: int

    def axis(self, name: Axis) -> int:
        """Index of an image axis."""
        return self.layout.index(name)

    def along(self, axis: int, values: np.ndarray) -> Array:
        """A 1-D host table as a device array that broadcasts along `axis`."""
        shape = [1] * self.ndim
        shape[axis] = len(values)
        return self.constant(values.reshape(shape))

    def constant(self, values: np.ndarray) -> Array:
        """A host table on the device."""
        # A copy, because tables are read-only and shared, and torch refuses to wrap read-only memory quietly.
        return self.xp.asarray(np.array(values), device=self.device)

    @property
    def wide(self) -> bool:
        """Whether the device can add in double."""
        info = self.xp.__array_namespace_info__()
        return "float64" in info.dtypes(device=self.device, kind="real floating")


# What executes one kind of step.
Do = Callable[[Frame, Array, Any], Array]


def run(x: Array, spec: Spec) -> Array:
    """Execute `spec` on `x` with the operations of its own library."""
    return execute(x, spec, array_api_compat.array_namespace(x))


def execute(x: Array, spec: Spec, xp: Namespace, replaced: dict[type, Do] | None = None) -> Array:
    """Execute `spec` on `x` with the operations of `xp`, some steps `replaced` by the backend's own."""
    acts = STEPS | (replaced or {})
    frame = Frame(xp, array_api_compat.device(x), spec.layout, x.ndim)
    steps = plan(spec, (x.shape[frame.axis("H")], x.shape[frame.axis("W")])).steps
    # Infinities in the image make NaNs and F may overflow: results in Pillow, not errors. Only numpy speaks of them.
    with np.errstate(over="ignore", invalid="ignore"):
        for step in steps:
            x = acts[type(step)](frame, x, step)
    if all(isinstance(step, Crop) for step in steps):
        return xp.asarray(x, copy=True)
    return x


def _slice(x: Array, axis: int, start: int, stop: int | None, stride: int = 1) -> Array:
    """A part of one axis."""
    return x[(*(slice(None),) * axis, slice(start, stop, stride), ...)]


def crop(frame: Frame, x: Array, step: Crop) -> Array:
    """`steps.Crop`."""
    x = _slice(x, frame.axis("H"), step.top, step.top + step.height)
    return _slice(x, frame.axis("W"), step.left, step.left + step.width)


def _zeros(frame: Frame, x: Array, height: int, width: int) -> Array:
    """Zeros of the kind of `x`, of another image size."""
    shape = list(x.shape)
    shape[frame.axis("H")], shape[frame.axis("W")] = height, width
    return frame.xp.zeros(tuple(shape), dtype=x.dtype, device=frame.device)


def blank(frame: Frame, x: Array, step: Blank) -> Array:
    """`steps.Blank`."""
    return _zeros(frame, x, step.height, step.width)


def take(frame: Frame, x: Array, step: Take) -> Array:
    """`steps.Take`."""
    axis = frame.axis(step.axis)
    inside = step.index >= 0
    y = frame.xp.take(x, frame.constant(np.where(inside, step.index, 0)), axis=axis)
    if inside.all():
        return y
    return frame.xp.where(frame.along(axis, inside), y, frame.xp.zeros_like(y))


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
    whole = _round.half_away(frame.xp, total)
    return whole if step.kind == "i32" else _round.to_uint16(frame.xp, whole, x.dtype, clip=step.clip)


def host_indices(step: Pass, n_in: int) -> np.ndarray:
    """Which sample each tap of each output reads, (k, n_out); some sample of the axis where a window is over."""
    return np.minimum(step.taps.start + np.arange(step.taps.n_taps, dtype=np.int32)[:, None], n_in - 1)


def _samples(frame: Frame, x: Array, step: Pass) -> Iterator[tuple[Array, Array | None]]:
    """For each tap: its sample for every output, and which outputs have it (None: all, or it does not matter)."""
    axis, table = frame.axis(step.axis), step.taps
    indices = frame.constant(host_indices(step, x.shape[axis]))
    for t in range(table.n_taps):
        inside = t < table.size
        ragged = step.kind == "float" and not inside.all()
        yield frame.xp.take(x, indices[t, :], axis=axis), frame.along(axis, inside) if ragged else None


def host_weights(frame: Frame, step: Pass) -> np.ndarray:
    """Weights as (k, ..., n_out, ...): one tap of all outputs broadcasts along the axis of the pass."""
    shape = [1] * frame.ndim
    shape[frame.axis(step.axis)] = step.taps.n_out
    return step.taps.weight.T.reshape(step.taps.n_taps, *shape)


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
        window = xp.astype(_slice(x, axis, start, start + size), xp.int32)
        window = window * _slice(weights, axis, o * table.n_taps, o * table.n_taps + size)
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
        return xp.astype(_narrow.float_sum(xp, terms), x.dtype)
    terms = ((xp.astype(v, xp.int32), k) for (v, _), k in zip(samples, weights, strict=True))
    whole = _narrow.integer_sum(xp, terms, limit=65535 if step.kind == "u16" else None)
    return whole if step.kind == "i32" else _round.to_uint16(xp, whole, x.dtype, clip=step.clip)


def reduce(frame: Frame, x: Array, step: Reduce) -> Array:
    """`steps.Reduce`: up to four regions, of whole blocks and of partial ones at the end of rows and columns."""
    mean = _mean_u8 if step.kind == "u8" else _mean
    rows = []
    for top, bottom, block_h in _regions(x.shape[frame.axis("H")], step.vertical):
        row = []
        for left, right, block_w in _regions(x.shape[frame.axis("W")], step.horizontal):
            part = _slice(_slice(x, frame.axis("H"), top, bottom), frame.axis("W"), left, right)
            row.append(mean(frame, part, step, (block_h, block_w)))
        rows.append(_join(frame, row, "W"))
    return _join(frame, rows, "H")


def _regions(length: int, block: int) -> list[tuple[int, int, int]]:
    """Start, stop and block size of the whole blocks of an axis and of the partial one after them.

    >>> _regions(7, 3), _regions(2, 3)
    ([(0, 6, 3), (6, 7, 1)], [(0, 2, 2)])
    """
    whole = length // block * block
    regions = [(0, whole, block), (whole, length, length - whole)]
    return [(start, stop, size) for start, stop, size in regions if start < stop]


def _join(frame: Frame, parts: list[Array], name: Axis) -> Array:
    """Put parts side by side along an image axis."""
    return parts[0] if len(parts) == 1 else frame.xp.concat(parts, axis=frame.axis(name))


def _mean_u8(frame: Frame, x: Array, step: Reduce, block: tuple[int, int]) -> Array:  # noqa: ARG001  see reduce
    """Averages of equal blocks of 8-bit samples, in 32-bit arithmetic that wraps."""
    total = frame.xp.astype(x, frame.xp.int32)
    for name, size in zip(("H", "W"), block, strict=True):
        axis = frame.layout.index(name)
        shape = (*total.shape[:axis], total.shape[axis] // size, size, *total.shape[axis + 1 :])
        total = frame.xp.sum(frame.xp.reshape(total, shape), axis=axis + 1, dtype=frame.xp.int32)
    count = block[0] * block[1]
    # Unsigned in Pillow: the top byte is the same, once the copies of its sign are masked off.
    return frame.xp.astype((((total + count // 2) * fixed.reciprocal(count)) >> 24) & 255, x.dtype)


def _mean(frame: Frame, x: Array, step: Reduce, block: tuple[int, int]) -> Array:
    """Averages of equal blocks of int32 or float samples."""
    xp, wide = frame.xp, frame.wide
    # Pillow adds the samples of a group in the 32-bit type, where they may wrap or round. Floats of other widths are
    # ours: they are added in double.
    native = step.kind == "i32" or str(x.dtype).endswith("float32")
    dtype = x.dtype
    if not native:
        x = xp.astype(x, xp.float64 if wide else xp.float32)

    def addends() -> Iterator[Array]:
        for group in _groups(block, whole=block == (step.vertical, step.horizontal)):
            first, *others = (
                _slice(_slice(x, frame.axis("H"), v, None, block[0]), frame.axis("W"), h, None, block[1])
                for v, h in group
            )
            for other in others:
                first = first + other
            yield first

    reciprocal = 1.0 / (block[0] * block[1])
    if not wide:
        narrow = _narrow.integer_mean if step.kind == "i32" else _narrow.float_mean
        return xp.astype(narrow(xp, addends(), reciprocal), dtype)
    total = None
    for addend in addends():
        term = xp.astype(addend, xp.float64)
        total = term + 0.0 if total is None else total + term
    mean: Array = total * reciprocal  # type: ignore[operator]  # a block has a sample
    return _round.half_away(xp, mean) if step.kind == "i32" else _round.to_float(xp, mean, dtype)


def _groups(block: tuple[int, int], *, whole: bool) -> list[list[tuple[int, int]]]:
    """The order in which Pillow adds a block: a whole one by pairs of rows and, in them, of columns; others singly.

    >>> _groups((3, 2), whole=True)
    [[(0, 0), (0, 1), (1, 0), (1, 1)], [(2, 0), (2, 1)]]
    """
    pair = 2 if whole else 1
    return [
        [(v, h) for v in range(top, min(top + pair, block[0])) for h in range(left, min(left + pair, block[1]))]
        for top in range(0, block[0], pair)
        for left in range(0, block[1], pair)
    ]


def _split_alpha(frame: Frame, x: Array) -> tuple[Array, Array, Array]:
    """Colours and alpha as int32, and alpha as it is."""
    axis = frame.layout.index("C")
    last = x.shape[axis] - 1
    alpha = _slice(x, axis, last, last + 1)
    as_int = (frame.xp.astype(part, frame.xp.int32) for part in (_slice(x, axis, 0, last), alpha))
    return (*as_int, alpha)


def premultiply(frame: Frame, x: Array, _: Premultiply) -> Array:
    """`steps.Premultiply`."""
    color, alpha, kept = _split_alpha(frame, x)
    scaled = color * alpha + 128
    scaled = (scaled + (scaled >> 8)) >> 8
    return frame.xp.concat([frame.xp.astype(scaled, x.dtype), kept], axis=frame.layout.index("C"))


def unpremultiply(frame: Frame, x: Array, _: Unpremultiply) -> Array:
    """`steps.Unpremultiply`."""
    xp = frame.xp
    color, alpha, kept = _split_alpha(frame, x)
    divisor = xp.where(alpha == 0, xp.full_like(alpha, 255), alpha)
    scaled = xp.clip((255 * color) // divisor, 0, 255)  # alpha 255, and so also 0, leaves the colour as it is
    return xp.concat([xp.astype(scaled, x.dtype), kept], axis=frame.layout.index("C"))


def flip_sign(frame: Frame, x: Array, step: FlipSign) -> Array:
    """`steps.FlipSign`."""
    axis = frame.layout.index("C")
    mask = np.zeros(x.shape[axis], np.uint8)
    mask[list(step.bands)] = 128
    return frame.xp.bitwise_xor(x, frame.along(axis, mask))


def pad(frame: Frame, x: Array, step: Pad) -> Array:
    """`steps.Pad`."""
    xp = frame.xp
    height, width = x.shape[frame.axis("H")], x.shape[frame.axis("W")]

    def block(height: int, width: int) -> list[Array]:
        if not (height and width):
            return []
        host = np.float32 if not frame.wide else np.float64
        fill = np.asarray(step.fill, np.int32 if all(isinstance(f, int) for f in step.fill) else host)
        color = frame.along(frame.layout.index("C"), fill) if len(fill) > 1 else frame.constant(fill[0])
        empty = _zeros(frame, x, height, width)
        return [xp.broadcast_to(xp.astype(color, x.dtype), empty.shape)]

    row = [
        *block(height, step.left),
        *([x] if height and width else []),
        *block(height, step.width - step.left - width),
    ]
    rows = [*block(step.top, step.width), *([_join(frame, row, "W")] if row else [])]
    return _join(frame, [*rows, *block(step.height - step.top - height, step.width)], "H")


STEPS: dict[type, Do] = {
    Crop: crop,
    Blank: blank,
    Take: take,
    Pass: convolve,
    Reduce: reduce,
    Premultiply: premultiply,
    Unpremultiply: unpremultiply,
    FlipSign: flip_sign,
    Pad: pad,
}
