"""Doubles become half floats in a single rounding: near midpoints, where two would differ."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest

from portresize._backends import _round


def _cases(bits: int) -> np.ndarray:
    """Doubles at and around the midpoints of floats with `bits` bits: one and two float32 away, and fractions of it."""
    random = np.random.default_rng(bits)
    base = random.integers(2 ** (bits - 1), 2**bits, 400).astype(np.float64)
    ulp = 2.0 ** (bits - 24)  # of float32, for numbers with their last half bit at 1
    steps = np.array([0, 1, -1, 2, -2, 0.25, -0.25, 0.75, -0.75, 1.25, -1.25, 0.5, -0.5, 1e-6, -1e-6])
    near = (base[:, None] + 0.5 + steps * ulp).ravel()
    values = np.concatenate([near, base, random.uniform(0, 2**bits, 4000)])
    return np.concatenate([values, -values]) * 2.0 ** random.integers(-8, 3, values.size * 2)


def _rounded(value: float, bits: int) -> float:
    """The nearest number of `bits` bits, half to even, in exact arithmetic."""
    mantissa, exponent = math.frexp(value)
    return math.ldexp(round(math.ldexp(mantissa, bits)), exponent - bits)


@pytest.mark.parametrize(("name", "bits"), [("float16", 11), ("bfloat16", 8)])
@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_a_double_is_rounded_once(name: str, bits: int, library: str) -> None:
    cases = _cases(bits)
    expected = [_rounded(value, bits) for value in cases.tolist()]
    assert _halves(cases, name, library) == expected


def _halves(cases: np.ndarray, name: str, library: str) -> list[float]:
    namespace: Any = xp
    if library == "torch":
        torch = pytest.importorskip("torch", reason="torch is not installed")
        namespace = pytest.importorskip("array_api_compat.torch")
        result: list[float] = (
            _round.to_float(namespace, torch.from_numpy(cases), getattr(torch, name)).double().tolist()
        )
        return result
    if library == "jax":
        jax = pytest.importorskip("jax", reason="jax is not installed")
        from portresize._backends._xla_double import XP

        with jax.enable_x64(True):
            convert = jax.jit(lambda x: XP.astype(x, jax.numpy.dtype(name)))
            return list(np.asarray(convert(cases)).astype(np.float64).tolist())
    dtype = np.dtype(name) if name == "float16" else np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    return list(_round.to_float(namespace, cases, dtype).astype(np.float64).tolist())


def test_beyond_the_range_is_infinite() -> None:
    big = np.array([65519.999, 65520.0, 1e30, 3.4028234663852886e38, 1e300, -1e300, np.inf, -np.inf, np.nan])
    with np.errstate(over="ignore", invalid="ignore"):
        result = _round.to_float(xp, big, np.dtype(np.float16)).astype(np.float64)
    expected = [65504.0, math.inf, math.inf, math.inf, math.inf, -math.inf, math.inf, -math.inf, math.nan]
    assert np.array_equal(result, expected, equal_nan=True)
