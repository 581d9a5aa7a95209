"""bfloat16 on the CPU as float32 that hold its values: XLA copies bfloat16 by way of float32, and loses subnormal ones.

Only the bits are converted, at the beginning and at the end of a program.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from portresize._backends import _round, _xla_double

_SMALLEST = 2.0**-126  # Number that is not subnormal, in float32 as well.
_STEP = 2.0**-133
_LOW_HALF = 0xFFFF


def single_of(x: jax.Array) -> jax.Array:
    """Return bfloat16 as float32."""
    bits = jax.lax.bitcast_convert_type(x, jnp.int16).astype(jnp.int32) << 16
    return jax.lax.bitcast_convert_type(bits, jnp.float32)


def of_single(x: jax.Array) -> jax.Array:
    """Return float32 that hold values of bfloat16 as such."""
    bits = (jax.lax.bitcast_convert_type(x, jnp.int32) >> 16).astype(jnp.int16)
    return jax.lax.bitcast_convert_type(bits, jnp.bfloat16)


class Namespace(_xla_double.Namespace):
    """jax.numpy in which float64 becomes a float32 that holds a value of bfloat16, rounded once."""

    @staticmethod
    def astype(x: jax.Array, dtype: Any) -> jax.Array:
        """Return `x` as `dtype`."""
        if not (x.dtype == jnp.float64 and dtype == jnp.float32):
            return _xla_double.Namespace.astype(x, dtype)
        small = jnp.abs(x) < _SMALLEST
        steps = jnp.rint(jnp.where(small, jnp.abs(x), 0.0) / _STEP).astype(jnp.int32) << 16
        subnormal = jnp.where(x < 0.0, steps | jnp.iinfo(jnp.int32).min, steps)
        bits = jax.lax.bitcast_convert_type(_round.to_odd(jnp, x, x.astype(jnp.float32)).astype(jnp.float32), jnp.int32)
        # To nearest, halves to even. What has no bits to lose keeps them: infinity, and NaN with its first bit set.
        nearest = (bits + (_LOW_HALF >> 1) + ((bits >> 16) & 1)) & ~_LOW_HALF
        rounded = jnp.where(jnp.isnan(x), 0x7FC00000, nearest)
        return jax.lax.bitcast_convert_type(jnp.where(small, subnormal, rounded), jnp.float32)


XP = Namespace()
