"""float64 with gradual underflow on processors that flush subnormal numbers, as XLA sets them on the CPU.

A number is kept with a flag, which says that it is a small one and was multiplied by 2**512: so nothing that is
computed with is ever subnormal. Only the conversions read and write the bits of subnormal numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from portresize._backends import _xla_double

# GRADUAL UNDERFLOW
#
# Below 2^-1022 doubles are multiples of 2^-1074. Numbers below 2^-500 are small: times 2^512 they lie between 2^-562
# and 2^12. A product with a weight, 2^-400 < |w| < 4, of a number that is not small is above 2^-900, and so needs no
# more care.
#
# A sum of two small numbers is that of their multiples: both are multiples of 2^-1074, and so is their sum, also
# rounded. Of a small number and another one, the sum in full range loses nothing but what is below 2^-1022, and that is
# less than a 2^400th of the last place of the other.
#
# A product of a small number below 2^-1022 has to be rounded to a multiple of 2^-1074, once. Rounded to 53 bits first,
# it may come to lie halfway between two multiples; the side on which it was says which is nearer. The error of
# the first rounding is exact: the halves of both factors have 26 and 27 bits, and their products 53 (Dekker 1971).
_SCALE = 2.0**512
_BACK = 2.0**-512
_SMALL = 2.0**-500
_SMALLEST_SCALED = 2.0**-510
_STEP_SCALED = 2.0**-562
_PER_STEP_SCALED = 2.0**562
_FRACTION = 52
_LOW_HALF = (1 << 27) - 1


class Number(NamedTuple):
    """`value`, or `value * 2**-512` where `is_small`: two arrays of one shape."""

    value: jax.Array
    is_small: jax.Array


class Weight(NamedTuple):
    """A factor, and its halves of 26 bits, of which it is the sum."""

    whole: Any
    high: Any
    low: Any


def of(x: jax.Array) -> Number:
    """Read float64."""
    bits = jax.lax.bitcast_convert_type(x, jnp.int64)
    magnitude = bits & jnp.iinfo(jnp.int64).max
    subnormal = magnitude.astype(jnp.float64) * jnp.where(bits < 0, -_STEP_SCALED, _STEP_SCALED)
    is_subnormal = magnitude < 1 << _FRACTION
    is_small = is_subnormal | (jnp.abs(x) < _SMALL)
    return Number(jnp.where(is_subnormal, subnormal, jnp.where(is_small, x * _SCALE, x)), is_small)


def to_float(number: Number) -> jax.Array:
    """Write float64."""
    value, is_small = number
    is_subnormal = is_small & (jnp.abs(value) < _SMALLEST_SCALED)
    steps = (jnp.where(is_subnormal, jnp.abs(value), 0.0) * _PER_STEP_SCALED).astype(jnp.int64)
    # -0.0 as well: a negative product may be rounded to it.
    bits = jnp.where(jnp.signbit(value), steps | jnp.iinfo(jnp.int64).min, steps)
    large = jnp.where(is_small, value * _BACK, value)
    return jnp.where(is_subnormal, jax.lax.bitcast_convert_type(bits, jnp.float64), large)


def weight(table: np.ndarray) -> Weight:
    """Halve a table of weights."""
    fraction, exponent = np.frexp(table)
    high = np.ldexp(np.rint(np.ldexp(fraction, 26)), exponent - 26)
    return Weight(table, high, table - high)


def product(number: Number, factor: Weight) -> Number:
    """Round `number * factor`."""
    value, is_small = number
    # A select between a product and a sum keeps XLA from fusing them, which rounds once where two roundings are meant.
    rounded = value * factor.whole
    rounded = jnp.where(rounded == rounded, rounded, jnp.nan)  # noqa: PLR0124  NaN
    is_subnormal = is_small & (jnp.abs(rounded) < _SMALLEST_SCALED)
    steps = jnp.where(is_subnormal, rounded * _PER_STEP_SCALED, 0.0)
    nearest = jnp.rint(steps)
    over = steps - nearest
    high = jax.lax.bitcast_convert_type(jax.lax.bitcast_convert_type(value, jnp.int64) & ~_LOW_HALF, jnp.float64)
    low = value - high
    # Of exact products, so that fusing them with the sums changes nothing.
    error = ((high * factor.high - rounded) + high * factor.low + low * factor.high) + low * factor.low
    is_beyond = (jnp.abs(over) == 0.5) & (error * over > 0.0)
    nearest = jnp.where(is_beyond, nearest + 2.0 * over, nearest)
    return _flagged(jnp.where(is_subnormal, nearest * _STEP_SCALED, rounded), is_small)


def add(a: Number, b: Number) -> Number:
    """Round `a + b`."""
    are_small = a.is_small & b.is_small
    first, second = (jnp.where(x.is_small & ~are_small, x.value * _BACK, x.value) for x in (a, b))
    return _flagged(first + second, are_small)


def _flagged(value: jax.Array, is_scaled: jax.Array) -> Number:
    """Keep small numbers, and those alone, scaled."""
    is_small = jnp.abs(value) < jnp.where(is_scaled, _SMALL * _SCALE, _SMALL)
    factor = jnp.where(is_small, jnp.where(is_scaled, 1.0, _SCALE), jnp.where(is_scaled, _BACK, 1.0))
    return Number(value * factor, is_small)


class Namespace(_xla_double.Namespace):
    """jax.numpy with the floats of IEEE 754."""

    @staticmethod
    def add(a: jax.Array, b: jax.Array) -> jax.Array:
        """Return the sum in the type of both."""
        return to_float(add(of(a), of(b))) if a.dtype == jnp.float64 else _xla_double.Namespace.add(a, b)


XP = Namespace()
