"""jax: one compiled program per request and shape, in double where the platform has it.

Modes I, I;16 and F are sums in double, so these run with 64-bit types whether or not the caller has switched them on;
the result has the dtype that came in.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from portresize._backends import _convolve, _reduce, _round, generic
from portresize._core.steps import Pass, Reduce

if TYPE_CHECKING:
    from portresize._backends._frame import Frame
    from portresize._core.spec import Spec


class _Namespace:
    """jax.numpy with the float32 of IEEE: XLA on the CPU takes subnormal ones, below 2**-126, for zeros."""

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)

    @staticmethod
    def astype(x: jax.Array, dtype: Any) -> jax.Array:
        """`x` as `dtype`."""
        if x.dtype == jnp.float32 and dtype == jnp.float64:
            return _widened(x)
        if x.dtype == jnp.float64 and dtype == jnp.float32:
            return _narrowed(x)
        return x.astype(dtype)

    @staticmethod
    def add(a: jax.Array, b: jax.Array) -> jax.Array:
        """Sum in the type of both; of float32 by way of float64, which rounds to the same."""
        return _narrowed(_widened(a) + _widened(b)) if a.dtype == jnp.float32 else a + b


_XP = _Namespace()
_SMALLEST = 2.0**-126
_STEP = 2.0**-149


@jax.custom_jvp
def _widened(x: jax.Array) -> jax.Array:
    """float32 to float64, subnormal numbers by their bits."""
    bits = jax.lax.bitcast_convert_type(x, jnp.int32)
    magnitude = bits & 0x7FFFFFFF
    small = magnitude.astype(jnp.float64) * jnp.where(bits < 0, -_STEP, _STEP)
    return jnp.where(magnitude < 1 << 23, small, x.astype(jnp.float64))


@jax.custom_jvp
def _narrowed(x: jax.Array) -> jax.Array:
    """float64 to float32, subnormal results by their bits."""
    small = jnp.abs(x) < _SMALLEST
    steps = jnp.rint(jnp.where(small, jnp.abs(x), 0.0) / _STEP).astype(jnp.int32)
    bits = jnp.where(x < 0.0, steps | jnp.int32(-(2**31)), steps)
    return jnp.where(small, jax.lax.bitcast_convert_type(bits, jnp.float32), x.astype(jnp.float32))


def _linear(function: Any, *static: Any) -> Any:
    """The derivative of a change of dtype, which is the same change; traced when `run` is over."""

    def rule(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
        with jax.enable_x64(True):  # noqa: FBT003  jax takes it by position alone
            y = function(*primals, *static)
            return y, tangents[0].astype(y.dtype)

    return rule


_widened.defjvp(_linear(_widened))
_narrowed.defjvp(_linear(_narrowed))


def run(x: jax.Array, spec: Spec) -> jax.Array:
    """Execute `spec` on an array or a tracer."""
    with jax.enable_x64(True):  # noqa: FBT003  jax takes it by position alone
        return _run(x, spec)


@partial(jax.jit, static_argnums=1)
def _run(x: jax.Array, spec: Spec) -> jax.Array:
    return generic.execute(x, spec, _XP, {Pass: convolve, Reduce: reduce})


# Up to this many taps the loop is unrolled, and XLA fuses it into one; a longer one would take seconds to compile.
_UNROLLED = 8


def convolve(frame: Frame, x: jax.Array, step: Pass) -> jax.Array:
    """`steps.Pass` as a loop over the taps that XLA keeps a loop."""
    axis, table = frame.axis(step.axis), step.taps
    integer = step.kind == "u8"
    weights = _convolve.host_weights(frame, step)
    inside = (np.arange(table.n_taps)[:, None] < table.size).reshape(weights.shape)
    indices = _convolve.host_indices(step, x.shape[axis])
    taps = tuple(jnp.asarray(array) for array in (indices, weights, inside))

    def term(index: jax.Array, weight: jax.Array, valid: jax.Array) -> jax.Array:
        product = _XP.astype(jnp.take(x, index, axis=axis, mode="clip"), weight.dtype) * weight
        if integer:
            return product
        # XLA would fuse the product into the sum, which rounds once where Pillow rounds twice. A select in between
        # stops it on the CPU, where no barrier does; it is needed anyway, because 0 * inf is NaN.
        return jnp.where(valid & (product == product), product, jnp.where(valid, jnp.nan, 0.0))  # noqa: PLR0124  NaN

    def add(total: jax.Array, tap: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
        return total + term(*tap), None

    # The loop begins with the first term, which is sharded as `x` is, where zeros would not be.
    first = term(*(array[0] for array in taps))
    if not integer:
        first = jnp.where(first == 0.0, 0.0, first)  # Pillow starts from +0.0, which turns -0.0 into 0.0
    total, _ = jax.lax.scan(add, first, tuple(array[1:] for array in taps), unroll=min(table.n_taps, _UNROLLED))
    y = _to_half(total, x.dtype) if _round.is_half(x.dtype) else _convolve.finish(frame, total, x, step)
    # Without a barrier XLA may keep more than the dtype holds from one pass to the next ("excess precision").
    return jax.lax.optimization_barrier(y)


def reduce(frame: Frame, x: jax.Array, step: Reduce) -> jax.Array:
    """`steps.Reduce`, its sums in a loop too."""
    if not _round.is_half(x.dtype):
        return _reduce.reduce(frame, x, step, _fold)
    mean = _reduce.reduce(frame, x.astype(jnp.float64), step, _fold)
    return jax.lax.optimization_barrier(_to_half(mean, x.dtype))


def _fold(_: Any, addends: jax.Array) -> jax.Array:
    """Doubles added in order along the first axis."""

    def add(total: jax.Array, addend: jax.Array) -> tuple[jax.Array, None]:
        return total + _XP.astype(addend, jnp.float64), None

    total, _none = jax.lax.scan(add, _XP.astype(addends[0], jnp.float64), addends[1:])
    return total


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _to_half(total: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """float64 to a half float in a single rounding, which cannot be differentiated as it is written."""
    # Without a barrier XLA may take the double for its float32 ("excess precision"), and nothing would seem lost.
    single = jax.lax.optimization_barrier(total.astype(jnp.float32))
    return _round.to_odd(jnp, total, single).astype(jnp.float32).astype(dtype)


_to_half.defjvp(lambda dtype, primals, tangents: _linear(_to_half, dtype)(primals, tangents))
