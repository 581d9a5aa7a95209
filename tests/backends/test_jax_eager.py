"""Concrete arrays of jax outside of any program: as numpy's, where they lie, and nothing of a call is kept."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import portresize
from portresize._core.report import assert_same
from tests.serving import without_kernels

if importlib.util.find_spec("jax") is None:
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp

from portresize._backends import _host

ROOT = Path(__file__).parents[2]
RANDOM = np.random.default_rng(5)
NOISE = RANDOM.integers(0, 256, (40, 31, 3), np.uint8)
FLOATS = RANDOM.standard_normal((9, 11)).astype(np.float32)
DTYPES = ["uint8", "uint16", "int32", "bool", "float32", "float64", "float16", "bfloat16"]

Act = Callable[[Any], Any]
ACTS: dict[str, Act] = {
    "resize": lambda x: portresize.resize(x, (13, 20), "lanczos", layout="HWC", box=(0.5, 1, 30, 39)),
    "enlarge": lambda x: portresize.resize(x, (50, 60), layout="HWC"),
    "nearest": lambda x: portresize.resize(x, (13, 20), "nearest", layout="HWC"),
    "copy": lambda x: portresize.resize(x, (40, 31), layout="HWC"),
    "crop": lambda x: portresize.resize(x, (5, 6), layout="HWC", box=(1, 2, 7, 7)),
    "pad": lambda x: portresize.pad(x, (70, 60), layout="HWC"),
}


@pytest.fixture
def compiled() -> Iterator[list[str]]:
    """What jax compiles."""
    found: list[str] = []

    def listen(name: str, *_: Any, **__: Any) -> None:
        if "backend_compile" in name:
            found.append(name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield found
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.fixture(params=["kernels", "steps"])
def served(request: pytest.FixtureRequest) -> Iterator[None]:
    """By either."""
    with without_kernels() if request.param == "steps" else nullcontext():
        yield


def _made(dtype: str, is_committed: bool = False) -> jax.Array:
    with jax.enable_x64(True):
        host = (NOISE / 255 - 0.5) if dtype.endswith(("float16", "32", "64")) and dtype != "int32" else NOISE % 255
        host = host.astype(jnp.dtype(dtype)) if dtype != "bool" else NOISE > 99
        return jax.device_put(host, jax.devices()[0] if is_committed else None)


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_array_is_resized_as_numpys(dtype: str, act: str, compiled: list[str]) -> None:
    image = _made(dtype)
    host = np.array(image)
    compiled.clear()
    result = ACTS[act](image)
    assert compiled == []
    assert isinstance(result, jax.Array)
    assert (result.dtype, result.weak_type) == (image.dtype, False)
    expected = ACTS[act](host)
    assert np.asarray(result).tobytes() == expected.tobytes()
    assert result.shape == expected.shape
    assert np.asarray(image).tobytes() == host.tobytes()


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_result_is_committed_as_the_image_is(is_committed: bool) -> None:
    image = _made("uint8", is_committed)
    result = ACTS["resize"](image)
    assert result.committed == is_committed
    assert result.sharding == image.sharding


def test_a_result_is_not_a_view_of_the_image() -> None:
    image = _made("uint8")
    expected = np.array(image)
    results = [ACTS["copy"](image), ACTS["copy"](image)]
    image.delete()
    results.pop().delete()
    assert_same(np.asarray(results[0]), expected)


@pytest.mark.filterwarnings("ignore:Some donated buffers:UserWarning")
def test_an_image_and_a_result_may_be_donated() -> None:
    image = jax.device_put(np.zeros((40, 31, 3), np.float32))
    result = ACTS["copy"](image)
    add = jax.jit(lambda x: x + 1, donate_argnums=0)
    for array in (image, result):
        assert float(add(array).sum()) == array.size
        assert array.is_deleted()
    with pytest.raises((RuntimeError, ValueError), match="deleted"):
        ACTS["copy"](image)


@pytest.mark.parametrize("guard", ["disallow", "disallow_explicit"])
def test_nothing_leaves_the_machine(guard: str) -> None:
    image = _made("uint8")
    with jax.transfer_guard(guard):
        result = ACTS["resize"](image)
    assert_same(np.asarray(result), ACTS["resize"](NOISE % 255))


def test_derivatives_compile_nothing_of_ours(compiled: list[str]) -> None:
    x = jax.device_put(FLOATS)
    _, back = jax.vjp(lambda x: portresize.resize(x, (4, 13)), x)
    y = jax.device_put(np.ones((4, 13), np.float32))
    compiled.clear()
    (gradient,) = back(y)
    assert compiled == []
    expected = jax.jit(jax.grad(lambda x: portresize.resize(x, (4, 13)).sum()))(x)
    assert_same(np.asarray(gradient), np.asarray(expected))
    with without_kernels():
        assert_same(np.asarray(back(y)[0]), np.asarray(expected))


@pytest.mark.parametrize("number", [1, 3])
def test_a_call_has_the_threads_that_it_was_given(number: int) -> None:
    asked = []
    run = _host.run

    def spy(*words: Any) -> Any:
        asked.append(portresize._core.threads.number_of_threads())
        return run(*words)

    with portresize.threads(number):
        _, linear = jax.linearize(lambda x: portresize.resize(x, (4, 13)), jax.device_put(FLOATS))
    with mock.patch.object(_host, "run", spy):
        linear(jax.device_put(FLOATS))
    assert asked == [number]


def _megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _boxes(image: jax.Array, count: int, first: int = 0, layout: str = "HWC") -> None:
    for i in range(first, first + count):
        portresize.resize(image, (20, 20 + i % 5), box=(0, 0, 20 + i / 100, 30), layout=layout)


def test_new_boxes_compile_nothing(compiled: list[str]) -> None:
    image = _made("uint8")
    _boxes(image, 1)
    compiled.clear()
    _boxes(image, 300)
    assert compiled == []


ALONE = """
import json, jax, numpy as np
from tests.backends.test_jax_eager import _boxes, _megabytes
image = jax.device_put(np.zeros((40, 31, 3), np.uint8))
_boxes(image, 200)
before = _megabytes()
_boxes(image, 300, 200)
print(json.dumps(_megabytes() - before))
"""
TOGETHER = """
import json, jax, numpy as np, portresize
from jax.sharding import NamedSharding, PartitionSpec as P
from portresize._backends import jax as backend
from tests.backends.test_jax_eager import _boxes, _megabytes
mesh = jax.make_mesh((2,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
image = jax.device_put(np.zeros((2, 40, 31, 3), np.uint8), NamedSharding(mesh, P("d")))
_boxes(image, 70, layout="NHWC")
before = _megabytes()
_boxes(image, 70, 70, layout="NHWC")
assert backend._program.cache_info().currsize <= 64
print(json.dumps(_megabytes() - before))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not say how much memory it gives")
@pytest.mark.parametrize(("program", "most"), [(ALONE, 8), (TOGETHER, 30)], ids=["one device", "two devices"])
def test_memory_does_not_grow_with_every_box(program: str, most: float) -> None:
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    child = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr[-3000:]
    # A program keeps 1.4 MiB: 300 were 436 MiB, and 70 are 98.
    assert json.loads(child.stdout) < most


# NaN and infinities that a caller looks for.

HOLE = np.where(np.eye(9) > 0, np.nan, 1).astype(np.float32)


def _shrunk(x: Any) -> Any:
    return portresize.resize(x, (4, 4))


def _without_jit(x: Any) -> Any:
    with jax.disable_jit():
        return _shrunk(x)


# Of an image of 9 by 9 and one of 4 by 4, each with such a number, and an image of ones.
SPECIAL: dict[str, Callable[[Any, Any, Any], Any]] = {
    "eager": lambda image, *_: _shrunk(image),
    "jit": lambda image, *_: jax.jit(_shrunk)(image),
    "jit switched off": lambda image, *_: _without_jit(image),
    "jvp": lambda image, _, ones: jax.jvp(_shrunk, (ones,), (image,)),
    "vjp": lambda _, small, ones: jax.vjp(_shrunk, ones)[1](small),
    "transpose": lambda _, small, ones: jax.linear_transpose(_shrunk, ones)(small),
    "jit of transpose": lambda _, small, ones: jax.jit(jax.linear_transpose(_shrunk, ones))(small),
    "jit of vmap": lambda image, *_: jax.jit(jax.vmap(_shrunk))(image[None]),
}


@pytest.mark.parametrize("way", SPECIAL)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_nan_is_found_where_it_is_looked_for(way: str, dtype: str) -> None:
    images = (HOLE, HOLE[:4, :4], np.ones((9, 9)))
    image, small, ones = (jax.device_put(x.astype(jnp.dtype(dtype))) for x in images)
    with jax.debug_nans(True), pytest.raises(FloatingPointError, match=r"invalid value \(nan\) encountered in "):
        SPECIAL[way](image, small, ones)
    SPECIAL[way](image, small, ones)


def test_infinity_is_found_where_it_is_looked_for() -> None:
    image = jax.device_put(np.full((9, 9), np.inf, np.float32))
    with jax.debug_nans(True):
        portresize.resize(image, (4, 4), "nearest")
    with jax.debug_infs(True), pytest.raises(FloatingPointError, match=r"^invalid value \(inf\) .* in portresize$"):
        portresize.resize(image, (4, 4), "nearest")


SHARDED = """
import jax, numpy as np, portresize
from jax.sharding import NamedSharding, PartitionSpec as P
mesh = jax.make_mesh((2,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
image = jax.device_put(np.full((2, 9, 9), np.nan, np.float32), NamedSharding(mesh, P("d")))
for act in (lambda x: x, jax.jit):
    with jax.debug_nans(True):
        try:
            act(lambda x: portresize.resize(x, (4, 4), layout="NHW"))(image)
        except FloatingPointError as error:
            print(error)
"""


def test_nan_is_found_on_several_devices() -> None:
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    child = subprocess.run(
        [sys.executable, "-c", SHARDED], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert child.stdout.splitlines()[-1:] == ["invalid value (nan) encountered in portresize"], child.stderr[-3000:]
    assert child.stdout.count("invalid value (nan) encountered in portresize") == 2
