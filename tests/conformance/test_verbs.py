"""The other verbs, against the installed Pillow's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

import portresize
from portresize._core.filters import Resampling
from portresize._core.report import assert_same
from tests.libraries import Variant
from tests.oracle import DIALECT, RULES, picture

BANDS = {"RGB": 3, "RGBA": 4, "LA": 2, "LAB": 3}
DTYPES = {"I": np.int32, "F": np.float32, "I;16": np.uint16, "1": np.bool_}


def _noise(mode: str, height: int, width: int) -> np.ndarray:
    random = np.random.default_rng([len(mode), height, width])
    shape = (height, width, BANDS[mode]) if mode in BANDS else (height, width)
    dtype = np.dtype(DTYPES.get(mode, np.uint8))
    if dtype == np.bool_:
        return random.random(shape) < 0.5
    if dtype.kind == "f":
        return (random.standard_normal(shape) * 1e3).astype(dtype)
    info = np.iinfo(dtype.name)
    return random.integers(info.min, info.max, shape, dtype, endpoint=True)


def _call(verb: str, image: Any, mode: str, *words: Any, **more: Any) -> Any:
    layout = "HWC" if len(image.shape) == 3 else "HW"
    return getattr(portresize, verb)(image, *words, layout=layout, mode=mode, dialect=DIALECT, **more)


def _ours(verb: str, image: np.ndarray, mode: str, *words: Any, **more: Any) -> np.ndarray:
    return np.asarray(_call(verb, image, mode, *words, **more))


FACTORS = [(1, 1), (2, 2), (3, 2), (2, 5), (1, 4), (7, 3), (40, 40), (5, 1), (6, 6)]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "LAB", "I", "F"])
@pytest.mark.parametrize("factor", FACTORS, ids=str)
def test_reduce_equals_pillow(mode: str, factor: tuple[int, int], library: Variant) -> None:
    for height, width in ((23, 31), (12, 12), (1, 9)):
        image = _noise(mode, height, width)
        expected = np.asarray(picture(image, mode).reduce(factor[::-1]))
        result = _call("reduce", library.make(image), mode, factor)
        library.check(result, expected, image, mode, Resampling.BOX)


@pytest.mark.parametrize("mode", ["L", "RGBA", "I", "F"])
def test_reduce_of_a_box_equals_pillow(mode: str) -> None:
    image = _noise(mode, 23, 31)
    for factor in ((1, 1), (3, 2), (4, 7)):
        for box in ((0, 0, 31, 23), (3, 2, 30, 20), (5, 5, 6, 6)):
            expected = np.asarray(picture(image, mode).reduce(factor[::-1], box))
            assert_same(_ours("reduce", image, mode, factor, box=box), expected)


def test_reduce_of_huge_blocks_goes_dark_as_in_pillow() -> None:
    image = np.full((1500, 1600), 200, np.uint8)
    expected = np.asarray(picture(image, "L").reduce((1000, 1000)))
    assert expected.max() < 200
    assert_same(_ours("reduce", image, "L", 1000), expected)


@pytest.mark.parametrize("mode", ["L", "F"])
def test_a_block_may_be_longer_than_any_image(mode: str, library: Variant) -> None:
    image = _noise(mode, 5, 7)
    expected = np.asarray(picture(image, mode).reduce((2**30, 2**30)))
    for factor in (6, 2**30, 2**70):
        library.check(
            _call("reduce", library.make(image), mode, (factor, 2**70)), expected, image, mode, Resampling.BOX
        )


def test_reduce_wraps_int32_as_pillow_does() -> None:
    image = np.full((2, 2), 2**30, np.int32)
    assert_same(_ours("reduce", image, "I", 2), np.zeros((1, 1), np.int32))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I", "F", "1"])
def test_thumbnail_equals_pillow(mode: str) -> None:
    for height, width in ((40, 61), (162, 256), (3, 200), (9, 9)):
        for size in ((33, 33), (9, 20), (50, 50), (1, 1)):
            for gap in (2.0, None, 1.0):
                image = _noise(mode, height, width)
                small = picture(image, mode)
                small.thumbnail(size[::-1], reducing_gap=gap)
                assert_same(_ours("thumbnail", image, mode, size, reducing_gap=gap), np.asarray(small))


@pytest.mark.parametrize("verb", ["contain", "cover", "fit", "pad"])
@pytest.mark.parametrize("mode", ["L", "RGBA", "LAB", "F", "I", "1"])
def test_image_ops_equal_pillow(verb: str, mode: str) -> None:
    for height, width in ((21, 31), (40, 17), (1, 20), (16, 16)):
        for size in ((5, 7), (13, 12), (31, 8), (3, 50), (32, 32)):
            image = _noise(mode, height, width)
            try:
                expected = np.asarray(
                    getattr(ImageOps, verb)(picture(image, mode), size[::-1], Image.Resampling.LANCZOS)
                )
            except ValueError:
                assert not RULES.empty_sizes
                with pytest.raises(ValueError, match="expected two sides >= 1"):
                    _ours(verb, image, mode, size, "lanczos")
                continue
            assert_same(_ours(verb, image, mode, size, "lanczos"), expected)


def test_contain_may_be_empty() -> None:
    if not RULES.empty_sizes:
        pytest.skip("before Pillow 13 this is an error, tested above")
    assert _ours("contain", _noise("RGB", 1, 20), "RGB", (5, 5)).shape == (0, 5, 3)


@pytest.mark.parametrize("centering", [(0.0, 1.0), (0.3, 0.8), (1.0, 0.0)], ids=str)
def test_centering_is_pillows(centering: tuple[float, float]) -> None:
    image = _noise("RGB", 21, 31)
    for size in ((30, 17), (9, 40)):
        expected = np.asarray(ImageOps.pad(picture(image, "RGB"), size[::-1], color=(1, 2, 3), centering=centering))
        assert_same(_ours("pad", image, "RGB", size, color=(1, 2, 3), centering=centering), expected)
        expected = np.asarray(ImageOps.fit(picture(image, "RGB"), size[::-1], bleed=0.1, centering=centering))
        assert_same(_ours("fit", image, "RGB", size, bleed=0.1, centering=centering), expected)


@pytest.mark.parametrize("mode", ["RGB", "F", "1", "I;16"])
def test_pad_and_contain_run_on_every_library(mode: str, library: Variant) -> None:
    image = _noise(mode, 21, 31)
    resample = "nearest" if mode == "1" else "bicubic"
    for verb in ("pad", "contain"):
        expected = _ours(verb, image, mode, (12, 40), resample)
        result = _call(verb, library.make(image), mode, (12, 40), resample)
        library.check(result, expected, image, mode, Resampling[resample.upper()])


@pytest.mark.parametrize("factor", [0.5, 1.5, 0.33, 1, 3])
def test_scale_equals_pillow(factor: float) -> None:
    for height, width in ((5, 7), (10, 3), (1, 2)):
        image = _noise("RGB", height, width)
        if not round(factor * height) or not round(factor * width):
            continue
        assert_same(_ours("scale", image, "RGB", factor), np.asarray(ImageOps.scale(picture(image, "RGB"), factor)))


@pytest.mark.parametrize("mode", ["L", "RGBA", "F", "I", "LAB"])
def test_a_box_beyond_the_last_sample_is_zeros_as_in_pillow(mode: str, library: Variant) -> None:
    image = _noise(mode, 20, 24)
    for resample in (Resampling.BOX, Resampling.NEAREST, Resampling.LANCZOS):
        expected = np.asarray(picture(image, mode).resize((6, 5), int(resample), (24, 20, 24, 20)))
        result = _call("resize", library.make(image), mode, (5, 6), resample, box=(24, 20, 24, 20))
        library.check(result, expected, image, mode, resample)


def test_reduce_by_one_copies_any_mode() -> None:
    for mode in ("P", "1", "I;16", "F", "RGBA"):
        image = _noise(mode, 9, 11)
        if mode == "F":
            image = np.full_like(image, -0.0)
        for box in (None, (1, 1, 5, 6)):
            expected = np.asarray(picture(image, mode).reduce((1, 1), box))
            assert_same(_ours("reduce", image, mode, 1, box=box), expected)


def test_pad_takes_signed_bands_as_pillow_keeps_them() -> None:
    image = _noise("LAB", 4, 2)
    expected = np.asarray(ImageOps.pad(picture(image, "LAB"), (4, 4), color=(10, 20, 200)))
    assert_same(_ours("pad", image, "LAB", (4, 4), color=(10, 20, 200)), expected)


def test_an_empty_source_is_zeros_of_the_size() -> None:
    for shape in ((0, 4), (4, 0), (0, 0)):
        image = np.zeros(shape, np.uint8)
        for resample in (0, 3):
            if shape == (4, 0) and RULES.pass_order == "tall":
                # Taller than 100 times nothing: Pillow asks its core for an image without width between two calls.
                with pytest.raises(ValueError, match="has no width"):
                    _ours("resize", image, "L", (2, 3), resample)
                continue
            assert_same(_ours("resize", image, "L", (2, 3), resample), np.zeros((2, 3), np.uint8))
