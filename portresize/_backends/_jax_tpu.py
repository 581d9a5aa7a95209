"""The steps of a plan on a TPU: passes over 8-bit samples by kernels, all else by XLA without 64-bit types."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jax

from portresize._backends import _xla
from portresize._core.steps import Pass
from portresize._kernels.pallas import kernel
from portresize._kernels.pallas.chips import UNKNOWN, Chip, chip
from portresize._kernels.pallas.pieces import pieces
from portresize._kernels.pallas.program import mirrored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portresize._core.steps import Step
    from portresize._kernels.pallas.chips import Limbs


def perform(
    x: jax.Array, layout: str, steps: Sequence[Step], *, on: Chip | None = None, interpret: bool = False
) -> jax.Array:
    """Execute `steps` on an array or a tracer.

    Args:
        x: Samples of the dtype of the plan's mode, but not float64. Lengths of batch axes may be symbols.
        layout: One letter per axis, `H` and `W` among them.
        steps: Of a plan for the height and width of `x`.
        on: The chip that will run it; None is the one here, or any of the last generations where none is.
        interpret: Compute the kernels where there is no TPU, slowly.

    Returns:
        The result, of the dtype of `x`; `x` itself where nothing is to be done.
    """
    on = on or _here()
    source = x.shape[layout.index("H")], x.shape[layout.index("W")]
    # Kernels are not compiled where the caller has 64-bit types: their indices would be such.
    with jax.enable_x64(False):  # noqa: FBT003  jax takes it by position alone
        for piece in pieces(steps, source, on, layout):
            if piece.why:
                x = _xla.perform(x, layout, piece.steps, wide=False)
            else:
                taken = [step for step in piece.steps if isinstance(step, Pass)]
                x = passes(x, layout, taken, limbs=on.limbs, interpret=interpret)
    return x


def passes(
    x: jax.Array, layout: str, steps: Sequence[Pass], *, limbs: Limbs = "int8", interpret: bool = False
) -> jax.Array:
    """Consecutive passes over uint8 that one kernel takes, on an array of any layout.

    Every axis but the image's counts planes, bands too: XLA keeps arrays whose last axis is a few bands plane by plane
    in a TPU's memory, so that what looks like a transposition moves nothing, whereas interleaved rows, which the
    kernel could take as well, would have to be made first.
    """
    first, second = sorted("HW", key=layout.index)
    order = [i for i, letter in enumerate(layout) if letter not in "HW"] + [layout.index(first), layout.index(second)]
    if first == "W":
        # The kernel's rows are the image's columns.
        steps = mirrored(steps)
    planes = x.transpose(order)
    batch = planes.shape[:-2]
    y = kernel.run(planes.reshape(math.prod(batch), *planes.shape[-2:]), steps, limbs=limbs, interpret=interpret)
    back = sorted(range(len(order)), key=order.__getitem__)
    return y.reshape(*batch, *y.shape[1:]).transpose(back)


def _here() -> Chip:
    """The chip that programs run on, unless they are made for elsewhere."""
    return chip(jax.devices()[0].device_kind) if jax.default_backend() == "tpu" else UNKNOWN
