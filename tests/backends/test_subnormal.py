"""Numbers next to zero, which XLA on a CPU takes for zeros, keep their bits in every program of jax."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._core.plan import plan
from portresize._core.report import assert_same
from portresize._core.spec import Spec
from portresize._core.steps import Pass
from tests.backends.test_round import _cases, _rounded
from tests.serving import without_kernels

if importlib.util.find_spec("jax") is None:
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp
from jax import export

from portresize._backends import _xla_bfloat16, _xla_gradual

Act = Callable[[Any], Any]


def _gradient(act: Act) -> Act:
    """The map of gradients, of an image of the size of the result."""

    def back(y: Any) -> Any:
        return jax.linear_transpose(act, jax.ShapeDtypeStruct((19, 23), y.dtype))(y)[0]

    return back


ACTS: dict[str, Act] = {
    "shrink": lambda x: portresize.resize(x, (9, 7), "bilinear"),
    "lanczos": lambda x: portresize.resize(x, (9, 30), "lanczos"),
    "nearest": lambda x: portresize.resize(x, (9, 30), "nearest"),
    "beyond": lambda x: portresize.resize(x, (3, 3), "nearest", box=(22, 18, 23, 19)),
    "gap": lambda x: portresize.resize(x, (3, 4), "box", reducing_gap=1.0),
    "reduce": lambda x: portresize.reduce(x, (3, 2)),
    "pad": lambda x: portresize.pad(x, (30, 60), "nearest", color=1e-40),
}
ACTS |= {f"gradient of {name}": _gradient(ACTS[name]) for name in ("lanczos", "nearest", "gap", "reduce")}


@cache
def _image(dtype: str, kind: str) -> np.ndarray:
    """An image of numbers next to zero, or of those among all others."""
    info = jnp.finfo(dtype)
    step = float(info.smallest_subnormal)
    random = np.random.default_rng(1)
    # Twice the smallest number that is not subnormal, so that results fall on both sides of it.
    most = int(2 * float(info.smallest_normal) / step)
    small = (random.integers(-most, most, (19, 23)) * step).astype(jnp.dtype(dtype))
    if kind == "small":
        return small
    if kind == "smallest":
        return (random.integers(-3, 4, (19, 23)) * step).astype(jnp.dtype(dtype))
    if kind == "products":  # Where a product or a sum is subnormal, though nothing that was given is.
        return (small.astype(np.float64) * 64).astype(jnp.dtype(dtype))
    every = np.exp(random.uniform(np.log(step), np.log(float(info.max)) - 2, small.shape)) * random.choice(
        [-1, 1], small.shape
    )
    every = every.astype(jnp.dtype(dtype))
    return np.where(random.random(small.shape) < 0.5, small, every)


KINDS = ["small", "smallest", "products", "every"]


def _exported(act: Act, image: np.ndarray) -> Act:
    program = export.export(jax.jit(act), platforms=("cpu",))(jax.ShapeDtypeStruct(image.shape, image.dtype))
    called: Act = program.call
    return called


WAYS: dict[str, Callable[[Act, np.ndarray], Act]] = {
    "eager": lambda act, _: lambda x: act(jax.device_put(x)),
    "jit": lambda act, _: jax.jit(act),
    "export": _exported,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("name", ACTS)
def test_they_are_not_zeros(name: str, dtype: str, way: str) -> None:
    act, images = ACTS[name], [_image(dtype, kind) for kind in KINDS]
    if name.startswith("gradient of "):
        images = [np.resize(image, ACTS[name[12:]](image).shape) for image in images]
    with jax.enable_x64(dtype == "float64"):
        # By the steps of numpy, which are what an eager call of jax takes without kernels.
        with without_kernels():
            expected = [np.asarray(act(jax.device_put(image))) for image in images]
        called = WAYS[way](act, images[0])
        for image, wanted in zip(images, expected, strict=True):
            result = np.asarray(called(image))
            assert result.dtype == wanted.dtype == image.dtype
            assert_same(result.astype(np.float64), wanted.astype(np.float64))
            # And so are zeros that have a sign.
            assert result.tobytes() == wanted.tobytes() or np.isnan(wanted).any()


# What these programs are made of.


def test_every_bfloat16_keeps_its_bits() -> None:
    images = np.arange(2**16, dtype=np.uint16).view(jnp.bfloat16)
    there = jax.jit(_xla_bfloat16.single_of)(images)
    assert_same(np.asarray(there), images.astype(np.float32))
    assert np.asarray(jax.jit(_xla_bfloat16.of_single)(there)).tobytes() == images.tobytes()


def test_a_double_is_rounded_once_to_a_bfloat16_in_a_float32() -> None:
    random = np.random.default_rng(2)
    normal = np.concatenate([_cases(8), _cases(8) * 2.0**-126])
    subnormal = np.concatenate([random.uniform(-129, 129, 4000), random.integers(-260, 260, 999) / 2]) * 2.0**-133
    special = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, 3.39e38, 3.4e38, 1e300, -1e300, 1e-300, -1e-300])
    cases = np.concatenate([normal, subnormal, special])
    least = 2.0**-133

    def expected(value: float) -> float:
        if not math.isfinite(value):
            return value
        bits = min(8, math.frexp(value)[1] + 133)
        rounded = _rounded(value, bits) if bits > 0 else math.copysign(round(abs(value) / least) * least, value)
        return rounded if abs(rounded) < 2.0**128 else math.copysign(math.inf, value)

    with jax.enable_x64(True):
        convert = jax.jit(lambda x: _xla_bfloat16.XP.astype(x, jnp.float32))
        result = np.asarray(convert(cases)).astype(np.float64)
    wanted = np.array([expected(value) for value in cases.tolist()])
    # A zero has the sign of what was rounded, but that of -0.0 itself is lost: no sum is -0.0.
    assert_same(result[cases != 0], wanted[cases != 0])


def _doubles() -> tuple[np.ndarray, np.ndarray]:
    """Numbers of every size, most of them next to the smallest, and others to add or multiply with."""
    random = np.random.default_rng(3)
    n = 200_000
    exponents = np.where(random.random(n) < 0.9, random.integers(-1080, -950, n), random.integers(-1074, 1020, n))
    a = np.ldexp(random.uniform(-1, 1, n), exponents)
    b = np.where(random.random(n) < 0.5, np.roll(a, 1), np.ldexp(random.uniform(-1, 1, n), exponents))
    b[:1000] = -a[:1000]
    special = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 2.0**-1022, 1.7e308])
    pairs = np.array([(x, y) for x in special for y in special])
    return np.concatenate([a, pairs[:, 0]]), np.concatenate([b, pairs[:, 1]])


def test_sums_of_doubles_underflow_gradually() -> None:
    a, b = _doubles()
    with jax.enable_x64(True):
        result = np.asarray(jax.jit(_xla_gradual.XP.add)(a, b))
    with np.errstate(all="ignore"):
        assert_same(result, a + b)


def test_products_of_doubles_underflow_gradually() -> None:
    a, _ = _doubles()
    random = np.random.default_rng(4)
    weights = random.uniform(-2, 2, a.size)
    # Short ones, so that many products lie halfway between two multiples of the smallest number.
    weights[::3] = random.integers(-32, 33, weights[::3].size) / 16
    weights[1::3] = np.nextafter(weights[::3][: weights[1::3].size], 9.0)
    weights[np.abs(weights) < 2.0**-400] = 0.0  # Filters have no weights that are that small.

    def act(a: Any) -> Any:
        return _xla_gradual.to_float(_xla_gradual.product(_xla_gradual.of(a), _xla_gradual.weight(weights)))

    with jax.enable_x64(True):
        result = np.asarray(jax.jit(act)(a))
    with np.errstate(all="ignore"):
        assert_same(result, a * weights)


def test_no_filter_has_weights_as_small_as_that() -> None:
    least = min(
        float(np.abs(weight[weight != 0]).min())
        for n_in, n_out in ((7, 3), (64, 63), (1000, 999), (17, 4096), (4096, 17), (5, 5))
        for member in portresize.Resampling
        for step in plan(Spec("HW", "F", "pillow-13", size=(n_out, 3), resample=member), (n_in, 3)).steps
        if isinstance(step, Pass)
        for weight in [step.taps.weight]
    )
    assert least > 2.0**-200
