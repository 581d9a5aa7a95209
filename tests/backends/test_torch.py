"""torch's operator: derivatives, transformations, layouts in memory, and tensors that hold nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._backends import _host, generic
from portresize._backends._frame import Frame
from portresize._core.adjoint import planned
from portresize._core.spec import Spec
from tests.serving import without_kernels

torch = pytest.importorskip("torch", reason="torch is not installed")

from portresize._backends import _torch_steps
from portresize._backends import torch as backend

# torch's own: the first dual number and the first compiled function load what it has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

RANDOM = np.random.default_rng(23)
NOISE = RANDOM.integers(0, 256, (2, 3, 19, 23), np.uint8)


def _floats(*shape: int, dtype: Any = None, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype or torch.float64)


def _lanczos(x: Any) -> Any:
    return portresize.resize(x, (7, 30), "lanczos", layout="NCHW")


REQUESTS = {
    "both passes": lambda x: portresize.resize(x, (7, 30), "lanczos", layout="NCHW"),
    "gap and box": lambda x: portresize.resize(x, (4, 5), reducing_gap=1.0, box=(0.5, 1, 22, 18.5), layout="NCHW"),
    "nearest": lambda x: portresize.resize(x, (9, 40), "nearest", layout="NCHW"),
    "crop": lambda x: portresize.resize(x, (9, 8), box=(2, 3, 10, 12), layout="NCHW"),
    "copy": lambda x: portresize.resize(x, (19, 23), layout="NCHW"),
    "reduce": lambda x: portresize.reduce(x, (2, 3), layout="NCHW"),
    "pad": lambda x: portresize.pad(x, (9, 30), color=0.5, layout="NCHW"),
    "fit": lambda x: portresize.fit(x, (8, 8), "box", layout="NCHW"),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
def test_derivatives_of_both_orders_and_directions_are_those_of_the_map(request_: Callable[[Any], Any]) -> None:
    x = _floats(1, 2, 19, 23).requires_grad_()
    checks: dict[str, Any] = {"check_forward_ad": True, "fast_mode": True}
    assert torch.autograd.gradcheck(request_, x, check_batched_grad=True, **checks)
    assert torch.autograd.gradgradcheck(lambda x: request_(x) ** 2, x, fast_mode=True)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("by_kernels", [True, False])
def test_a_gradient_is_the_adjoint_plan_bit_for_bit(dtype: str, by_kernels: bool) -> None:
    x = _floats(2, 3, 19, 23, dtype=getattr(torch, dtype)).requires_grad_()
    given = _floats(2, 3, 7, 30, dtype=x.dtype, seed=1)
    with nullcontext() if by_kernels else without_kernels():
        _lanczos(x).backward(given)
    spec = Spec("NCHW", "F", "pillow-13", (7, 30), 1)
    steps = planned(spec, (7, 30), (19, 23)).steps
    frame = Frame(_torch_steps._XP, given.device, "NCHW", 4)
    assert torch.equal(x.grad, generic.perform(frame, given, steps))
    assert x.grad.dtype == x.dtype


def test_functions_of_functions() -> None:
    x, tangent = _floats(2, 3, 19, 23), _floats(2, 3, 19, 23, seed=1)
    y, along = torch.func.jvp(_lanczos, (x,), (tangent,))
    assert torch.equal(y, _lanczos(x))
    assert torch.equal(along, _lanczos(tangent))
    y, back = torch.func.vjp(_lanczos, x)
    (gradient,) = back(y)
    leaf = x.clone().requires_grad_()
    (_lanczos(leaf) ** 2).sum().backward()
    assert torch.equal(torch.func.grad(lambda x: (_lanczos(x) ** 2).sum())(x), leaf.grad)
    assert torch.equal(2 * gradient, leaf.grad)

    def small(x: Any) -> Any:
        return portresize.resize(x, (2, 3), "bilinear")

    image = _floats(5, 4)
    forwards, backwards = torch.func.jacfwd(small)(image), torch.func.jacrev(small)(image)
    assert torch.equal(forwards, backwards)
    hessian = torch.func.hessian(lambda x: (small(x) ** 2).sum())(image)
    flat = forwards.reshape(6, 20)
    torch.testing.assert_close(hessian.reshape(20, 20), 2 * flat.T @ flat)


@pytest.mark.parametrize("outer", ["jacfwd", "jacrev"])
@pytest.mark.parametrize("inner", ["jacfwd", "jacrev"])
def test_functions_of_functions_of_what_is_not_linear(outer: str, inner: str) -> None:
    matrix = torch.func.jacrev(lambda x: portresize.resize(x, (2, 3), "bilinear"))(_floats(5, 4)).reshape(6, 20)

    def twice(act: Callable[[Any], Any]) -> Any:
        return getattr(torch.func, outer)(getattr(torch.func, inner)(act))

    image = _floats(5, 4, seed=2)
    found = twice(lambda x: portresize.resize(x.sin(), (2, 3), "bilinear"))(image)
    expected = twice(lambda x: (matrix @ x.sin().flatten()).reshape(2, 3))(image)
    torch.testing.assert_close(found, expected)
    assert found.any()


def test_images_that_a_transformation_only_passes_by() -> None:
    for image in (torch.from_numpy(NOISE), _floats(2, 3, 19, 23, dtype=torch.float32), _floats(2, 3, 19, 23)):
        expected = _lanczos(image)

        def weighted(weight: Any, image: Any = image) -> Any:
            return (weight * _lanczos(image)).sum()

        weight = torch.ones((), dtype=torch.float64)
        leaf = weight.clone().requires_grad_()
        weighted(leaf).backward()
        assert torch.equal(torch.func.grad(weighted)(weight), leaf.grad)
        assert torch.equal(torch.vmap(lambda w, x=image: _lanczos(x) * w)(torch.ones(2))[1], expected * torch.ones(()))


def test_tensors_that_are_more_than_their_samples() -> None:
    zeros = torch._efficientzerotensor((1, 3, 19, 23))
    assert torch.equal(_lanczos(zeros), torch.zeros(1, 3, 7, 30))
    wrapped = torch._to_functional_tensor(torch.from_numpy(NOISE))
    assert torch.equal(torch._from_functional_tensor(_lanczos(wrapped)), _lanczos(torch.from_numpy(NOISE)))


@pytest.mark.parametrize("axis", [0, 1])
def test_images_of_one_row_or_column_have_the_strides_that_were_said(axis: int) -> None:
    for order in ((2, 0, 1), (2, 1, 0), (0, 2, 1), (1, 0, 2)):
        x = torch.from_numpy(NOISE[0]).narrow(1 + axis, 0, 1).permute(order).contiguous().permute(*np.argsort(order))
        outline = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="meta")
        result, said = (portresize.resize(way, (4, 5), layout="CHW") for way in (x, outline))
        assert result.stride() == said.stride(), (order, x.stride())


def test_nothing_is_remembered_of_arguments_that_change() -> None:
    x, length = torch.zeros((9, 8), dtype=torch.uint8), torch.tensor(5)
    for image in (x, x.numpy()):
        for wanted in (5, 7):
            length.fill_(wanted)
            assert tuple(portresize.resize(image, (length, 4)).shape) == (wanted, 4)


@pytest.mark.parametrize("axis", [0, 1, 2, 4])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_vmap_over_any_axis_is_a_batch(axis: int, dtype: str) -> None:
    images = torch.from_numpy(RANDOM.integers(0, 256, (4, 2, 3, 19, 23), np.uint8)).to(getattr(torch, dtype))
    expected = torch.stack([_lanczos(image) for image in images])
    moved = images.movedim(0, axis)
    assert torch.equal(torch.vmap(_lanczos, in_dims=axis)(moved), expected)
    nested = torch.vmap(torch.vmap(lambda x: portresize.resize(x, (7, 30), "lanczos", layout="CHW")), in_dims=axis)
    assert torch.equal(nested(moved), expected)
    if dtype == "float32":
        each = torch.vmap(torch.func.grad(lambda x: (_lanczos(x) ** 2).sum()))(images)
        assert torch.equal(each[2], torch.func.grad(lambda x: (_lanczos(x) ** 2).sum())(images[2]))


def _words(layout: str, mode: str, **fields: Any) -> tuple[Any, ...]:
    return _torch_steps.words(Spec(layout, mode, "pillow-13", **fields))


CALLS = [
    ("uint8", (2, 19, 23, 4), _words("NHWC", "RGBA", size=(7, 30), reducing_gap=1.5, box=(0.5, 1.0, 22.0, 19.0))),
    ("uint16", (19, 23), _words("HW", "I;16", size=(7, 30))),
    ("int32", (19, 23), _words("HW", "I", factor=(2, 3))),
    ("bool", (19, 23), _words("HW", "1", size=(7, 30))),
    ("float32", (2, 3, 19, 23), _words("NCHW", "F", size=(7, 30), canvas=(9, 31, 1, 0), fill=(0.5,))),
    ("float64", (3, 7, 30), _torch_steps.words(Spec("CHW", "F", "pillow-13", (7, 30)), (19, 23))),
]


@pytest.mark.parametrize(("dtype", "shape", "words"), CALLS, ids=[call[0] for call in CALLS])
def test_torch_finds_nothing_wrong_with_the_operator(dtype: str, shape: tuple[int, ...], words: Any) -> None:
    x = torch.from_numpy(RANDOM.integers(0, 256, shape)).to(getattr(torch, dtype))
    for way in (x, x.mT.contiguous().mT, torch.stack([x, x], -1)[..., 1]):
        y = way.detach().requires_grad_() if x.is_floating_point() else way
        torch.library.opcheck(torch.ops.portresize.resize.default, (y, *words))


def test_torch_finds_nothing_wrong_with_the_straight_through_operator() -> None:
    x = (_floats(2, 3, 19, 23) * 200).requires_grad_()
    torch.library.opcheck(torch.ops.portresize.resize_through.default, (x, *_words("NCHW", "RGB", size=(7, 30))))


def test_a_straight_through_resize_is_bytes_forwards_and_linear_backwards() -> None:
    spec = Spec("NCHW", "RGB", "pillow-13", (7, 30))
    x = (_floats(2, 3, 19, 23, dtype=torch.float32) * 150 + 100).requires_grad_()
    y = backend.through(x, spec)
    expected = portresize.resize(x.detach().round().clamp(0, 255).to(torch.uint8), (7, 30), layout="NCHW")
    assert torch.equal(y, expected.to(torch.float32))
    given = _floats(2, 3, 7, 30, dtype=torch.float32)
    y.backward(given)
    leaf = x.detach().requires_grad_()
    portresize.resize(leaf, (7, 30), layout="NCHW").backward(given)
    assert torch.equal(x.grad, leaf.grad)
    _, tangent = torch.func.jvp(lambda x: backend.through(x, spec), (x.detach(),), (x.detach(),))
    assert torch.equal(tangent, portresize.resize(x.detach(), (7, 30), layout="NCHW"))


@pytest.mark.parametrize("dtype", ["uint8", "float32", "bfloat16", "uint16"])
def test_the_order_of_axes_in_memory_is_kept(dtype: str) -> None:
    x = torch.from_numpy(NOISE).to(torch.int32).to(getattr(torch, dtype))
    expected = _lanczos(x)
    assert expected.is_contiguous()
    last = x.to(torch.int32).to(memory_format=torch.channels_last).to(x.dtype)
    assert last.is_contiguous(memory_format=torch.channels_last)
    result = _lanczos(last)
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(result.to(torch.float64), expected.to(torch.float64))
    for way in (x[:, :, ::1, :].mT.clone().mT, x[:, :1].expand(-1, 3, -1, -1), x[1:, 1:]):
        result = _lanczos(way)
        assert torch.equal(result.to(torch.float64), _lanczos(way.contiguous()).to(torch.float64))
        shape = torch.empty_strided(way.shape, way.stride(), dtype=way.dtype, device="meta")
        assert _lanczos(shape).stride() == result.stride()


def test_a_tensor_that_holds_nothing_has_a_result_that_holds_nothing() -> None:
    result = _lanczos(torch.empty(2, 3, 19, 23, dtype=torch.uint8, device="meta"))
    assert (result.shape, result.dtype, result.device.type) == ((2, 3, 7, 30), torch.uint8, "meta")
    with pytest.raises(ValueError, match="`box` \\(0, 0, 24, 19\\) leaves the source"):
        portresize.resize(torch.empty(19, 23, device="meta"), (7, 7), box=(0, 0, 24, 19))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "bfloat16"])
def test_operations_neither_look_at_values_nor_meet_the_host(dtype: str) -> None:
    """Tensors that only say where they are cannot be read, nor mixed with those of the host."""
    x = torch.empty(2, 19, 23, 4, dtype=getattr(torch, dtype), device="meta")
    mode = {"uint8": "RGBA", "uint16": "I;16", "int32": "I"}.get(dtype, "F")
    for fields in ({"size": (7, 30)}, {"size": (7, 30), "resample": 0}, {"factor": (2, 3)}):
        if mode != "I;16" or "factor" not in fields:
            spec = Spec("NHWC", mode, "pillow-13", **fields)
            assert _torch_steps.by_operations(x, spec).device.type == "meta"


def test_kernels_read_the_tensor_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    run = _host.run

    def spy(x: np.ndarray, *words: Any) -> Any:
        seen.append(x.__array_interface__["data"][0])
        y = run(x, *words)
        assert y is not None, "no kernel serves"
        seen.append(y.__array_interface__["data"][0])
        return y

    monkeypatch.setattr(_host, "run", spy)
    x = torch.from_numpy(NOISE.copy())[:, :, 1:, 2:]
    result = _lanczos(x)
    assert seen == [x.data_ptr(), result.data_ptr()]


def test_what_torch_does_around_a_call_makes_no_difference() -> None:
    x = torch.from_numpy(NOISE)
    expected = _lanczos(x)
    with torch.inference_mode():
        assert torch.equal(_lanczos(x), expected)
        assert torch.equal(_lanczos(x.clone()), expected)
    image = _floats(2, 3, 19, 23, dtype=torch.float32)
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            leaf = image.detach().to(dtype, copy=True).requires_grad_()
            result = _lanczos(leaf)
        assert result.dtype == dtype
        assert torch.equal(result, _lanczos(image.to(dtype)))
        result.sum().backward()
        assert leaf.grad.dtype == dtype
    assert not expected.requires_grad
    with torch.no_grad():
        assert not _lanczos(image.requires_grad_()).requires_grad


def test_parameters_views_and_subclasses() -> None:
    image = _floats(2, 3, 19, 23)
    parameter = torch.nn.Parameter(image.clone())
    result = _lanczos(parameter)
    assert type(result) is torch.Tensor
    assert result.requires_grad
    leaf = image.clone().requires_grad_()
    _lanczos(leaf[:, 1:] * 1.0).sum().backward()
    _lanczos(leaf[:, 1:]).sum().backward()
    assert torch.equal(leaf.grad[:, 0], torch.zeros_like(leaf.grad[:, 0]))
    imaginary = torch.complex(image, image).conj().imag
    assert imaginary.is_neg()
    assert torch.equal(_lanczos(imaginary), _lanczos(-image))

    class Mine(torch.Tensor):  # type: ignore[name-defined]  # torch is skipped where it is not
        pass

    assert torch.equal(_lanczos(image.as_subclass(Mine)), _lanczos(image))


def test_all_operations_are_seen_by_those_who_look_on() -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = []

    class Mode(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(str(func))
            return func(*args, **(kwargs or {}))

    x = torch.from_numpy(NOISE)
    with Mode():
        _lanczos(x)
    assert seen == ["portresize.resize.default"]


def test_integers_have_no_gradient() -> None:
    x = torch.from_numpy(NOISE)
    with pytest.raises(RuntimeError, match="floating point dtype"):
        torch.func.grad(lambda x: _lanczos(x).sum())(x)
    image = _floats(1, 3, 19, 23)
    _, tangent = torch.func.jvp(lambda x: _lanczos((x * 100).to(torch.uint8)), (image,), (image,))
    assert not tangent.any()


@pytest.mark.parametrize("color", [65519.99999, 1 + 2.0**-11 + 2.0**-40])
def test_the_colour_of_a_canvas_of_half_floats_is_rounded_once(color: float) -> None:
    expected = portresize.pad(np.zeros((4, 2), np.float16), (9, 9), color=color)
    image = torch.zeros((4, 2), dtype=torch.float16)
    assert np.array_equal(portresize.pad(image, (9, 9), color=color).numpy(), expected)
    with without_kernels():
        assert np.array_equal(portresize.pad(image, (9, 9), color=color).numpy(), expected)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16, torch.int64])
def test_the_storage_of_an_image_can_be_resized_afterwards(dtype: Any) -> None:
    image = torch.zeros((20, 30), dtype=dtype)
    portresize.resize(image, (9, 9), "nearest")
    image.untyped_storage().resize_(0)
    assert image.untyped_storage().nbytes() == 0


def test_the_storage_of_a_gradient_can_be_resized_afterwards() -> None:
    image = torch.zeros((20, 30), requires_grad=True)
    gradient = torch.ones((9, 9))
    portresize.resize(image, (9, 9)).backward(gradient)
    for tensor in (image.detach(), gradient):
        tensor.untyped_storage().resize_(0)
