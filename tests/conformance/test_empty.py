"""Images, boxes and sizes without samples: what the installed Pillow answers, and one error where it raises."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

import portresize
from portresize._core.report import assert_same
from tests.libraries import Variant
from tests.oracle import DIALECT, RULES, picture

EMPTY = [(0, 4), (4, 0), (0, 0)]
SOURCES = [*EMPTY, (5, 6), (1, 20), (100, 1)]
SIZES = [(2, 3), (0, 3), (2, 0), (0, 0), (0, 5), (4, 4), (4, 0)]
BOXES = [
    *[None, (0, 0, 0, 0), (1, 1, 1, 3), (2, 1, 1, 3), (3, 2, 6, 5), (-2, -1, 2, 2), (10, 10, 12, 13), (0, 0, 4, 0)],
    *[(1, 1, 3, 2), (-1, -1, 7, 6), (0, 0, 6, 5), (5, 4, 6, 5), (6, 5, 6, 5), (4, 0, 3, 9), (-3, -3, -1, -1)],
]
BANDS = {"RGBA": 4, "LAB": 3}
DTYPES = {"F": np.float32, "I": np.int32, "I;16": np.uint16, "1": np.bool_}


def _image(mode: str, source: tuple[int, int]) -> np.ndarray:
    shape = (*source, BANDS[mode]) if mode in BANDS else source
    dtype: Any = DTYPES.get(mode, np.uint8)
    return np.random.default_rng(1).integers(0, 2 if mode == "1" else 200, shape).astype(dtype)


def _picture(image: np.ndarray, mode: str) -> Image.Image:
    """Pillow reads no array without samples."""
    return picture(image, mode) if image.size else Image.new(mode, (image.shape[1], image.shape[0]))


def _answer(picture: Image.Image, image: np.ndarray) -> np.ndarray:
    """A picture as an array, which Pillow does not make of one without samples."""
    if all(picture.size):
        return np.asarray(picture)
    return np.zeros((picture.size[1], picture.size[0], *image.shape[2:]), image.dtype)


def _by_pillow(picture: Image.Image, verb: str, *words: Any) -> Image.Image:
    if verb == "thumbnail":
        picture.thumbnail(words[0], reducing_gap=words[1])
        return picture
    found: Image.Image
    found = getattr(picture, verb)(*words) if verb in {"resize", "reduce"} else getattr(ImageOps, verb)(picture, *words)
    return found


def _check(verb: str, image: np.ndarray, mode: str, library: Variant, words: tuple[Any, ...], **more: Any) -> None:
    """That ours, which is called with the same `words` by position and `more`, answers as theirs."""
    ours = partial(getattr(portresize, verb), library.make(image), *(_turned(word) for word in words), **more)
    layout = "HWC" if mode in BANDS else "HW"
    try:
        expected = _answer(_by_pillow(_picture(image, mode), verb, *words, *more.values()), image)
    except (ValueError, ZeroDivisionError):
        with pytest.raises(ValueError, match=r"^`(image|size|factor|box)` "):
            ours(layout=layout, mode=mode, dialect=DIALECT)
        return
    assert_same(library.back(ours(layout=layout, mode=mode, dialect=DIALECT)), expected)


def _turned(word: Any) -> Any:
    """A size as ours take it."""
    return word[::-1] if isinstance(word, tuple) else word


MODES = pytest.mark.parametrize("mode", ["L", "RGBA", "LAB", "F", "I;16", "1"])


@MODES
@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_image_ops_of_nothing_equal_pillow(source: tuple[int, int], mode: str, library: Variant) -> None:
    image = _image(mode, source)
    for size in SIZES:
        for verb in ("contain", "fit", "pad", *(["cover"] if RULES.cover else [])):
            _check(verb, image, mode, library, (size, 0))


@pytest.mark.parametrize("mode", ["L", "RGBA"])
@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_thumbnails_and_scales_of_nothing_equal_pillow(source: tuple[int, int], mode: str, library: Variant) -> None:
    image = _image(mode, source)
    for size in SIZES:
        for gap in (None, 2.0):
            _check("thumbnail", image, mode, library, (size,), reducing_gap=gap)
    for factor in (0.01, 0.5, 1, 2):
        _check("scale", image, mode, library, (factor,))


@MODES
@pytest.mark.parametrize("source", [*EMPTY, (5, 6)], ids=str)
def test_reduce_by_one_is_a_crop_of_anything(source: tuple[int, int], mode: str, library: Variant) -> None:
    image = _image(mode, source)
    for box in BOXES:
        for factor in (1, 2) if mode not in {"I;16", "1"} else (1,):
            _check("reduce", image, mode, library, (factor,), box=box)


@MODES
@pytest.mark.parametrize("source", EMPTY, ids=str)
def test_a_resize_of_nothing_is_zeros(source: tuple[int, int], mode: str, library: Variant) -> None:
    image = _image(mode, source)
    for resample in (0, 3):
        for box in (None, (0, 0, source[1], source[0])):
            for gap in (None, 2.0) if mode != "I;16" else (None,):
                _check("resize", image, mode, library, ((3, 2), resample), box=box, reducing_gap=gap)


def test_a_crop_to_zeros_has_a_gradient() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    image = torch.rand((5, 6), dtype=torch.float64, requires_grad=True)
    for box in ((-2, -1, 2, 2), (3, 2, 9, 5), (10, 10, 12, 13), (1, 1, 1, 3)):
        assert torch.autograd.gradcheck(lambda x: portresize.reduce(x, 1, box=box), image)  # noqa: B023  called at once
