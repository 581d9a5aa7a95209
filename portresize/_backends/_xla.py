"""The steps of a plan as operations of XLA: what serves on a GPU, on a CPU without kernels, and in exported programs.

A function of a tracer and of steps, for whoever lowers a request; it looks at no device, no value and no batch size.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import array_api_compat.numpy as host
import jax
import jax.numpy as jnp
import numpy as np

from portresize._backends import _reduce, _round, _xla_double, _xla_pass, generic
from portresize._backends._frame import Frame
from portresize._backends._numbers import colors
from portresize._core.steps import Blank, Pad, Pass, Reduce, Take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portresize._core.steps import Step


def perform(x: jax.Array, layout: str, steps: Sequence[Step], *, wide: bool, cpu: bool = False) -> jax.Array:
    """Execute `steps` on an array or a tracer.

    Args:
        x: Samples of the dtype of the plan's mode. Lengths of batch axes may be symbols.
        layout: One letter per axis, `H` and `W` among them.
        steps: Of a plan for the height and width of `x`.
        wide: Sums that Pillow takes in double are taken in double too. Otherwise nothing is wider than 32 bits, which
            is what a device without 64-bit types needs: see GUARANTEE["no-float64"].
        cpu: The program is for a CPU, where the same arithmetic is fast in another order: see `_xla_pass`.

    Returns:
        The result, of the dtype of `x`.
    """
    with jax.enable_x64(wide):
        frame = Frame(_xla_double.XP if wide else jnp, None, layout, x.ndim)
        convolve = _xla_pass.by_blocks if cpu else _xla_pass.at_once
        return generic.perform(frame, x, steps, _IN_BITS | {Pass: convolve, Reduce: reduce})


def _in_bits(act: generic.Do) -> generic.Do:
    """A step that moves samples, on their bits where they are short floats."""

    def move(frame: Frame, x: jax.Array, step: Any) -> jax.Array:
        # XLA on the CPU joins and selects floats of less than 32 bits by way of float32, which changes NaN and
        # subnormal ones.
        if not jnp.issubdtype(x.dtype, jnp.floating) or not 8 <= jnp.finfo(x.dtype).bits <= 16:
            return act(frame, x, step)
        carrier = jnp.dtype(f"uint{jnp.finfo(x.dtype).bits}")
        if isinstance(step, Pad):
            fill = colors(step.fill)
            fill = _round.to_float(host, fill, x.dtype) if fill.dtype == np.float64 else fill.astype(x.dtype)
            step = replace(step, fill=tuple(fill.view(carrier).tolist()))
        return jax.lax.bitcast_convert_type(act(frame, jax.lax.bitcast_convert_type(x, carrier), step), x.dtype)

    return move


_IN_BITS: dict[type, generic.Do] = {kind: _in_bits(generic.STEPS[kind]) for kind in (Blank, Take, Pad)}


def reduce(frame: Frame, x: jax.Array, step: Reduce) -> jax.Array:
    """`steps.Reduce`, its sums in a loop that XLA keeps a loop."""
    if not (frame.wide and _round.is_half(x.dtype)):
        return _reduce.reduce(frame, x, step, _fold)
    mean = _reduce.reduce(frame, x.astype(jnp.float64), step, _fold)
    return jax.lax.optimization_barrier(_xla_double.to_half(mean, x.dtype))


def _fold(_: Any, addends: jax.Array) -> jax.Array:
    """Doubles added in order along the first axis."""

    def add(total: jax.Array, addend: jax.Array) -> tuple[jax.Array, None]:
        return total + _xla_double.XP.astype(addend, jnp.float64), None

    total, _none = jax.lax.scan(add, _xla_double.XP.astype(addends[0], jnp.float64), addends[1:])
    return total
