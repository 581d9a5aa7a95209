"""The generic steps and the public verbs trace: under `jax.jit` and `torch.compile`, bytes as eager."""

from __future__ import annotations

import importlib
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


# torch's own, on first use of its compiler.
quiet = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@quiet
@pytest.mark.parametrize("dynamic", [None, True])
def test_one_compiled_function_takes_images_of_any_size(dynamic: bool | None) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.compiler.reset()

    def shrink(x: Any) -> Any:
        return portresize.resize(x, (12, 50), layout="NHWC", reducing_gap=1.5), portresize.reduce(x, 3, layout="NHWC")

    compiled = torch.compile(shrink, fullgraph=True, backend="aot_eager", dynamic=dynamic)
    for image in (NOISE, NOISE[:, 3:], NOISE[:1, :, 7:]):
        for result, expected in zip(compiled(torch.from_numpy(image.copy())), shrink(image), strict=True):
            assert_same(result.numpy(), expected)


@quiet
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.bool_])
def test_the_default_compiler_gives_the_same_bytes(dtype: type) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.compiler.reset()
    image: np.ndarray = (NOISE[0, ..., 0] * 3.7).astype(dtype)
    compiled = torch.compile(lambda x: portresize.resize(x, (12, 50), "bilinear"), fullgraph=True)
    result = compiled(torch.from_numpy(image.copy()))
    assert_same(result.numpy(), portresize.resize(image, (12, 50), "bilinear"))
    compiled = torch.compile(lambda x: portresize.reduce(x, (3, 2), box=(1, 2, 30, 29)), fullgraph=True)
    if dtype in {np.uint8, np.int32, np.float32}:
        result = compiled(torch.from_numpy(image.copy()))
        assert_same(result.numpy(), portresize.reduce(image, (3, 2), box=(1, 2, 30, 29)))


@quiet
def test_the_generic_steps_are_traced_by_torch_compile() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    importlib.import_module("torch._dynamo.backends.common")
    from torch._dynamo import nonstrict_trace

    torch.compiler.reset()
    graphs = []

    def keep(graph: Any, _: Any) -> Any:
        graphs.append(graph)
        return graph

    backend = torch._dynamo.backends.common.aot_autograd(fw_compiler=keep)
    # Planning is numpy's and stays outside the graph; every operation on the image is in it.
    traced = nonstrict_trace(lambda x: generic.run(x, SPEC))
    compiled = torch.compile(traced, fullgraph=True, backend=backend)
    assert_same(compiled(torch.from_numpy(NOISE)).numpy(), EXPECTED)
    assert len(graphs) == 1
    assert sum(node.op == "call_function" for node in graphs[0].graph.nodes) > 100


@quiet
def test_a_compiled_float_image_keeps_its_gradient() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.compiler.reset()
    image = torch.rand(9, 11, dtype=torch.float64)

    def total(x: Any) -> Any:
        return (portresize.resize(x, (4, 13)) ** 2).sum()

    eager, compiled = (image.clone().requires_grad_() for _ in range(2))
    total(eager).backward()
    torch.compile(total, fullgraph=True, backend="aot_eager")(compiled).backward()
    assert torch.equal(eager.grad, compiled.grad)


@pytest.mark.filterwarnings("ignore")  # torch has several opinions on its own tracer.
def test_a_traced_function_is_refused_instead_of_frozen() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    image = torch.zeros((64, 48, 3), dtype=torch.uint8)
    with pytest.raises(TypeError, match=r"no backend under torch\.jit\.trace; use torch\.compile or torch\.export"):
        torch.jit.trace(lambda x: portresize.resize(x, (20, 20), layout="HWC"), image, check_trace=False)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("verb", ["fit", "pad", "contain", "cover", "thumbnail", "scale", "module"])
def test_a_traced_function_is_refused_before_its_sizes_are_used(verb: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from portresize.torch import Resize

    image = torch.zeros((3, 64, 48), dtype=torch.uint8)
    given: dict[str, Any] = {"scale": 0.5, "module": 16}
    words = [given.get(verb, (20, 20))]
    act = Resize(*words) if verb == "module" else lambda x: getattr(portresize, verb)(x, *words, layout="CHW")
    with pytest.raises(TypeError, match=r"no backend under torch\.jit\.trace; use torch\.compile or torch\.export"):
        torch.jit.trace(act, image, check_trace=False)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.uint16])
def test_resize_runs_in_shard_map_and_under_explicit_sharding(dtype: type) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    from jax.sharding import AxisType, NamedSharding, PartitionSpec

    image: np.ndarray = NOISE[..., 0].astype(dtype)

    def shrink(x: Any) -> Any:
        return portresize.resize(x, (12, 50), layout="NHW")

    # One device has the same types as many.
    mesh = jax.make_mesh((1,), ("batch",), axis_types=(AxisType.Explicit,))
    spec = PartitionSpec("batch")
    with jax.set_mesh(mesh):
        placed = jax.device_put(image, NamedSharding(mesh, spec))
        assert_same(np.asarray(jax.jit(shrink)(placed)), shrink(image))
    mapped = jax.shard_map(shrink, mesh=mesh, in_specs=spec, out_specs=spec)
    with jax.set_mesh(mesh):
        assert_same(np.asarray(jax.jit(mapped)(placed)), shrink(image))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint16, np.float32, np.float16])
def test_resize_promotes_no_dtype_in_jax(dtype: type) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    image: np.ndarray = NOISE[0, ..., 0].astype(dtype)
    with jax.numpy_dtype_promotion("strict"):
        for words in ({}, {"reducing_gap": 1.0} if dtype != np.uint16 else {"box": (1, 2, 30, 29)}):
            result = portresize.resize(jax.numpy.asarray(image), (5, 7), **words)
            assert_same(np.asarray(result), portresize.resize(image, (5, 7), **words))


def test_resize_is_differentiable_in_jax() -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    image = np.random.default_rng(4).standard_normal((9, 11)).astype(np.float32)
    grad = jax.grad(lambda x: portresize.resize(x, (4, 5)).sum())(image)
    ones = np.ones((9, 11), np.float32)
    total = float(portresize.resize(ones, (4, 5)).sum())
    assert np.isclose(float((grad * ones).sum()), total, rtol=1e-5)
