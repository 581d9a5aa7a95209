"""Samples of every dtype: what is only moved keeps its bits and its dtype, whoever moves it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image

import portresize
from portresize._core.report import assert_same
from tests.core import reference
from tests.libraries import BY_NAME, WAYS, Variant
from tests.oracle import DIALECT, RULES
from tests.serving import without_kernels

Array = Any

MOVES: dict[str, Any] = {
    "nearest": lambda x, **w: portresize.resize(x, (4, 9), "nearest", **w),
    "box": lambda x, **w: portresize.resize(x, (4, 5), "nearest", box=(1.5, 0.25, 7, 8), **w),
    "beyond": lambda x, **w: portresize.resize(x, (3, 3), "nearest", box=(10, 8, 10, 8), **w),
    "crop": lambda x, **w: portresize.resize(x, (4, 3), box=(2, 1, 5, 5), **w),
    "same": lambda x, **w: portresize.resize(x, (8, 10), **w),
    "thumbnail": lambda x, **w: portresize.thumbnail(x, (30, 30), **w),
    "contain": lambda x, **w: portresize.contain(x, (4, 9), "nearest", **w),
    "cover": lambda x, **w: portresize.cover(x, (4, 9), "nearest", **w),
    "fit": lambda x, **w: portresize.fit(x, (8, 4), **w),
    "pad": lambda x, color=3, **w: portresize.pad(x, (8, 14), color=color, **w),
    "scale": lambda x, **w: portresize.scale(x, 2, "nearest", **w),
    "one": lambda x, **w: portresize.reduce(x, 1, box=(1, 2, 9, 7), **w),
}


def _color(move: str, name: str) -> dict[str, int]:
    """For pad, a colour that the dtype has."""
    return {"color": {"bool": 1, "int1": 0, "uint1": 1, "int2": -1}.get(name, 3)} if move == "pad" else {}


@pytest.fixture(params=["kernels", "steps"])
def served(request: pytest.FixtureRequest) -> Iterator[None]:
    """By either."""
    with without_kernels() if request.param == "steps" else nullcontext():
        yield


def _bits(dtype: np.dtype[Any], bands: int = 0) -> Array:
    """An image of any bits, of which few are alike."""
    raw = np.random.default_rng(3).integers(0, 2 if dtype.kind == "b" else 256, (8, 10, max(bands, 1) * dtype.itemsize))
    found = raw.astype(np.uint8).view(dtype)
    return found if bands else found[..., 0]


def _moved(x: Array, move: str) -> Array:
    """What becomes of the samples by way of their places, which are int32 and known to be moved right."""
    # Mode I;16 finds nearest samples in its own way.
    dtype = np.uint16 if x.dtype.name == "uint16" else np.int32
    places = np.arange(2, x.size + 2, dtype=dtype).reshape(x.shape)
    found = MOVES[move](places, layout="HWC"[: x.ndim], **({"color": 1} if move == "pad" else {}))
    samples = np.zeros(x.size + 2, x.dtype)
    samples[1] = np.asarray(_color("pad", x.dtype.name)["color"], np.int32).astype(x.dtype)
    samples[2:] = x.ravel()
    return samples[found]


def _bytes(x: Array) -> bytes:
    """All bits of an array but those that a long double leaves unused."""
    if x.dtype.name not in {"float128", "complex256"}:
        return bytes(x.tobytes())
    native = x.astype(x.dtype.newbyteorder("="))
    return bytes(np.ascontiguousarray(native).view(np.uint8).reshape(-1, 16)[:, :10].tobytes())


def _dtypes() -> Iterator[np.dtype[Any]]:
    """All that numpy knows, in both byte orders, and those of ml_dtypes."""
    for name in ("?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "g", "c8", "c16", "G"):
        yield np.dtype(name)
        if np.dtype(name).itemsize > 1:
            yield np.dtype(name).newbyteorder()
    if importlib.util.find_spec("ml_dtypes"):
        import ml_dtypes

        for name in dir(ml_dtypes):
            if isinstance(found := getattr(ml_dtypes, name), type) and issubclass(found, np.generic):
                yield np.dtype(found)


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("bands", [0, 1, 3, 4, 5])
@pytest.mark.parametrize("dtype", list(_dtypes()), ids=lambda dtype: f"{dtype.byteorder}{dtype.name}")
def test_moved_samples_keep_their_bits_and_dtype(dtype: np.dtype[Any], bands: int) -> None:
    image = _bits(dtype, bands)
    for move, act in MOVES.items():
        words = _color(move, dtype.name) | ({"mode": "L"} if dtype == np.uint8 else {})
        result, expected = act(image, layout="HWC" if bands else "HW", **words), _moved(image, move)
        assert result.dtype == dtype
        assert result.shape == expected.shape
        assert _bytes(result) == _bytes(expected), move


TENSORS = [
    *[
        "bool",
        "uint8",
        "int8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "float16",
        "bfloat16",
        "float32",
    ],
    *["float64", "complex32", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"],
]


@pytest.mark.filterwarnings("ignore:ComplexHalf support:UserWarning")
@pytest.mark.parametrize("by", ["kernels", "operations", "triton", "view"])
@pytest.mark.parametrize("name", TENSORS)
def test_moved_tensors_keep_their_bits_and_dtype(name: str, by: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    variant = {"operations": "torch:steps", "triton": "torch:triton"}.get(by)
    if variant and (variant not in BY_NAME or BY_NAME[variant].missing):
        pytest.skip(f"no {variant} here")
    dtype, bands = getattr(torch, name), 3
    raw = _bits(np.dtype(f"V{dtype.itemsize}") if name != "bool" else np.dtype(bool), bands)
    bits = torch.from_numpy(raw.view(np.uint8).copy())
    images = {"HWC": bits.view(dtype), "CHW": bits.view(dtype).permute(2, 0, 1)}
    if by == "view":
        images = {"HWC": torch.stack([bits.view(dtype)] * 2)[1], "CHW": images["CHW"].contiguous()}
    places = np.arange(2, raw.size + 2, dtype=np.uint16 if name == "uint16" else np.int32).reshape(raw.shape)
    three = torch.tensor([_color("pad", name)["color"]]).to(dtype).view(torch.uint8).numpy()
    samples = np.concatenate([np.zeros_like(three), three, raw.view(np.uint8).ravel()]).reshape(-1, dtype.itemsize)
    with BY_NAME[variant].serving() if variant else nullcontext():
        for layout, image in images.items():
            for move, act in MOVES.items():
                found = act(places, layout="HWC", **({"color": 1} if move == "pad" else {}))
                words = _color(move, name) | ({"mode": "L"} if name == "uint8" else {})
                result = act(image, layout=layout, **words)
                assert result.dtype == dtype
                moved = result if layout == "HWC" else result.permute(1, 2, 0)
                actual = moved.contiguous().view(torch.uint8).numpy().reshape(-1, dtype.itemsize)
                np.testing.assert_array_equal(actual, samples[found.ravel()], err_msg=move)


ARRAYS = [
    *[
        "bool",
        "uint8",
        "int8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "float16",
        "bfloat16",
        "float32",
    ],
    *["float64", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "float8_e4m3b11fnuz", "float8_e3m4"],
    *["float8_e8m0fnu", "float4_e2m1fn", "int4", "uint4", "int2", "uint2"],
]


@pytest.mark.parametrize("by", ["jax", "jax:steps"])
@pytest.mark.parametrize("name", ARRAYS)
def test_moved_arrays_of_jax_keep_their_bits_and_dtype(name: str, by: str) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    variant = next(way for way in WAYS if way.name == by)
    if variant.missing:
        pytest.skip(variant.missing)
    with jax.enable_x64(True), variant.serving():
        dtype = jax.numpy.dtype(name)
        image = _bits(dtype, 3)
        if jax.numpy.issubdtype(dtype, jax.numpy.integer) and jax.numpy.iinfo(dtype).bits < 8:
            image = (image.view(np.uint8) % 2).astype(dtype)
        elif jax.numpy.issubdtype(dtype, jax.numpy.floating) and jax.numpy.finfo(dtype).bits < 8:
            image = (image.view(np.uint8) % 3).astype(dtype)
        array = jax.numpy.asarray(image)
        for move in ("nearest", "beyond", "crop", "pad", "one"):
            act = MOVES[move]
            words = _color(move, name) | ({"mode": "L"} if name == "uint8" else {})
            result = variant.call(partial(act, layout="HWC", **words), array)
            assert result.dtype == dtype
            assert np.asarray(result).tobytes() == _moved(image, move).tobytes(), move


@pytest.mark.parametrize("name", ["int8", "int16", "uint32", "int64", "uint64", "complex64", "complex128"])
def test_any_library_moves_all_dtypes(name: str, library: Variant) -> None:
    if library.platform == "jax-cpu" or (
        library.platform == "no-float64" and name in {"int64", "uint64", "complex128"}
    ):
        pytest.skip("dtypes of 64 bits are not everywhere")
    image = _bits(np.dtype(name), 3)
    for move, act in MOVES.items():
        result = library.back(act(library.make(image), layout="HWC", **_color(move, name)))
        assert result.dtype == image.dtype
        assert result.tobytes() == _moved(image, move).tobytes(), move


@pytest.mark.usefixtures("served")
def test_metadata_of_a_dtype_is_not_of_the_result() -> None:
    image = np.zeros((8, 10), np.dtype(np.uint8, metadata={"unit": "m"}))
    for move in MOVES.values():
        assert move(image).dtype.metadata is None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, on first use of forward gradients.
@pytest.mark.parametrize("move", MOVES)
def test_moved_complex_tensors_have_gradients(move: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    image = torch.randn((8, 10), dtype=torch.complex128, requires_grad=True)
    words = {"mode": "complex128"}
    assert MOVES[move](image, **words).requires_grad
    act = partial(MOVES[move], **words)
    assert torch.autograd.gradcheck(act, image, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(act, image)
    assert torch.autograd.gradcheck(lambda x: act(x.conj()), image)
    gradients = torch.func.vmap(torch.func.grad(lambda x: (act(x) ** 2).real.sum()))(torch.stack([image.detach()] * 2))
    (act(image) ** 2).real.sum().backward()
    assert torch.equal(gradients[1], image.grad)


@pytest.mark.parametrize("move", MOVES)
def test_moved_complex_arrays_of_jax_have_gradients(move: str) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    from jax.test_util import check_grads

    rng = np.random.default_rng(6)
    with jax.enable_x64(True):
        image = jax.numpy.asarray(rng.standard_normal((8, 10)) + 1j * rng.standard_normal((8, 10)))
        check_grads(MOVES[move], (image,), order=2)
        weight = rng.standard_normal(MOVES[move](image).shape)
        gradient = jax.grad(lambda z: jax.numpy.real(jax.numpy.sum(weight * MOVES[move](z))))(image)
        plain = jax.grad(lambda x: jax.numpy.sum(weight * MOVES[move](x, mode="F")))(jax.numpy.real(image))
        np.testing.assert_array_equal(gradient, plain)


def test_samples_without_a_gradient_say_so() -> None:
    text = "samples of float8_e5m2 have no gradient; cast the image to float32"
    torch = pytest.importorskip("torch", reason="torch is not installed")
    jax = pytest.importorskip("jax", reason="jax is not installed")
    tensor = torch.ones((8, 10)).to(torch.float8_e5m2).requires_grad_()
    with pytest.raises(TypeError, match=text):
        portresize.resize(tensor, (4, 5), "nearest").float().sum().backward()
    array = jax.numpy.ones((8, 10), "float8_e5m2")
    with pytest.raises(TypeError, match=text):
        jax.grad(lambda x: portresize.resize(x, (4, 5), "nearest").astype("float32").sum())(array)


def _rounded(total: float, low: int, high: int) -> int:
    """Half away from zero, and clipped."""
    return min(max(int(total + 0.5) if total >= 0 else int(total - 0.5), low), high)


def _filtered(image: Array, size: tuple[int, int], name: str) -> Array:
    """The definition: two passes of double sums, tap by tap, rounded to the dtype after each."""
    info = np.iinfo(image.dtype.name)
    (height, width), (out_h, out_w) = image.shape, size
    order = [(1, width, out_w), (0, height, out_h)]
    if height > out_h and height - out_h > 2 * (width - out_w):
        order.reverse()
    for axis, n_in, n_out in order:
        if n_in == n_out:
            continue
        lines = np.moveaxis(image, axis, 0)
        out = np.empty((n_out, *lines.shape[1:]), image.dtype)
        for o, (first, row, _) in enumerate(reference.weights(n_in, n_out, 0.0, n_in, name)):
            for line in range(lines.shape[1]):
                total = 0.0
                for j, weight in enumerate(row):
                    total += float(lines[first + j, line]) * weight
                out[o, line] = _rounded(total, int(info.min), int(info.max))
        image = np.moveaxis(out, 0, axis)
    return image


def _integers(dtype: str, shape: tuple[int, int], *, share: float = 0.3) -> Array:
    """Noise of the whole range, a part of it from the ends, so that sums go beyond."""
    info, random = np.iinfo(dtype), np.random.default_rng(shape)
    noise = random.integers(info.min, info.max, shape, info.dtype, endpoint=True)
    ends = random.choice(np.array([info.min, info.max, 0, 1], info.dtype), shape)
    return np.where(random.random(shape) < share, ends, noise)


FILTERS = ["box", "bilinear", "hamming", "bicubic", "lanczos", "mks2013", "mks2021"]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("dtype", ["int16", "uint32"])
def test_filters_of_int16_and_uint32_are_their_definition(dtype: str, name: str, library: Variant) -> None:
    for shape, size in (((23, 31), (9, 14)), ((9, 12), (20, 25)), ((40, 9), (7, 11)), ((12, 21), (12, 8))):
        image = _integers(dtype, shape)
        result = library.back(portresize.resize(library.make(image), size, name))
        assert_same(result, _filtered(image, size, name))


@pytest.mark.parametrize("name", FILTERS)
def test_int16_is_i16_where_both_have_the_samples(name: str, library: Variant) -> None:
    if RULES.u16_overshoot != "clip" or portresize.Resampling[name.upper()] not in RULES.filters:
        pytest.skip("I;16 of this Pillow is another")
    # What is not clipped in one is not in the other.
    image = np.random.default_rng(5).integers(8000, 24000, (41, 53)).astype(np.int16)
    for size in ((17, 20), (60, 31), (41, 30)):
        result = library.back(portresize.resize(library.make(image), size, name, dialect=DIALECT))
        for mode in (np.uint16, np.int32):
            theirs = Image.fromarray(image.astype(mode)).resize(size[::-1], Image.Resampling[name.upper()])
            assert_same(result, np.asarray(theirs).astype(np.int16))


@pytest.mark.parametrize("dtype", ["int16", "uint32"])
def test_averages_of_int16_and_uint32_are_exact(dtype: str, library: Variant) -> None:
    image = _integers(dtype, (23, 31))
    info = np.iinfo(dtype)
    for factor in ((1, 2), (2, 2), (3, 2), (5, 7), (30, 40)):
        result = library.back(portresize.reduce(library.make(image), factor))
        expected = np.empty(result.shape, image.dtype)
        for place in np.ndindex(result.shape):
            top, left = (i * n for i, n in zip(place, factor, strict=True))
            block = image[top : top + factor[0], left : left + factor[1]]
            expected[place] = _rounded(int(block.sum(dtype=np.int64)) * (1.0 / block.size), info.min, info.max)
        assert_same(result, expected)
        if dtype == "int16":
            # Pillow reads it as I, whose sums of int16 cannot wrap.
            theirs = Image.fromarray(image.astype(np.int32)).reduce(factor[::-1])
            assert_same(result, np.asarray(theirs).astype(np.int16))
    small = library.back(portresize.resize(library.make(image), (5, 6), "bilinear", reducing_gap=1.5))
    assert_same(
        small, portresize.resize(portresize.reduce(image, (3, 3)), (5, 6), "bilinear", box=(0, 0, 31 / 3, 23 / 3))
    )


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "i4", "f2", "f4", "f8"])
def test_byte_orders_are_computed_as_numbers(dtype: str) -> None:
    native = (np.random.default_rng(2).standard_normal((23, 31, 3)) * 1000 + 3000).astype(dtype)
    other = native.astype(np.dtype(dtype).newbyteorder())
    gap = None if dtype == "u2" else 2.0
    calls: list[partial[Any]] = [
        partial(portresize.resize, size=(9, 40), resample="lanczos"),
        partial(portresize.pad, size=(20, 50), color=0.1 if dtype == "f4" else 7),
        partial(portresize.thumbnail, size=(5, 5), reducing_gap=gap),
    ]
    for call in calls:
        result = call(other)
        assert result.dtype == other.dtype
        assert_same(result.astype(native.dtype), call(native))


def test_pillows_dtypes_are_pillows_values() -> None:
    wide = [order + kind for kind in ("u2", "i2", "u4", "i4", "f4", "f8") for order in "<>"]
    for typestr in ("|b1", "|u1", "|i1", *wide):
        dtype = np.dtype(typestr)
        random = np.random.default_rng(4)
        image = random.integers(0, 2 if dtype.kind == "b" else 100, (23, 31)).astype(dtype)
        for name in ("nearest", "bilinear"):
            if name == "bilinear" and typestr in {"|i1", ">u2", "<f8", ">f8"}:
                # int8 can only be moved; Pillow computes I;16B on swapped bytes, and float64 as float32.
                continue
            theirs = np.asarray(Image.fromarray(image).resize((20, 9), Image.Resampling[name.upper()]))
            ours = portresize.resize(image, (9, 20), name, dialect=DIALECT)
            assert ours.dtype == dtype
            # Pillow answers in int32, and in float32 for float64 too.
            assert_same(ours.astype(theirs.dtype), theirs)
