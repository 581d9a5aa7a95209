"""`portresize.torch.Resize` gives Pillow's pixels in torchvision's sizes, eager, compiled and exported."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

import portresize
from portresize._core import edges
from portresize._core.report import assert_same
from tests.oracle import DIALECT
from tests.pipelines.process import ROOT, output_of

pytest.importorskip("torch", reason="torch is not installed")
import torch

from portresize.torch import Resize, resize_straight_through

# torch's own, on first use of its compiler.
quiet = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape).astype(dtype)


def pillows(image: np.ndarray, size: tuple[int, int], resample: int = 3) -> np.ndarray:
    """`[C, H, W]` resized by the installed Pillow."""
    resized = Image.fromarray(image.transpose(1, 2, 0)).resize(size[::-1], resample)
    return np.asarray(resized).transpose(2, 0, 1)


def unpickled(module: Any) -> Any:
    return pickle.loads(pickle.dumps(module))  # noqa: S301  its own pickle


EVERYTHING: dict[str, Any] = {
    "resample": Image.Resampling.LANCZOS,
    "box": [0, 0.5, 33, 39],
    "reducing_gap": 2,
    "layout": "NHWC",
    "mode": "RGBX",
    "dialect": "pillow-12.1",
}
EVERYTHING_SHOWN = (
    "Resize((7, 29), resample='lanczos', box=(0.0, 0.5, 33.0, 39.0), reducing_gap=2.0, layout='NHWC', mode='RGBX', "
    "dialect='pillow-12.1')"
)


@pytest.mark.parametrize("batch", [(), (2,), (2, 1, 2)], ids=str)
@pytest.mark.parametrize("bands", [3, 4])
def test_pixels_are_pillows_behind_any_number_of_batch_axes(batch: tuple[int, ...], bands: int) -> None:
    images = noise(*batch, bands, 40, 57)
    result = Resize(20, dialect=DIALECT)(torch.from_numpy(images))
    assert result.shape == (*batch, bands, 20, 28)
    for actual, image in zip(result.reshape(-1, bands, 20, 28), images.reshape(-1, bands, 40, 57), strict=True):
        assert_same(actual.numpy(), pillows(image, (20, 28)))


def test_two_axes_are_a_height_and_a_width() -> None:
    image = noise(40, 57)
    expected = np.asarray(Image.fromarray(image).resize((28, 20), Image.Resampling.HAMMING))
    assert_same(Resize(20, "hamming", dialect=DIALECT)(torch.from_numpy(image)).numpy(), expected)


def test_bands_of_mode_l_are_independent() -> None:
    image = noise(4, 40, 57)
    expected = np.stack([np.asarray(Image.fromarray(band).resize((30, 9), 2)) for band in image])
    result = Resize((9, 30), "bilinear", mode="L", dialect=DIALECT)(torch.from_numpy(image))
    assert_same(result.numpy(), expected)
    assert not np.array_equal(result.numpy(), pillows(image, (9, 30), 2))


def test_every_argument_arrives() -> None:
    image = noise(2, 90, 40, 4)
    expected = portresize.resize(image, (7, 29), **EVERYTHING)
    assert_same(Resize((7, 29), **EVERYTHING)(torch.from_numpy(image)).numpy(), expected)
    for word in ("resample", "box", "reducing_gap", "mode", "dialect"):
        changed = Resize((7, 29), **{name: value for name, value in EVERYTHING.items() if name != word})
        assert not np.array_equal(changed(torch.from_numpy(image)).numpy(), expected), word


def test_arrays_of_other_libraries_are_resized_too() -> None:
    assert_same(Resize(20, dialect=DIALECT)(noise(3, 40, 57)), pillows(noise(3, 40, 57), (20, 28)))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((48, 64, 3), np.uint8),
        np.zeros((2, 48, 64, 4), np.uint16),
        torch.zeros((48, 64, 1), dtype=torch.uint8),
        torch.zeros((32, 32, 3)),
    ],
    ids=lambda image: f"{type(image).__name__}{tuple(image.shape)}",
)
def test_bands_that_come_last_are_refused(image: Any) -> None:
    with pytest.raises(ValueError, match="permute them") as caught:
        Resize(8)(image)
    bands, height, width = image.shape[-3:]
    assert str(caught.value) == (
        f"`image` has shape {tuple(image.shape)}, but its axes are read as [..., C, H, W]: {bands} bands of {height} x "
        f'{width}; permute them, or pass its layout, such as "HWC" (or "CHW" if that is what it is), to '
        "portresize.resize or portresize.torch.Resize"
    )


def test_bands_that_may_come_first_do() -> None:
    assert Resize(8)(torch.zeros((256, 14, 4))).shape == (256, 28, 8)  # A feature map.
    assert Resize((8, 8))(np.zeros((3, 64, 3), np.uint8)).shape == (3, 8, 8)
    assert Resize((8, 9), layout="CHW")(np.zeros((48, 64, 3), np.uint8)).shape == (48, 8, 9)
    assert Resize((8, 9), layout="HWC")(np.zeros((48, 64, 3), np.uint8)).shape == (8, 9, 3)


def test_an_image_of_that_size_already_is_copied() -> None:
    image = torch.from_numpy(noise(3, 20, 28))
    result = Resize(20)(image)
    assert torch.equal(result, image)
    assert result.data_ptr() != image.data_ptr()


def test_a_float_image_has_a_gradient() -> None:
    image = torch.rand(2, 3, 9, 11, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Resize(4), (image,), fast_mode=True)


# Sources and arguments; the sizes are what `torchvision.transforms.v2.Resize` makes, see test_torchvision.
SIZES: list[tuple[tuple[int, int], Any, int | None, tuple[int, int]]] = [
    ((333, 500), 224, None, (224, 336)),
    ((500, 333), 224, None, (336, 224)),
    ((60, 80), 224, None, (224, 298)),
    ((50, 50), 7, None, (7, 7)),
    ((333, 500), [224], 300, (200, 300)),
    ((333, 500), 100, 300, (100, 150)),
    ((333, 500), None, 300, (199, 300)),
    ((500, 333), None, 10, (10, 6)),
    ((333, 500), (7, 9), None, (7, 9)),
]


@pytest.mark.parametrize(("source", "size", "max_size", "expected"), SIZES, ids=str)
def test_sizes_are_torchvisions(
    source: tuple[int, int], size: Any, max_size: int | None, expected: tuple[int, int]
) -> None:
    image = torch.zeros((1, *source), dtype=torch.uint8)
    assert Resize(size, "box", max_size=max_size)(image).shape == (1, *expected)


def test_integers_of_any_library_are_sizes() -> None:
    assert repr(Resize(np.int64(224), max_size=torch.tensor(300))) == "Resize(224, max_size=300)"
    assert repr(Resize(np.array([5, 6]))) == repr(Resize(torch.tensor([5, 6]))) == "Resize((5, 6))"


def test_integer_division_is_torchvisions_up_to_large_images() -> None:
    # Doubles, cut off, as torchvision has it.
    generator = np.random.default_rng(0)
    for short, long, edge in generator.integers(1, 2**17, (2000, 3)).tolist():
        short, long = sorted((short, long))  # noqa: PLW2901
        assert edges.result((short, long), edge, None) == (edge, int(edge * long / short))


@pytest.mark.parametrize("words", [{"size": 224}, {"size": (7, 29), **EVERYTHING}], ids=["few", "many"])
@pytest.mark.parametrize("again", [copy.deepcopy, unpickled])
def test_a_copy_has_the_same_arguments(words: dict[str, Any], again: Any) -> None:
    module = Resize(**words).eval()
    result = again(module)
    assert repr(result) == repr(module)
    assert {name: vars(result)[name] for name in Resize.__annotations__} == {
        name: vars(module)[name] for name in Resize.__annotations__
    }
    assert not result.training


def test_it_shows_the_call_that_makes_it() -> None:
    assert repr(Resize((7, 29), **EVERYTHING)) == EVERYTHING_SHOWN
    assert repr(eval(EVERYTHING_SHOWN)) == EVERYTHING_SHOWN  # noqa: S307  its own text
    assert repr(Resize(None, max_size=300)) == "Resize(None, max_size=300)"


def test_it_has_no_state() -> None:
    module = torch.nn.Sequential(Resize(224), torch.nn.Flatten())
    assert module.state_dict() == {}
    assert list(module.parameters()) == list(module.buffers()) == []
    module.load_state_dict({})


@quiet
@pytest.mark.parametrize(
    ("words", "dynamic"),
    [({"size": (9, 30)}, None), ({"size": 20}, None), ({"size": 20, "max_size": 25}, True)],
    ids=str,
)
def test_a_compiled_module_takes_images_of_any_size(words: dict[str, Any], dynamic: bool | None) -> None:
    torch.compiler.reset()
    module = Resize(resample="lanczos", **words)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager", dynamic=dynamic)
    for height, width in ((40, 57), (50, 44), (33, 33)):
        image = torch.from_numpy(noise(2, 3, height, width))
        assert_same(compiled(image).numpy(), module(image).numpy())


@quiet
@pytest.mark.parametrize("size", [(9, 30), 20], ids=str)
def test_an_exported_module_takes_batches_of_any_length_and_size(size: Any) -> None:
    module, image = Resize(size, "lanczos"), torch.from_numpy(noise(2, 3, 40, 57))
    auto = torch.export.Dim.AUTO
    program = torch.export.export(module, (image,), dynamic_shapes=({0: auto, 2: auto, 3: auto},)).module()
    upright = [torch.from_numpy(noise(5, 3, 77, 31))] if module.max_size is None else []
    for other in (image, torch.from_numpy(noise(5, 3, 31, 77)), *upright):
        assert_same(program(other).numpy(), module(other).numpy())


# What else reads a program: torch.fx and TorchScript.


@pytest.mark.parametrize("words", [{"size": 20, "max_size": 25}, {"size": (9, 30), "resample": "lanczos"}], ids=str)
@pytest.mark.parametrize("is_alone", [True, False])
def test_torch_fx_traces_a_module(words: dict[str, Any], is_alone: bool) -> None:
    module = Resize(**words) if is_alone else torch.nn.Sequential(Resize(**words), torch.nn.Flatten(0, 1))
    traced = torch.fx.symbolic_trace(module)
    if not is_alone:  # torch.fx pickles no trace of a function whose annotations are text, as they are in this package.
        traced = unpickled(traced)
    assert [node.name for node in traced.graph.nodes if node.op == "call_function"] == ["resized"]
    for height, width in ((40, 57), (57, 40)):
        image = torch.from_numpy(noise(2, 3, height, width))
        assert_same(traced(image).numpy(), module(image).numpy())


@torch.fx.wrap
def _third(image: torch.Tensor) -> torch.Tensor:
    return portresize.reduce(image, 3, layout="CHW")


@quiet
def test_torch_fx_traces_a_verb_in_a_function_that_is_wrapped() -> None:
    image = torch.from_numpy(noise(3, 40, 57))
    traced = torch.fx.symbolic_trace(lambda x: _third(x) + 1)
    assert_same(traced(image).numpy(), (_third(image) + 1).numpy())


VERBS: dict[str, Callable[[Any], Any]] = {
    "resize": lambda x: portresize.resize(x, (5, 5), layout="CHW"),
    "reduce": lambda x: portresize.reduce(x, 2, layout="CHW"),
    "fit": lambda x: portresize.fit(x, (5, 5), layout="CHW"),
    "resize_straight_through": lambda x: resize_straight_through(x, (5, 5), layout="CHW"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_on_a_proxy_says_what_to_do(verb: str) -> None:
    with pytest.raises(TypeError) as caught:
        torch.fx.symbolic_trace(VERBS[verb])
    assert str(caught.value) == (
        "no backend for a Proxy of torch.fx; call portresize in a function with @torch.fx.wrap, or trace a "
        "portresize.torch.Resize"
    )


def _scripted(x: torch.Tensor) -> torch.Tensor:
    return portresize.contain(x, (5, 5))


def _scripted_through(x: torch.Tensor) -> torch.Tensor:
    return resize_straight_through(x, (5, 5))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "given",
    [Resize(5), torch.nn.Sequential(Resize(5)), portresize.resize, _scripted, _scripted_through],
    ids=["module", "modules", "verb", "function", "function through"],
)
def test_torchscript_is_refused(given: Any) -> None:
    with pytest.raises(TypeError) as caught:
        torch.jit.script(given)
    assert str(caught.value) == (
        "TorchScript does not take portresize; use torch.compile, torch.export, or torch.onnx.export"
    )


# A gradient for bytes.


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_floats_are_resized_straight_through_to_pillows_bytes(dtype: str) -> None:
    image = noise(2, 4, 31, 40)
    words: dict[str, Any] = {"resample": "lanczos", "layout": "NCHW", "mode": "RGBX", "dialect": DIALECT}
    given = torch.from_numpy(image).to(getattr(torch, dtype))
    result = resize_straight_through(given, (12, 50), **words)
    assert result.dtype == given.dtype
    expected = portresize.resize(image, (12, 50), **words)
    assert_same(result.to(torch.uint8).numpy(), expected)
    # bfloat16 has no room for a fraction up there, but float32 would show one.
    assert_same(result.float().numpy(), expected.astype(np.float32))


def test_the_gradient_is_that_of_the_linear_map() -> None:
    weights = torch.rand(3, 12, 50, dtype=torch.float64)
    words: dict[str, Any] = {"resample": "bilinear", "layout": "CHW", "box": (1.5, 0, 30, 31), "reducing_gap": 1.5}
    for_bytes, for_floats = (torch.from_numpy(noise(3, 31, 40)).double().requires_grad_() for _ in range(2))
    (resize_straight_through(for_bytes, (12, 50), **words) * weights).sum().backward()
    (portresize.resize(for_floats, (12, 50), mode="F", **words) * weights).sum().backward()
    assert_same(for_bytes.grad.numpy(), for_floats.grad.numpy())


def test_it_rounds_and_clips_before_it_resizes() -> None:
    image = torch.tensor([[-3.0, 0.5, 1.5, 255.5, 999.0]])
    assert resize_straight_through(image, (1, 5)).tolist() == [[0.0, 0.0, 2.0, 255.0, 255.0]]


NOT_STRAIGHT: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "integers": (
        torch.zeros((9, 9), dtype=torch.uint8),
        {},
        TypeError,
        "`image` has dtype uint8, expected floats that hold 0 to 255; integers have no gradient, "
        "resize them with portresize.resize",
    ),
    "RGBA": (
        torch.zeros((9, 9, 4)),
        {},
        ValueError,
        '`mode` is "RGBA", which multiplies alpha in, which is not linear; expected another, such as mode="RGBX"',
    ),
    "LA": (
        torch.zeros((2, 9, 9)),
        {"layout": "CHW"},
        ValueError,
        '`mode` is "LA", which multiplies alpha in, which is not linear; expected another, such as mode="La"',
    ),
    "P": (
        torch.zeros((9, 9)),
        {"mode": "P"},
        ValueError,
        '`mode` is "P", which holds numbers that only stand for colours; expected another, such as mode="L"',
    ),
    "F": (
        torch.zeros((9, 9)),
        {"mode": "F"},
        ValueError,
        '`mode` is "F", which holds float32 or float64 or float16 or bfloat16, but the array is uint8',
    ),
    "no layout": (
        torch.zeros((3, 9, 9)),
        {},
        ValueError,
        '`layout` is missing for an array of shape (3, 9, 9); pass layout="HWC" or layout="CHW"',
    ),
    "small floats": (
        torch.zeros((9, 9)).to(torch.float8_e4m3fn),
        {},
        TypeError,
        "`image` has dtype float8_e4m3fn, expected one of float32, float64, float16, bfloat16 that holds 0 to 255; "
        "cast it",
    ),
    "another array": (np.zeros((9, 9)), {}, TypeError, "`image` is a ndarray, expected a tensor of torch"),
    "size": (torch.zeros((9, 9)), {"size": 5}, TypeError, "`size` is 5, expected two integers >= 1 as (height, width)"),
}


@pytest.mark.parametrize("name", NOT_STRAIGHT)
def test_what_is_not_linear_in_bytes_is_refused(name: str) -> None:
    image, words, kind, text = NOT_STRAIGHT[name]
    with pytest.raises(kind) as caught:
        resize_straight_through(image, **({"size": (3, 3)} | words))
    assert type(caught.value) is kind
    assert str(caught.value) == text


# Errors.

# What `resize` says of an image says it of an argument; the texts themselves are tested with `resize`.
AS_RESIZE: dict[str, dict[str, Any]] = {
    "size zero": {"size": (0, 5)},
    "size of three": {"size": (1, 2, 3)},
    "size fractional": {"size": (2.5, 2.5)},
    "size text": {"size": "224"},
    "filter unknown": {"resample": "cubic"},
    "filter before 13": {"resample": "mks2013", "dialect": "pillow-12.3"},
    "dialect unknown": {"dialect": "pillow-99"},
    "layout twice": {"layout": "HHW"},
    "layout a number": {"layout": 3},
    "mode unknown": {"mode": "RGBB"},
    "box of three": {"box": (1, 2, 3)},
    "gap below one": {"reducing_gap": 0.5},
}


@pytest.mark.parametrize("name", AS_RESIZE)
def test_a_bad_argument_is_refused_as_by_resize_before_any_image(name: str) -> None:
    words = {"size": (3, 3)} | AS_RESIZE[name]
    with pytest.raises((TypeError, ValueError)) as expected:
        portresize.resize(noise(9, 9, 3), **words)
    with pytest.raises((TypeError, ValueError)) as caught:
        Resize(**words)
    assert type(caught.value) is type(expected.value)
    assert str(caught.value) == str(expected.value)


OF_ITS_OWN: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "zero": (
        {"size": 0},
        ValueError,
        "`size` is 0, expected an integer >= 1 for the short edge, or two as (height, width)",
    ),
    "fraction": (
        {"size": 2.5},
        TypeError,
        "`size` is 2.5, expected an integer >= 1 for the short edge, or two as (height, width)",
    ),
    "flag": (
        {"size": True},
        TypeError,
        "`size` is True, expected an integer >= 1 for the short edge, or two as (height, width)",
    ),
    "one fraction": (
        {"size": [2.5]},
        TypeError,
        "`size` is 2.5, expected an integer >= 1 for the short edge, or two as (height, width)",
    ),
    "nothing": ({"size": None}, ValueError, "`size` is None, which needs `max_size`, the length of the long edge"),
    "limit of nothing": ({"size": 5, "max_size": 0}, ValueError, "`max_size` is 0, expected an integer >= 1 or None"),
    "limit fraction": ({"size": 5, "max_size": 9.5}, TypeError, "`max_size` is 9.5, expected an integer >= 1 or None"),
    "limit too low": (
        {"size": 5, "max_size": 5},
        ValueError,
        "`max_size` is 5, expected more than `size`, the short edge, which is 5",
    ),
    "limit of both": (
        {"size": (5, 6), "max_size": 7},
        ValueError,
        "`max_size` is 7, but `size` is (5, 6), both edges; pass one integer for the short edge, or None",
    ),
    "box of an edge": (
        {"size": 5, "box": (0, 0, 4, 4)},
        ValueError,
        "`box` is (0.0, 0.0, 4.0, 4.0), but `size` is 5, an edge of a whole image; pass (height, width)",
    ),
}


@pytest.mark.parametrize("name", OF_ITS_OWN)
def test_sizes_that_cannot_be_are_refused(name: str) -> None:
    words, kind, text = OF_ITS_OWN[name]
    with pytest.raises(kind) as caught:
        Resize(**words)
    assert type(caught.value) is kind
    assert str(caught.value) == text


BAD_IMAGES: dict[str, tuple[Any, type[Exception], str]] = {
    "picture": (
        Image.new("L", (4, 4)),
        TypeError,
        "no backend for a PIL image; pass numpy.asarray(image), or call the image's own `resize`",
    ),
    "list": (
        [[1, 2]],
        TypeError,
        "no backend for list; expected an array of numpy, torch, jax or cupy, "
        "or of any class with __array_namespace__; pass numpy.asarray(image, dtype=...)",
    ),
    "row": (
        torch.zeros(5),
        ValueError,
        "`image` has shape (5,), expected at least two axes, a height and a width",
    ),
    "empty": (
        torch.zeros((3, 0, 5)),
        ValueError,
        "`image` has a height and a width of (0, 5), expected both >= 1 for an aspect",
    ),
    "thread": (
        torch.zeros((3, 1, 500)),
        ValueError,
        "`max_size` is 40, which leaves no short edge of an image of (1, 500); make it larger",
    ),
    "too many axes": (
        torch.zeros((1,) * 26 + (5, 5)),
        ValueError,
        f'`layout` is missing for an array of shape {(1,) * 26 + (5, 5)}; pass layout="...HWC" or layout="...CHW", '
        "with one letter of your own for every other axis",
    ),
    "integers": (
        torch.zeros((3, 9, 9), dtype=torch.int64),
        TypeError,
        '`image` has dtype int64, whose samples can only be moved, and "bicubic" computes new ones; pass '
        'resample="nearest", or cast it to int32 or uint32 (if the values fit) or float64',
    ),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_a_bad_image_gets_one_clear_error(name: str) -> None:
    image, kind, text = BAD_IMAGES[name]
    with pytest.raises(kind) as caught:
        Resize(20, max_size=40)(image)
    assert type(caught.value) is kind
    assert str(caught.value) == text


def test_torch_is_imported_when_it_is_named_and_torchvision_is_not() -> None:
    code = "import sys, portresize; print('torch' in sys.modules); portresize.torch; "
    code += "print('torch' in sys.modules, 'torchvision' in sys.modules)"
    assert output_of("-c", code) == "False\nTrue False\n"


def test_without_torch_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['torch'] = None; import portresize.torch"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "portresize.torch needs torch: https://pytorch.org/get-started, or pip install 'portresize[torch]'"
    )
