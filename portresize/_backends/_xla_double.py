"""Conversions between doubles and shorter floats that XLA does not get right everywhere: they round once, as in C."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from portresize._backends import _round

_SMALLEST = 2.0**-126
_STEP = 2.0**-149


class Namespace:
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


XP = Namespace()


def _widened(x: jax.Array) -> jax.Array:
    """float32 to float64, subnormal numbers by their bits."""
    bits = jax.lax.bitcast_convert_type(x, jnp.int32)
    magnitude = bits & 0x7FFFFFFF
    small = magnitude.astype(jnp.float64) * jnp.where(bits < 0, -_STEP, _STEP)
    return jnp.where(magnitude < 1 << 23, small, x.astype(jnp.float64))


def _narrowed(x: jax.Array) -> jax.Array:
    """float64 to float32, subnormal results by their bits."""
    small = jnp.abs(x) < _SMALLEST
    steps = jnp.rint(jnp.where(small, jnp.abs(x), 0.0) / _STEP).astype(jnp.int32)
    bits = jnp.where(x < 0.0, steps | jnp.int32(-(2**31)), steps)
    return jnp.where(small, jax.lax.bitcast_convert_type(bits, jnp.float32), x.astype(jnp.float32))


def to_half(total: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """float64 to a half float in a single rounding."""
    # Without a barrier XLA may take the double for its float32 ("excess precision"), and nothing would seem lost.
    single = jax.lax.optimization_barrier(total.astype(jnp.float32))
    return _round.to_odd(jnp, total, single).astype(jnp.float32).astype(dtype)
