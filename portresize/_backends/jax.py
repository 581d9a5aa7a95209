"""jax: one compiled program per request and shape, in double where the platform has it.

Modes I, I;16 and F are sums in double, so these run with 64-bit types whether or not the caller has switched them on;
the result has the dtype that came in.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from portresize._backends import _convolve, _reduce, generic
from portresize._core.steps import Pass, Reduce

if TYPE_CHECKING:
    from portresize._backends._frame import Frame
    from portresize._core.spec import Spec


def run(x: jax.Array, spec: Spec) -> jax.Array:
    """Execute `spec` on an array or a tracer."""
    with jax.enable_x64(True):  # noqa: FBT003  jax takes it by position alone
        return _run(x, spec)


@partial(jax.jit, static_argnums=1)
def _run(x: jax.Array, spec: Spec) -> jax.Array:
    return generic.execute(x, spec, jnp, {Pass: convolve, Reduce: reduce})


# Up to this many taps the loop is unrolled, and XLA fuses it into one; a longer one would take seconds to compile.
_UNROLLED = 8


def convolve(frame: Frame, x: jax.Array, step: Pass) -> jax.Array:
    """`steps.Pass` as a loop over the taps that XLA keeps a loop."""
    axis, table = frame.axis(step.axis), step.taps
    integer = step.kind == "u8"
    dtype = jnp.int32 if integer else jnp.float64
    inside = jnp.arange(table.n_taps)[:, None] < table.size
    inside = inside.reshape(_convolve.host_weights(frame, step).shape)

    def add(total: jax.Array, tap: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
        index, weight, valid = tap
        term = jnp.take(x, index, axis=axis, mode="clip").astype(dtype) * weight
        if not integer:
            # XLA would fuse the product into the sum, which rounds once where Pillow rounds twice. A select in between
            # stops it on the CPU, where no barrier does; it is needed anyway, because 0 * inf is NaN.
            term = jnp.where(valid & (term == term), term, jnp.where(valid, jnp.nan, 0.0))  # noqa: PLR0124
        return total + term, None

    shape = (*x.shape[:axis], table.n_out, *x.shape[axis + 1 :])
    taps = (
        frame.constant(_convolve.host_indices(step, x.shape[axis])),
        frame.constant(_convolve.host_weights(frame, step)),
        inside,
    )
    total, _ = jax.lax.scan(add, jnp.zeros(shape, dtype), taps, unroll=min(table.n_taps, _UNROLLED))
    if step.kind == "float":
        total = _odd(total, x.dtype)
    # Without a barrier XLA may keep more than the dtype holds from one pass to the next ("excess precision").
    return jax.lax.optimization_barrier(_convolve.finish(frame, total, x, step))


def reduce(frame: Frame, x: jax.Array, step: Reduce) -> jax.Array:
    """`steps.Reduce`."""
    if step.kind != "float" or jnp.finfo(x.dtype).bits >= 32:
        return _reduce.reduce(frame, x, step)
    return _odd(_reduce.reduce(frame, x.astype(jnp.float64), step), x.dtype).astype(x.dtype)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _odd(total: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """Doubles that are rounded to `dtype` in a single rounding, whichever way the platform then converts them.

    Platforms go by way of float32. A double that is rounded to float32 by setting the last bit if anything was lost,
    "to odd", is never moved onto the midpoint of two halves, where it would be rounded a second time.
    """
    if jnp.finfo(dtype).bits >= 32:
        return total
    single = total.astype(jnp.float32)
    bits = jax.lax.bitcast_convert_type(single, jnp.int32)
    error = jnp.abs(total) - jnp.abs(single.astype(jnp.float64))
    toward = jnp.where(error > 0, 1, -1).astype(jnp.int32)
    bits = jnp.where((error != 0) & ~jnp.isnan(error) & (bits % 2 == 0), bits + toward, bits)
    return jax.lax.bitcast_convert_type(bits, jnp.float32).astype(jnp.float64)


@_odd.defjvp
def _odd_jvp(dtype: jnp.dtype, primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return _odd(primals[0], dtype), tangents[0]
