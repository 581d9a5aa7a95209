"""numpy's own steps against Pillow, every way of computing them forced; and what holds for them and for the kernels."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest

import portresize
from portresize import Resampling
from portresize._backends import _blocks
from portresize._backends import _numpy_steps as backend
from portresize._backends._frame import Frame
from portresize._core.fixed import quantize
from portresize._core.steps import Premultiply, Reduce, Unpremultiply
from portresize._core.taps import taps
from portresize._kernels.llvm.host import host
from tests.oracle import DIALECT, RULES
from tests.serving import without_kernels

Image = pytest.importorskip("PIL.Image")

Array = Any
FILTERS = sorted(RULES.filters - {Resampling.NEAREST})
MIB = 1 << 20


def assert_same(actual: Array, expected: Array) -> None:
    """Same dtype, shape and elements."""
    np.testing.assert_array_equal(actual, expected, strict=True)


def noise(*shape: int, dtype: str = "uint8", seed: int = 0) -> Array:
    """The same random samples on every run, of the whole range for integers."""
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return rng.normal(0.0, 100.0, shape).astype(np.float32)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def pillow(image: Array, size: tuple[int, int], resample: Resampling, **arguments: Any) -> Array:
    """What Pillow makes of one image; `size` is (height, width)."""
    return np.asarray(Image.fromarray(image).resize(size[::-1], int(resample), **arguments))


def resize(image: Array, *words: Any, **more: Any) -> Array:
    """Ours, in the dialect of the installed Pillow."""
    return portresize.resize(image, *words, dialect=DIALECT, **more)


@pytest.fixture(params=["kernels", "steps"])
def served(request: pytest.FixtureRequest) -> Iterator[None]:
    """By either: tests that force a form of the steps ask for `no_kernels` instead."""
    by_steps = request.param == "steps"
    if not by_steps and host().isa is None:
        pytest.skip(f"no kernels: {host().why}")
    with without_kernels() if by_steps else nullcontext():
        yield


@pytest.fixture(params=[0, 1, 8, 16], ids=["by-taps", "bands-of-1", "bands-of-8", "bands-of-16"])
def height(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Forces one form of 8-bit passes, whatever the rule would choose."""
    forced: int = request.param
    monkeypatch.setattr(backend, "band_height", lambda _: forced)
    return forced


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that a small image has many, with a rest at every edge."""
    monkeypatch.setattr(_blocks, "_LINES", 7)
    monkeypatch.setattr(_blocks, "_STEP", 50)
    monkeypatch.setattr(_blocks, "_TRANSPOSED", 4)
    monkeypatch.setattr(_blocks, "_NARROW", 5)
    monkeypatch.setattr(backend, "_BLOCK", 100)


@pytest.mark.parametrize("resample", FILTERS, ids=lambda resample: resample.name.lower())
@pytest.mark.parametrize(
    ("source", "size"),
    [((64, 64), (16, 16)), ((70, 45), (31, 20)), ((13, 17), (64, 33)), ((90, 20), (7, 20)), ((5, 400), (5, 3))],
    ids=str,
)
@pytest.mark.usefixtures("no_kernels", "height")
def test_every_form_of_an_8_bit_pass_equals_pillow(
    source: tuple[int, int], size: tuple[int, int], resample: Resampling
) -> None:
    image = noise(*source, 3)
    assert_same(resize(image, size, resample), pillow(image, size, resample))


@pytest.mark.usefixtures("no_kernels", "height")
def test_every_form_clips_overshoot_at_both_ends() -> None:
    image = noise(40, 40) // 128 * 255
    for resample in sorted({Resampling.BICUBIC, Resampling.LANCZOS, Resampling.MKS2021} & RULES.filters):
        assert_same(resize(image, (61, 19), resample), pillow(image, (61, 19), resample))


@pytest.mark.usefixtures("no_kernels", "small_blocks")
@pytest.mark.parametrize("bands", [0, 3], ids=["L", "RGB"])
def test_blocks_end_anywhere(bands: int) -> None:
    for n in range(1, 71):
        image = noise(n, 71 - n, *[bands] * bool(bands), seed=n)
        size = ((n * 7) % 23 + 1, (n * 5) % 29 + 1)
        actual = resize(image, size, "bicubic", layout="HWC" if bands else "HW")
        assert_same(actual, pillow(image, size, Resampling.BICUBIC))


@pytest.mark.usefixtures("no_kernels", "small_blocks")
@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32"])
def test_blocks_of_wider_samples_end_anywhere(dtype: str) -> None:
    for n in range(1, 71):
        image, size = noise(n, 71 - n, dtype=dtype, seed=n), ((n * 7) % 23 + 1, (n * 5) % 29 + 1)
        actual = resize(image, size, "lanczos", layout="HW")
        assert_same(actual, pillow(image, size, Resampling.LANCZOS))


@pytest.mark.usefixtures("served")
def test_infinity_stays_within_its_window() -> None:
    for column in range(50):
        image = noise(40, 50, dtype="float32")
        image[:, column] = np.inf
        actual = resize(image, (17, 23), "bilinear", layout="HW")
        assert np.isfinite(actual).any()
        assert_same(actual, pillow(image, (17, 23), Resampling.BILINEAR))


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("layout", ["HWC", "CHW", "NHWC", "NCHW", "WHC", "HCW", "CWHN", "THWCN"])
@pytest.mark.parametrize("narrow", [2, 64], ids=["wide", "gathered"])
def test_axes_may_come_in_any_order(layout: str, narrow: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blocks, "_NARROW", narrow)
    lengths = {"H": 37, "W": 29, "C": 3, "N": 2, "T": 2}
    image = noise(*(lengths[letter] for letter in layout))
    axes = [layout.index(letter) for letter in "HWC"]
    last = [axis for axis in range(len(layout)) if axis not in axes]
    actual = resize(image, (15, 40), "bicubic", layout=layout).transpose(*last, *axes)
    batch = image.transpose(*last, *axes)
    for index in np.ndindex(batch.shape[:-3]):
        plain = np.ascontiguousarray(batch[index])
        assert_same(actual[index], pillow(plain, (15, 40), Resampling.BICUBIC))


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("view", [np.s_[::-1, ::-1], np.s_[::2, 1::3], np.s_[5:-3, ::-2]], ids=str)
def test_strides_may_be_anything_and_the_input_read_only(dtype: str, view: tuple[slice, slice]) -> None:
    image = noise(60, 80, dtype=dtype)
    image.setflags(write=False)
    before = image.copy()
    actual = resize(image[view], (21, 33), "lanczos", layout="HW")
    assert_same(actual, pillow(np.ascontiguousarray(image[view]), (21, 33), Resampling.LANCZOS))
    assert_same(image, before)


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(("layout", "shape"), [("NCHW", (0, 3, 4, 5)), ("HWN", (4, 5, 0)), ("CHNW", (3, 4, 0, 5))])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_an_empty_batch_is_resized_to_an_empty_batch(layout: str, shape: tuple[int, ...], dtype: str) -> None:
    empty = np.zeros([2 * length for length in shape], dtype)
    expected = tuple(length if letter in "HW" else 2 * length for letter, length in zip(layout, shape, strict=True))
    assert resize(empty, (4, 5), "bicubic", layout=layout).shape == expected


@pytest.mark.usefixtures("served")
def test_more_bands_than_a_block_has_lines() -> None:
    image = noise(9, 12, 1000)
    actual = resize(image, (5, 7), "bicubic", layout="HWC")
    for band in (0, 500, 999):
        expected = pillow(np.ascontiguousarray(image[..., band]), (5, 7), Resampling.BICUBIC)
        assert_same(actual[..., band], expected)


def frame(layout: str) -> Frame:
    """A frame of numpy arrays."""
    return Frame(xp, "cpu", layout, len(layout))


@pytest.mark.parametrize("layout", ["HWC", "CHW"])
@pytest.mark.parametrize("factor", [(1, 5), (2, 2), (3, 1), (7, 4), (16, 17), (300, 2), (2, 300)], ids=str)
@pytest.mark.usefixtures("small_blocks")
def test_reduce_equals_pillow_with_whole_and_partial_blocks(factor: tuple[int, int], layout: str) -> None:
    image = noise(310, 33, 3) if factor[0] > 257 else noise(33, 310, 3)
    expected = np.asarray(Image.fromarray(image).reduce(factor[::-1]))
    axes = tuple("HWC".index(letter) for letter in layout)
    actual = backend.reduce(frame(layout), np.ascontiguousarray(image.transpose(axes)), Reduce(*factor, "u8"))
    assert_same(actual.transpose(tuple(layout.index(letter) for letter in "HWC")), expected)


def test_alpha_steps_equal_pillow_for_every_colour_and_alpha() -> None:
    color, alpha = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    image = np.dstack([color, color, color, alpha])
    premultiplied = np.asarray(Image.fromarray(image, mode="RGBA").convert("RGBa"))
    assert_same(backend.premultiply(frame("HWC"), image, Premultiply()), premultiplied)
    # Pillow has no other way from RGBa to RGBA, and so every pair of colour and alpha is tried here too.
    restored = np.asarray(Image.frombytes("RGBa", (256, 256), image.tobytes()).convert("RGBA"))
    assert_same(backend.unpremultiply(frame("HWC"), image, Unpremultiply()), restored)


def test_bands_are_made_once_for_a_table() -> None:
    table = quantize(taps(100, 30, 0.0, 100.0, Resampling.BICUBIC))
    made = _blocks.bands(table, 8)
    assert _blocks.bands(table, 8) is made
    assert not any(band.weight.flags.writeable for band in made)


@pytest.mark.usefixtures("served")
def test_threads_do_not_share_scratch() -> None:
    images = [noise(90, 110, 3, seed=seed) for seed in range(16)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda image: resize(image, (40, 50), "bicubic"), images))
    for image, result in zip(images, results, strict=True):
        assert_same(result, pillow(image, (40, 50), Resampling.BICUBIC))


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("shape", "dtype", "between"),
    [((4000, 4000, 3), "uint8", 4000 * 1000 * 3), ((4000, 4000), "float32", 4000 * 1000 * 4)],
    ids=["RGB", "F"],
)
def test_scratch_beyond_result_and_intermediate_image_stays_below_16_mib(
    shape: tuple[int, ...], dtype: str, between: int
) -> None:
    image = np.zeros(shape, dtype)
    tracemalloc.start()
    try:
        result = resize(image, (1000, 1000), "bicubic", layout="HWC"[: len(shape)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < result.nbytes + between + 16 * MIB
