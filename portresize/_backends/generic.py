"""Every step with the array API alone: exact on any library and device, lazy where the library is, blind to values.

Indices are 1-D and all tables are made on the host, so the same code traces under `jax.jit` and `torch.compile`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np

from portresize._backends import _round
from portresize._backends._convolve import convolve
from portresize._backends._frame import Frame, cut, join, zeros
from portresize._backends._numbers import colors
from portresize._backends._reduce import reduce
from portresize._core.floating import DefaultState
from portresize._core.fork import importing
from portresize._core.plan import plan
from portresize._core.steps import (
    Blank,
    Crop,
    FlipSign,
    Pad,
    Pass,
    Premultiply,
    Reduce,
    Step,
    Take,
    Unpremultiply,
)

if TYPE_CHECKING:
    from portresize._core.spec import Spec

Array = Any
Namespace = Any


# What executes one kind of step.
Do = Callable[[Frame, Array, Any], Array]


def run(x: Array, spec: Spec) -> Array:
    """Execute `spec` on `x` with the operations of its own library."""
    with importing():
        # It imports the namespace of a library when it first meets one.
        xp = array_api_compat.array_namespace(x)
    with DefaultState():
        return execute(x, spec, xp)


def execute(x: Array, spec: Spec, xp: Namespace, replaced: dict[type, Do] | None = None) -> Array:
    """Execute `spec` on `x` with the operations of `xp`, some steps `replaced` by the backend's own."""
    frame = Frame(xp, array_api_compat.device(x), spec.layout, x.ndim)
    source = x.shape[frame.axis("H")], x.shape[frame.axis("W")]
    return perform(frame, x, plan(spec, source).steps, replaced)


def perform(frame: Frame, x: Array, steps: Sequence[Step], replaced: dict[type, Do] | None = None) -> Array:
    """Execute `steps` on `x` in order, some `replaced` by the backend's own; crops alone are copied."""
    acts = STEPS | (replaced or {})
    # Infinities in the image make NaNs and F may overflow: results in Pillow, not errors. Only numpy speaks of them.
    with np.errstate(over="ignore", invalid="ignore"):
        for step in steps:
            x = acts[type(step)](frame, x, step)
    if all(isinstance(step, Crop) for step in steps):
        return frame.xp.asarray(x, copy=True)
    return x


def crop(frame: Frame, x: Array, step: Crop) -> Array:
    """`steps.Crop`."""
    x = cut(x, frame.axis("H"), step.top, step.top + step.height)
    return cut(x, frame.axis("W"), step.left, step.left + step.width)


def blank(frame: Frame, x: Array, step: Blank) -> Array:
    """`steps.Blank`."""
    return zeros(frame, x, step.height, step.width)


def take(frame: Frame, x: Array, step: Take) -> Array:
    """`steps.Take`."""
    axis = frame.axis(step.axis)
    inside = step.index >= 0
    y = frame.xp.take(x, frame.indices(np.where(inside, step.index, 0)), axis=axis)
    if inside.all():
        return y
    return frame.xp.where(frame.along(axis, inside), y, frame.xp.zeros_like(y))


def _split_alpha(frame: Frame, x: Array) -> tuple[Array, Array, Array]:
    """Colours and alpha as int32, and alpha as it is."""
    axis = frame.layout.index("C")
    last = x.shape[axis] - 1
    alpha = cut(x, axis, last, last + 1)
    as_int = (frame.xp.astype(part, frame.xp.int32) for part in (cut(x, axis, 0, last), alpha))
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
        fill = colors(step.fill)
        fill = fill.astype(np.float32) if fill.dtype == np.float64 and not frame.wide else fill
        color = frame.along(frame.layout.index("C"), fill) if len(fill) > 1 else frame.constant(fill[0])
        empty = zeros(frame, x, height, width)
        # Libraries turn a double into a half float by way of float32, and round it twice.
        is_twice = fill.dtype == np.float64 and _round.is_half(x.dtype)
        color = _round.to_float(xp, color, x.dtype) if is_twice else xp.astype(color, x.dtype)
        return [xp.broadcast_to(color, empty.shape)]

    row = [
        *block(height, step.left),
        *([x] if height and width else []),
        *block(height, step.width - step.left - width),
    ]
    rows = [*block(step.top, step.width), *([join(frame, row, "W")] if row else [])]
    return join(frame, [*rows, *block(step.height - step.top - height, step.width)], "H")


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
