"""Arrays of jax: deleted, traced, leaked from a trace, of keys, of dtypes that others do not have."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

from tests.hostile import pictures
from tests.hostile.pictures import Made, Picture

_WAYS = [
    "plain",
    "plain",
    "deleted",
    "donated",
    "keys",
    "leaked",
    "leaked_grad",
    "shape",
    "literal",
    "weak",
    "scalar",
    "empty",
    "numpy_view",
    "typed",
]
_DTYPES = (
    "uint8",
    "uint8",
    "float32",
    "float16",
    "bfloat16",
    "int32",
    "int16",
    "bool",
    "uint32",
    "int4",
    "float8_e4m3fn",
)


def draw(random: Random) -> Picture:
    """Any array of jax."""
    way = random.choice(_WAYS)
    layout, shape = pictures.form(random)
    dtype, seed = random.choice(_DTYPES), random.getrandbits(32)
    return Picture(f"jax {dtype}{list(shape)} {way}", layout, lambda: _make(Random(seed), way, shape, dtype))


def _make(random: Random, way: str, shape: tuple[int, ...], dtype: str) -> Made:
    import jax
    import jax.numpy as jnp
    import numpy as np

    if way in {"keys", "donated"}:
        # Of one shape: each is a program of its own, which takes a second to compile.
        shape, dtype = (9, 8), "uint8"
    kind = "float32" if "float8" in dtype or dtype == "bfloat16" else "int8" if dtype == "int4" else dtype
    array = pictures.samples(random, shape, kind)
    x = jnp.asarray(array.astype(jnp.dtype(dtype)))
    if way == "plain":
        return Made(x, None, np.asarray(x).copy())
    if way == "deleted":
        x.delete()
    if way == "donated":
        _doubled()(x)
    if way == "keys":
        return Made(_keys())
    if way == "leaked":
        return Made(_leaked(jax.jit, x))
    if way == "leaked_grad":
        return Made(_leaked(jax.vmap, x))
    if way == "shape":
        return Made(jax.ShapeDtypeStruct(shape, dtype))
    if way == "weak":
        return Made(jnp.asarray(np.full(shape, 3)))
    if way == "scalar":
        return Made(jnp.asarray(3))
    if way == "empty":
        return Made(x[:0])
    if way == "literal":
        return Made(jax.core.ShapedArray(shape, jnp.dtype(dtype)))
    if way == "typed":
        from jax._src.literals import TypedNdArray

        return Made(TypedNdArray(array))
    return Made(x)


@cache
def _keys() -> Any:
    import jax

    return jax.random.split(jax.random.key(0), (9, 8))


@cache
def _doubled() -> Any:
    import jax

    return jax.jit(lambda y: y + y, donate_argnums=0)


def _leaked(transform: Any, x: Any) -> Any:
    found: list[Any] = []

    def keep(y: Any) -> Any:
        found.append(y)
        return y

    transform(keep)(x)
    return found[0]
