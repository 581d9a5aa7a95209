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

from portresize._backends import _reduce, _round, _xla_bfloat16, _xla_double, _xla_gradual, _xla_pass, generic
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
        if not wide:
            return _performed(jnp, x, layout, steps, cpu=cpu)
        if not cpu:
            return _performed(_xla_double.XP, x, layout, steps, cpu=cpu)
        if x.dtype == jnp.bfloat16:
            y = _performed(_xla_bfloat16.XP, _xla_bfloat16.single_of(x), layout, steps, cpu=cpu)
            # Alone, because XLA would turn an image after it became bfloat16.
            return _xla_pass.apart(_xla_bfloat16.of_single, y)
        return _performed(_xla_gradual.XP, x, layout, steps, cpu=cpu)


def _performed(xp: Any, x: jax.Array, layout: str, steps: Sequence[Step], *, cpu: bool) -> jax.Array:
    """Execute `steps` with the operations of `xp`."""
    convolve = _xla_pass.by_blocks if cpu else _xla_pass.at_once
    return generic.perform(Frame(xp, None, layout, x.ndim), x, steps, _IN_BITS | {Pass: convolve, Reduce: reduce})


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
    if x.dtype == jnp.float64 and isinstance(frame.xp, _xla_gradual.Namespace):
        return _reduce.reduce(frame, x, step, _gradual_fold)
    is_half = _round.is_half(x.dtype) or isinstance(frame.xp, _xla_bfloat16.Namespace)
    if not (frame.wide and is_half):
        return _reduce.reduce(frame, x, step, _fold)
    mean = _reduce.reduce(frame, frame.xp.astype(x, jnp.float64), step, _fold)
    return jax.lax.optimization_barrier(frame.xp.astype(mean, x.dtype))


def _fold(frame: Frame, addends: jax.Array, reciprocal: float) -> jax.Array:
    """Return the mean of doubles added in order along the first axis."""

    def add(total: jax.Array, addend: jax.Array) -> tuple[jax.Array, None]:
        return total + _xla_double.XP.astype(addend, jnp.float64), None

    total, _none = jax.lax.scan(add, _xla_double.XP.astype(addends[0], jnp.float64), addends[1:])
    return _reduce.mean_of(frame, total, reciprocal)


def _gradual_fold(_: Frame, addends: jax.Array, reciprocal: float) -> jax.Array:
    """Return the same of samples that are doubles themselves."""

    def add(total: _xla_gradual.Number, addend: jax.Array) -> tuple[_xla_gradual.Number, None]:
        return _xla_gradual.add(total, _xla_gradual.of(addend)), None

    total, _none = jax.lax.scan(add, _xla_gradual.of(addends[0]), addends[1:])
    # Of -0.0 alone, 0.0; of NaN, NaN.
    total = total._replace(value=jnp.where(total.value == 0.0, 0.0, total.value))
    return _xla_gradual.to_float(_xla_gradual.product(total, _xla_gradual.weight(np.array(reciprocal))))
