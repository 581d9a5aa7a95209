"""Programs that hold torch's operator: compiled, exported, turned into ONNX; bytes as eager, errors when traced."""

from __future__ import annotations

import importlib
import importlib.util
import io
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._core.spec import Spec

torch = pytest.importorskip("torch", reason="torch is not installed")

from portresize._backends import _torch_steps
from portresize._backends import torch as backend

# torch's own, on first use of its compiler and its exporters.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

NOISE = torch.from_numpy(np.random.default_rng(29).integers(0, 256, (2, 3, 40, 50), np.uint8))


def _shrink(x: Any) -> Any:
    return portresize.resize(x, (13, 21), "lanczos", layout="NCHW")


def _chain(error: BaseException | None) -> str:
    return f"{error}\n{_chain(error.__cause__ or error.__context__)}" if error else ""


class Shrink(torch.nn.Module):  # type: ignore[name-defined]  # torch is skipped where it is not
    def __init__(self, **words: Any) -> None:
        super().__init__()
        self.words = {"resample": "lanczos"} | words

    def forward(self, x: Any) -> Any:
        return portresize.resize(x, (13, 21), layout="NCHW", **self.words)


@pytest.fixture(autouse=True)
def _forget() -> None:
    torch.compiler.reset()


# One of the default compiler, whose programs take long to build.
@pytest.mark.parametrize(("dynamic", "compiler"), [(False, "aot_eager"), (True, "aot_eager"), (True, "inductor")])
def test_a_compiled_function_and_its_gradient_give_the_same_bytes(dynamic: bool, compiler: str) -> None:
    def total(x: Any) -> Any:
        return (_shrink(x * 2) ** 2).sum()

    compiled = torch.compile(total, fullgraph=True, dynamic=dynamic, backend=compiler)
    for image in (NOISE, NOISE[:1], NOISE[:, :, 3:, 8:]):
        for order in (torch.contiguous_format, torch.channels_last):
            eager, mine = (image.to(torch.float64).to(memory_format=order).requires_grad_() for _ in range(2))
            total(eager).backward()
            compiled(mine).backward()
            assert torch.equal(mine.grad, eager.grad)
            assert mine.grad.stride() == eager.grad.stride()


def test_a_size_that_is_computed_from_the_shape_needs_no_program_of_its_own() -> None:
    def halve(x: Any) -> Any:
        return portresize.resize(x, (x.shape[2] // 2, x.shape[3] // 2), layout="NCHW")

    compiled = torch.compile(halve, fullgraph=True, dynamic=True, backend="aot_eager")
    compiled(NOISE)
    with torch.compiler.set_stance("fail_on_recompile"):
        for image in (NOISE[:, :, 3:], NOISE[:, :, :, 9:], NOISE[:, :, 7:, 20:]):
            assert torch.equal(compiled(image.contiguous()), halve(image))


def test_what_else_a_compiler_follows() -> None:
    def check(act: Any, *arguments: Any) -> None:
        torch.compiler.reset()
        compiled = torch.compile(act, fullgraph=True, backend="aot_eager")
        assert torch.equal(compiled(*arguments), act(*arguments))

    check(lambda x: portresize.resize(x, (5, 6), portresize.Resampling.LANCZOS, layout="NCHW"), NOISE)
    check(_shrink, torch.nn.Parameter(NOISE.to(torch.float32)))
    # How many there are is not known before.
    check(lambda x, kept: _shrink(x[kept]), NOISE, torch.tensor([True, False]))
    zoom = torch.compile(
        lambda x: portresize.resize(x, (5, 6), box=(0, 0, x.shape[3], x.shape[2] / 2), layout="NCHW"),
        fullgraph=True,
        dynamic=True,
        backend="aot_eager",
    )
    small = torch.compile(lambda x: portresize.thumbnail(x, (9, 9), layout="NCHW"), fullgraph=True, backend="aot_eager")
    for image in (NOISE, NOISE[:, :, 3:], NOISE[:, :, :, 20:]):
        box = (0, 0, image.shape[3], image.shape[2] / 2)
        assert torch.equal(zoom(image), portresize.resize(image, (5, 6), box=box, layout="NCHW"))
        assert torch.equal(small(image), portresize.thumbnail(image, (9, 9), layout="NCHW"))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # Its compiler looks at all tensors.
def test_a_compiled_backward_pass() -> None:
    eager, mine = (NOISE.to(torch.float64).requires_grad_() for _ in range(2))
    compiled_autograd = importlib.import_module("torch._dynamo.compiled_autograd")
    _shrink(eager).square().sum().backward()
    total = _shrink(mine).square().sum()
    with compiled_autograd._enable(torch.compile(fullgraph=True, backend="aot_eager")):
        total.backward()
    assert torch.equal(mine.grad, eager.grad)


def test_programs_that_pass_nothing_for_an_empty_list() -> None:
    words = [*_torch_steps.words(Spec("NCHW", "RGB", "pillow-13", (13, 21), 1)), None, 0.0, None, None, [0.0], None]
    assert torch.equal(_torch_steps.execute(NOISE, *_torch_steps.read(tuple(words))), _shrink(NOISE))


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiled_bytes_of_any_order_in_memory(dynamic: bool) -> None:
    compiled = torch.compile(lambda x: _shrink(x ^ 255) + 1, fullgraph=True, dynamic=dynamic, backend="aot_eager")
    for image in (NOISE, NOISE.to(memory_format=torch.channels_last), NOISE[:, :, ::2], NOISE[:, 1:]):
        result = compiled(image)
        assert torch.equal(result, _shrink(image ^ 255) + 1)
        assert result.stride() == (_shrink(image ^ 255) + 1).stride()


def test_compiled_functions_of_functions() -> None:
    image = NOISE.to(torch.float64)

    def compiled(function: Any) -> Any:
        return torch.compile(function, fullgraph=True, backend="aot_eager")

    y, tangent = compiled(lambda x: torch.func.jvp(_shrink, (x,), (x,)))(image)
    assert torch.equal(y, _shrink(image))
    assert torch.equal(tangent, _shrink(image))
    gradient = torch.func.grad(lambda x: (_shrink(x) ** 2).sum())
    assert torch.equal(compiled(gradient)(image), gradient(image))
    mapped = torch.vmap(lambda x: portresize.resize(x, (13, 21), "lanczos", layout="CHW"), in_dims=1)
    stacked = torch.stack([NOISE, NOISE + 1], 1)
    assert torch.equal(compiled(torch.vmap(mapped))(stacked), torch.vmap(mapped)(stacked))


def test_a_compiled_straight_through_resize() -> None:
    spec = Spec("NCHW", "RGB", "pillow-13", (13, 21))
    eager, mine = (NOISE.to(torch.float32).requires_grad_() for _ in range(2))
    (backend.through(eager, spec) ** 2).sum().backward()
    torch.compile(lambda x: (backend.through(x, spec) ** 2).sum(), fullgraph=True, backend="aot_eager")(mine).backward()
    assert torch.equal(mine.grad, eager.grad)


@pytest.mark.parametrize("strict", [False, True])
def test_an_exported_program_takes_batches_and_images_of_any_size(strict: bool) -> None:
    dims = {0: torch.export.Dim("n", max=64), 2: torch.export.Dim("h", min=4), 3: torch.export.Dim("w", min=4)}
    exported = torch.export.export(Shrink(), (NOISE,), dynamic_shapes={"x": dims}, strict=strict)
    calls = [str(node.target) for node in exported.graph.nodes if node.op == "call_function"]
    assert calls == ["portresize.resize.default"]
    kept = io.BytesIO()
    torch.export.save(exported, kept)
    kept.seek(0)
    for program in (exported.module(), torch.export.load(kept).module()):
        for image in (NOISE, torch.cat([NOISE, NOISE[:1]])[:, :, 5:, 1:], NOISE.expand(2, -1, -1, -1)[:1, :, :13, :21]):
            assert torch.equal(program(image), _shrink(image))


def test_an_exported_program_keeps_its_gradient() -> None:
    exported = torch.export.export(Shrink(), (NOISE.to(torch.float64).requires_grad_(),)).module()
    eager, mine = (NOISE.to(torch.float64).requires_grad_() for _ in range(2))
    _shrink(eager).square().sum().backward()
    exported(mine).square().sum().backward()
    assert torch.equal(mine.grad, eager.grad)


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"size": (0, 4)}, ValueError, "`size` is (0, 4), expected two integers >= 1 as (height, width)"),
    ({"size": (4, 4), "resample": "cubic"}, ValueError, "`resample` is 'cubic'"),
    ({"size": (4, 4), "box": (0, 0, 51, 40)}, ValueError, "`box` (0, 0, 51, 40) leaves the source"),
    ({"size": (4, 4), "layout": "NCH"}, ValueError, "`layout`"),
    ({"size": (4, 4), "dialect": "pillow-1"}, ValueError, "`dialect`"),
]


@pytest.mark.parametrize(("words", "kind", "text"), BAD, ids=[text for *_, text in BAD])
def test_what_is_wrong_is_said_when_a_program_is_traced(words: dict[str, Any], kind: type, text: str) -> None:
    def act(x: Any) -> Any:
        return portresize.resize(x, **({"layout": "NCHW"} | words))

    with pytest.raises(kind) as eager:
        act(NOISE)
    assert text in str(eager.value)
    with pytest.raises((RuntimeError, ValueError)) as traced:
        torch.compile(act, fullgraph=True, backend="aot_eager")(NOISE)
    # The compiler quotes it.
    assert str(eager.value) in _chain(traced.value).replace("\\", "")


def _onnx(module: Any, image: Any, shapes: Any = None) -> Any:
    """What onnxruntime makes of images."""
    import onnxruntime

    program = torch.onnx.export(module.eval(), (image,), dynamo=True, dynamic_shapes=shapes, verbose=False)
    assert {node.domain for node in program.model.graph} == {""}, "not an operator of ONNX"
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    (name,) = (entry.name for entry in session.get_inputs())
    return lambda x: session.run(None, {name: x.detach().numpy()})[0]


onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="onnx, onnxscript or onnxruntime is not installed",
)
KINDS: dict[str, tuple[dict[str, Any], Any]] = {
    "RGB": ({}, NOISE),
    "RGBA, gap": ({"reducing_gap": 1.5}, torch.cat([NOISE, NOISE[:, :1]], 1)),
    "LAB": ({"mode": "LAB"}, NOISE),
    "nearest": ({"resample": "nearest", "box": (0.5, 1, 49, 40)}, NOISE),
    "I;16": ({}, NOISE.to(torch.uint16) * 257),
    "I": ({}, NOISE.to(torch.int32) * 8_421_504),
    "F": ({}, NOISE.to(torch.float32) / 3),
    "float64": ({"resample": "bicubic"}, NOISE.to(torch.float64) / 3),
    "I, blocks of 3": ({"reducing_gap": 1.0}, NOISE.to(torch.int32).repeat(1, 1, 1, 2) * 8_421_504),
    "F, blocks of 3": ({"reducing_gap": 1.0}, NOISE.to(torch.float32).repeat(1, 1, 1, 2) / 3),
}


@onnx
@pytest.mark.parametrize("kind", KINDS)
def test_onnxruntime_gives_the_same_bytes(kind: str) -> None:
    words, image = KINDS[kind]
    module = Shrink(**words)
    assert np.array_equal(_onnx(module, image)(image), module(image).numpy())


@onnx
def test_a_graph_of_onnx_takes_batches_of_any_size_and_tells_what_it_cannot_take() -> None:
    run = _onnx(Shrink(), NOISE, {"x": {0: torch.export.Dim("n", max=64)}})
    for image in (NOISE, torch.cat([NOISE, NOISE[:1]]), NOISE[:1]):
        assert np.array_equal(run(image), _shrink(image).numpy())
    with pytest.raises(RuntimeError) as caught:
        _onnx(Shrink(), NOISE, {"x": {2: torch.export.Dim("h", min=4, max=64)}})
    assert "in ONNX only batches may be dynamic" in _chain(caught.value)
    with pytest.raises(RuntimeError) as caught:
        _onnx(Shrink(), NOISE.to(torch.float16))
    assert "`image` has dtype torch.float16, whose rounding has no form in ONNX; cast it to float32" in _chain(
        caught.value
    )
