"""Numbers: small, huge, not finite, of other libraries, and what only looks like one."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np

from tests.hostile import objects
from tests.hostile.values import BEYOND, HUGE, LARGEST_SIDE, Value, constant

_INTEGERS: tuple[int, ...] = (
    0,
    1,
    2,
    3,
    7,
    16,
    33,
    255,
    256,
    -1,
    -2,
    -(2**31),
    -(2**63),
    -(2**63) - 1,
    -(10**400),
    *HUGE,
    BEYOND + 1,
)
_INTEGERS += (2**62, 2**63 - 1, 2**63, 2**64, 10**30, 10**309, 10**400, 10**5000)
_FLOATS: tuple[float, ...] = (
    0.0,
    -0.0,
    0.5,
    1.0,
    1.5,
    2.0,
    2.999999999999999,
    1e-320,
    5e-324,
    -1e-320,
    1e-9,
    1e18,
    1e300,
    -1e300,
)
_FLOATS += (math.nan, math.inf, -math.inf, 2.0**53, 2.0**63, 1.7976931348623157e308, 255.0, 255.5, 256.0, -0.5)
_OTHERS: tuple[tuple[str, Any], ...] = (
    ("None", None),
    ("True", True),
    ("False", False),
    ("Ellipsis", ...),
    ("NotImplemented", NotImplemented),
    ("int", int),
    ("1j", 1j),
    ("complex nan", complex(math.nan, math.inf)),
    ("Decimal 3", Decimal(3)),
    ("Decimal nan", Decimal("nan")),
    ("Decimal snan", Decimal("snan")),
    ("Decimal 1e999999", Decimal("1e999999")),
    ("Fraction 1/3", Fraction(1, 3)),
    ("Fraction 10**400", Fraction(10**400)),
    ("text", "3"),
    ("bytes", b"3"),
    ("numpy int8", np.int8(3)),
    ("numpy uint64", np.uint64(2**64 - 1)),
    ("numpy int64", np.int64(-(2**63))),
    ("numpy float16", np.float16(3)),
    ("numpy float32 nan", np.float32(math.nan)),
    ("numpy longdouble", np.longdouble("1e4000")),
    ("numpy bool", np.True_),
    ("numpy complex", np.complex64(3)),
    ("numpy timedelta", np.timedelta64(3, "s")),
    ("numpy datetime", np.datetime64("NaT")),
    ("numpy text", np.str_("3")),
    ("numpy void", np.void(b"abc")),
    ("array of no axes", np.asarray(3)),
    ("array of no axes and objects", np.asarray(None)),
    ("array of one", np.asarray([3])),
    ("structured", np.zeros((), "i4,f4")[()]),
)


def draw(random: Random) -> Value:
    """Any number, or what is none."""
    turn = random.random()
    if turn < 0.25:
        value = random.choice(_INTEGERS)
        return constant(
            value,
            f"{value:.3g}" if abs(value) < 10**300 else f"{'-' * (value < 0)}10**{300 + (abs(value) > 10**309) * 100}+",
        )
    if turn < 0.5:
        return constant(random.choice(_FLOATS))
    if turn < 0.7:
        name, value = random.choice(_OTHERS)
        return constant(value, name)
    if turn < 0.75:
        return _of_libraries(random)
    if turn < 0.8:
        return objects.fickle(random)
    return objects.draw(random)


def _of_libraries(random: Random) -> Value:
    """A number that is an array of another library."""
    name = random.choice(("torch", "torch meta", "torch float", "jax", "jax float", "strict"))

    def make() -> Any:
        if name.startswith("torch"):
            import torch

            return torch.tensor(3.5 if name == "torch float" else 3, device="meta" if name == "torch meta" else "cpu")
        if name.startswith("jax"):
            import jax.numpy as jnp

            return jnp.asarray(3.5 if name == "jax float" else 3)
        import array_api_strict

        return array_api_strict.asarray(3)

    return Value(f"number of {name}", make)


def side(random: Random) -> Value:
    """A good length."""
    if random.random() < 0.02:
        return constant(random.choice(HUGE))
    return constant(random.choice((1, 2, 5, 9, 16, 31, 64, random.randint(1, LARGEST_SIDE))))
