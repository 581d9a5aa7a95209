"""Floats of XLA on the CPU as those of IEEE 754: it takes subnormal numbers for zeros, and rounds twice to half floats.

Subnormal numbers, those next to zero, are read and written by their bits. Sums in double need no more than that unless
the samples are doubles themselves: see `_xla_gradual`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from portresize._backends import _round


class _Form(NamedTuple):
    """How a dtype shorter than float64 holds a number: in which integer, and with how many bits after the point."""

    bits: Any
    fraction: int
    smallest: float  # Number that is not subnormal.

    @property
    def step(self) -> float:
        """Difference between two subnormal numbers."""
        return self.smallest * 2.0**-self.fraction


_FORMS = {
    "float32": _Form(jnp.int32, 23, 2.0**-126),
    "float16": _Form(jnp.int16, 10, 2.0**-14),
    "bfloat16": _Form(jnp.int16, 7, 2.0**-126),
}


class Namespace:
    """jax.numpy with the floats of IEEE 754, but for operations on subnormal float64."""

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)

    @staticmethod
    def astype(x: jax.Array, dtype: Any) -> jax.Array:
        """Return `x` as `dtype`, rounded once."""
        if x.dtype.name in _FORMS and dtype == jnp.float64:
            return _widened(x)
        if x.dtype == jnp.float64 and jnp.dtype(dtype).name in _FORMS:
            return _narrowed(x, jnp.dtype(dtype))
        return x.astype(dtype)

    @staticmethod
    def add(a: jax.Array, b: jax.Array) -> jax.Array:
        """Return the sum in the type of both; of float32 by way of float64, which rounds to the same."""
        return _narrowed(_widened(a) + _widened(b), a.dtype) if a.dtype == jnp.float32 else a + b


XP = Namespace()


def _widened(x: jax.Array) -> jax.Array:
    """Convert to float64, subnormal numbers by their bits."""
    form = _FORMS[x.dtype.name]
    bits = jax.lax.bitcast_convert_type(x, form.bits)
    magnitude = bits & jnp.iinfo(form.bits).max
    small = magnitude.astype(jnp.float64) * jnp.where(bits < 0, -form.step, form.step)
    return jnp.where(magnitude < 1 << form.fraction, small, x.astype(jnp.float64))


def _narrowed(x: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """Convert float64 to a shorter float, subnormal results by their bits."""
    form = _FORMS[dtype.name]
    small = jnp.abs(x) < form.smallest
    steps = jnp.rint(jnp.where(small, jnp.abs(x), 0.0) / form.step).astype(form.bits)
    bits = jnp.where(x < 0.0, steps | jnp.iinfo(form.bits).min, steps)
    rounded = _to_half(x, dtype) if _round.is_half(dtype) else x.astype(dtype)
    return jnp.where(small, jax.lax.bitcast_convert_type(bits, dtype), rounded)


def _to_half(total: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """Convert float64 to a half float in a single rounding."""
    # Without a barrier XLA may take the double for its float32 ("excess precision"), and nothing would seem lost.
    single = jax.lax.optimization_barrier(total.astype(jnp.float32))
    return _round.to_odd(jnp, total, single).astype(jnp.float32).astype(dtype)
