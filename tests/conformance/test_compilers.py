"""The generic steps and the public verbs trace: under `jax.jit` and `torch.compile`, bytes as eager."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import portresize
from portresize._backends import generic
from portresize._core.report import assert_same
from portresize._core.spec import Spec

NOISE = np.random.default_rng(3).integers(0, 256, (2, 31, 40, 4), np.uint8)
SPEC = Spec("NHWC", "RGBA", "pillow-13", size=(12, 50), reducing_gap=1.5, box=(0.5, 1.0, 39.0, 31.0))
WORDS: dict[str, Any] = {"reducing_gap": 1.5, "box": (0.5, 1.0, 39.0, 31.0), "layout": "NHWC"}
EXPECTED = portresize.resize(NOISE, (12, 50), **WORDS)


def test_the_generic_steps_run_under_jit() -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    compiled = jax.jit(lambda x: generic.run(x, SPEC))
    assert_same(np.asarray(compiled(jax.numpy.asarray(NOISE))), EXPECTED)


@pytest.mark.parametrize("mode", ["RGBA", "I", "I;16", "F"])
def test_resize_runs_under_jit_and_vmap(mode: str) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    noise = NOISE if mode == "RGBA" else NOISE[..., 0].astype({"I": np.int32, "I;16": np.uint16, "F": np.float32}[mode])
    layout = "HWC" if mode == "RGBA" else "HW"

    def shrink(x: Any) -> Any:
        return portresize.resize(x, (12, 50), "bilinear", layout=layout)

    expected = np.stack([shrink(image) for image in noise])
    assert_same(np.asarray(jax.jit(jax.vmap(shrink))(noise)), expected)
    assert_same(np.asarray(jax.vmap(jax.jit(shrink))(noise)), expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # its own, on first use of the compiler
def test_resize_runs_under_torch_compile() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")

    def shrink(x: Any) -> Any:
        return portresize.resize(x, (12, 50), **WORDS)

    compiled = torch.compile(shrink, fullgraph=True, backend="aot_eager")
    assert_same(compiled(torch.from_numpy(NOISE)).numpy(), EXPECTED)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_generic_steps_run_under_torch_compile() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from torch._dynamo import nonstrict_trace

    traced = nonstrict_trace(lambda x: generic.run(x, SPEC))
    compiled = torch.compile(traced, fullgraph=True, backend="aot_eager")
    assert_same(compiled(torch.from_numpy(NOISE)).numpy(), EXPECTED)


def test_resize_is_differentiable_in_jax() -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    image = np.random.default_rng(4).standard_normal((9, 11)).astype(np.float32)
    grad = jax.grad(lambda x: portresize.resize(x, (4, 5)).sum())(image)
    ones = np.ones((9, 11), np.float32)
    total = float(portresize.resize(ones, (4, 5)).sum())
    assert np.isclose(float((grad * ones).sum()), total, rtol=1e-5)
