"""What arrays may look like: layouts, batches, dtypes of our own, views; and what becomes of them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._core.filters import Resampling
from portresize._core.report import assert_same
from tests.core import reference
from tests.libraries import BY_NAME, VARIANTS, Variant

RANDOM = np.random.default_rng(7)


def _noise(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "CHW", "HCW", "WHC", "CNWH", "THWCN", "BTCHW", "WH", "NWH"])
def test_a_layout_is_only_an_order_of_axes(layout: str, library: Variant) -> None:
    lengths = {"H": 19, "W": 23, "C": 4, "N": 2, "T": 3, "B": 1}
    image = _noise(*(lengths[letter] for letter in layout))
    result = library.back(portresize.resize(library.make(image), (7, 30), "lanczos", layout=layout, mode=_mode(layout)))
    canonical = "".join(sorted(layout, key="NTBHWC".index))
    moved = np.transpose(image, [layout.index(letter) for letter in canonical])
    images = moved.reshape(-1, *moved.shape[canonical.index("H") :])
    singly = [
        portresize.resize(one, (7, 30), "lanczos", layout=canonical[canonical.index("H") :], mode=_mode(layout))
        for one in images
    ]
    expected = np.stack(singly).reshape(*moved.shape[: canonical.index("H")], *singly[0].shape)
    assert_same(np.transpose(result, [layout.index(letter) for letter in canonical]), expected)


def _mode(layout: str) -> str:
    return "RGBA" if "C" in layout else "L"


@pytest.mark.parametrize("shape", [(120, 4, 3), (5, 4, 3), (9, 1, 4), (5, 0, 1)], ids=str)
def test_a_thin_image_needs_no_layout(shape: tuple[int, ...], library: Variant) -> None:
    image = _noise(*shape)
    result = library.back(portresize.resize(library.make(image), (8, 9)))
    assert_same(result, portresize.resize(image, (8, 9), layout="HWC"))


@pytest.mark.parametrize("shape", [(3, 120, 3), (1, 100, 3), (4, 4, 4), (1, 1, 1), (2, 640, 1), (0, 9, 3)], ids=str)
def test_bands_may_come_first_but_in_numpy(shape: tuple[int, ...], library: Variant) -> None:
    image = _noise(*shape)
    array = library.make(image)
    if isinstance(array, np.ndarray):
        assert_same(portresize.resize(array, (8, 9)), portresize.resize(image, (8, 9), layout="HWC"))
        return
    with pytest.raises(ValueError, match=re.escape(f'{shape}; pass layout="HWC" or layout="CHW"')):
        portresize.resize(array, (8, 9))


def test_other_numbers_of_bands_are_independent(library: Variant) -> None:
    image = _noise(19, 23, 7)
    result = library.back(portresize.resize(library.make(image), (9, 9), layout="HWC"))
    for band in range(7):
        assert_same(result[..., band], portresize.resize(image[..., band], (9, 9)))


@pytest.mark.parametrize("mode", ["RGBX", "CMYK", "RGBa", "L"])
def test_four_plain_bands_are_not_premultiplied(mode: str) -> None:
    image = _noise(19, 23, 4)
    result = portresize.resize(image, (9, 9), mode=mode)
    assert_same(result, np.stack([portresize.resize(image[..., band], (9, 9)) for band in range(4)], axis=-1))
    assert (result != portresize.resize(image, (9, 9))).any()


def test_empty_batches_and_bands_stay_empty(library: Variant) -> None:
    for shape, layout in (((0, 9, 9, 3), "NHWC"), ((2, 0, 9, 9), "NCHW")):
        result = portresize.resize(library.make(np.zeros(shape, np.uint8)), (4, 5), layout=layout)
        padded = portresize.pad(library.make(np.zeros(shape, np.uint8)), (4, 7), layout=layout)
        assert 0 in padded.shape
        assert tuple(result.shape) == tuple(
            {9: 4, "W": 5}.get(n, n) if a == "H" else 5 if a == "W" else n for n, a in zip(shape, layout, strict=True)
        )


@pytest.mark.parametrize("words", [{"size": (9, 8)}, {"size": (4, 3), "box": (1, 1, 4, 5)}], ids=["identity", "crop"])
def test_a_result_is_never_a_view(words: dict[str, Any], library: Variant) -> None:
    image = _noise(9, 8)
    array = library.make(image)
    result = portresize.resize(array, **words)
    if library.name.startswith(("numpy", "torch")):
        result[...] = 0
        assert_same(library.back(array), image)
    else:
        assert result is not array


@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize(
    "library",
    [v for v in VARIANTS if v.needs in {"numpy", "torch", "jax", "cupy"}],
    ids=lambda v: v.name,
    indirect=True,
)
def test_other_floats_are_f_with_one_rounding_a_pass(dtype: str, library: Variant) -> None:
    image = (RANDOM.standard_normal((40, 33)) * 100).astype(dtype)
    with _x64(library):
        result = library.back(portresize.resize(library.make(image), (20, 21), "bicubic"))
    assert_same(result, _passes(_passes(image, 1, 21), 0, 20))


@pytest.mark.parametrize("name", ["numpy", "jax", *(name for name in BY_NAME if name in {"torch", "torch:cuda"})])
def test_bfloat16_rounds_once_a_pass(name: str) -> None:
    library = BY_NAME[name]
    if library.missing:
        pytest.skip(library.missing)
    pytest.importorskip("ml_dtypes", reason="numpy's only bfloat16 comes with jax")
    import ml_dtypes

    image = (RANDOM.standard_normal((160, 133)) * 100).astype(ml_dtypes.bfloat16)
    if name.startswith("torch"):
        array = library.make(image.astype(np.float32)).bfloat16()
        result = library.back(portresize.resize(array, (20, 21)).float())
    else:
        result = np.asarray(portresize.resize(library.make(image), (20, 21))).astype(np.float32)
    expected = _passes(_passes(image, 1, 21, _to_bfloat16), 0, 20, _to_bfloat16)
    assert_same(result, expected.astype(np.float32))


def _x64(library: Variant) -> Any:
    import contextlib

    if library.name != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.enable_x64(True)


def _to_bfloat16(total: float) -> Any:
    """Round a double to bfloat16 once: exactly, with integers."""
    import math

    import ml_dtypes

    mantissa, exponent = math.frexp(total)
    return ml_dtypes.bfloat16(math.ldexp(round(math.ldexp(mantissa, 8)), exponent - 8))


def _passes(image: np.ndarray, axis: int, n_out: int, cast: Any = None) -> np.ndarray:
    """One pass by the scalar formula."""
    lines = np.moveaxis(image, axis, 0)
    cast = cast or image.dtype.type
    out = np.empty((n_out, *lines.shape[1:]), image.dtype)
    for o, (first, row, _) in enumerate(reference.weights(len(lines), n_out, 0.0, len(lines), "bicubic")):
        for place in np.ndindex(lines.shape[1:]):
            total = 0.0
            for j, weight in enumerate(row):
                total += float(lines[(first + j, *place)]) * weight
            out[(o, *place)] = cast(total)
    return np.moveaxis(out, 0, axis)


def test_subnormal_floats_are_not_zeros(library: Variant) -> None:
    if library.platform in {"cupy", "no-float64"}:
        pytest.skip(f"{library.name} promises nothing below 2**-126: see GUARANTEE")
    image = (RANDOM.integers(-(2**24), 2**24, (19, 23)) * 2.0**-149).astype(np.float32)
    array = library.make(image)
    pairs = [(portresize.resize(x, (9, 30), "lanczos"), portresize.reduce(x, (2, 3))) for x in (array, image)]
    for actual, expected in zip(*pairs, strict=True):
        result = library.back(actual)
        assert_same(result, expected)
        assert (np.abs(result[result != 0]) < 2.0**-126).any()


def test_subclasses_find_their_library() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    parameter = torch.nn.Parameter(torch.rand(9, 9))
    assert portresize.resize(parameter, (3, 3)).shape == (3, 3)


@pytest.mark.parametrize("words", [{"size": (9, 8)}, {"size": (4, 3), "box": (1, 1, 4, 5)}], ids=["identity", "crop"])
def test_a_copy_keeps_its_gradient(words: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    image = torch.rand(9, 8, requires_grad=True)
    portresize.resize(image, **words).sum().backward()
    assert image.grad.sum() == words["size"][0] * words["size"][1]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_floats_keep_their_gradient(dtype: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    jax = pytest.importorskip("jax", reason="jax is not installed")
    image = torch.rand(9, 8, dtype=getattr(torch, dtype), requires_grad=True)
    double = image.detach().double().requires_grad_()
    for x in (image, double):
        portresize.resize(x, (4, 13)).double().sum().backward()
    # The gradient is rounded to the dtype for each pass and each tap: a few units of 2**-8 at most.
    assert torch.allclose(image.grad.double(), double.grad, atol=0.03)
    grad = jax.grad(lambda x: portresize.resize(x, (4, 13)).astype("float32").sum())(jax.numpy.ones((9, 8), dtype))
    assert np.allclose(np.asarray(grad, np.float32), double.grad.float().numpy(), atol=0.03)


def test_float_tensors_keep_their_gradient() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    image = torch.rand(9, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: portresize.resize(x, (4, 13), "lanczos"), image)


def test_jax_stays_at_32_bits_outside() -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    assert portresize.resize(jax.numpy.ones((9, 9), "float32"), (3, 3)).dtype == "float32"
    assert not jax.config.jax_enable_x64


def test_any_spelling_of_a_filter_is_one_filter() -> None:
    image = _noise(19, 23)
    from PIL import Image

    expected = portresize.resize(image, (9, 9), "lanczos")
    for spelling in ("LANCZOS", 1, np.int64(1), Resampling.LANCZOS, Image.Resampling.LANCZOS):
        assert_same(portresize.resize(image, (9, 9), spelling), expected)


def test_sizes_and_boxes_may_be_any_sequence() -> None:
    image = _noise(19, 23)
    expected = portresize.resize(image, (9, 8), box=(1, 2, 20, 18))
    for size in ([9, 8], np.array([9, 8]), (np.int32(9), np.uint8(8))):
        assert_same(portresize.resize(image, size, box=np.array([1, 2, 20, 18])), expected)
