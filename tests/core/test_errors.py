"""What a caller reads who asks for the impossible: literal texts, raised before any work, input untouched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

import portresize

RGB = np.zeros((48, 64, 3), np.uint8)
GREY = np.zeros((48, 64), np.uint8)
FILTERS = '"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming", "mks2013", "mks2021"'
OLD_FILTERS = '"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"'
MODES = "1, P, L, LA, La, PA, RGB, YCbCr, HSV, LAB, RGBA, RGBa, RGBX, CMYK, I, I;16, F, I;16S, I;32"
DTYPES = "bfloat16, bool, float16, float32, float64, int16, int32, uint16, uint32, uint8"
ONLY_MOVED = "or, to be moved only, any other integer, float or complex number of a fixed width"
NO_BACKEND = "expected an array of numpy, torch, jax or cupy, or of any class with __array_namespace__"


def _shaped(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.uint8)


def _resize(image: Any, size: Any = (3, 3), *words: Any, **more: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    return "resize", (image, size, *words), more


def _call(verb: str, *words: Any, **more: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    return verb, words, more


BAD: dict[str, tuple[tuple[str, tuple[Any, ...], dict[str, Any]], type[Exception], str]] = {
    # The array.
    "list": (
        _resize([[1, 2], [3, 4]]),
        TypeError,
        f"no backend for list; {NO_BACKEND}; pass numpy.asarray(image, dtype=...)",
    ),
    "none": (_resize(None), TypeError, f"no backend for NoneType; {NO_BACKEND}"),
    "picture": (
        _resize(Image.new("L", (4, 4))),
        TypeError,
        "no backend for a PIL image; pass numpy.asarray(image), or call the image's own `resize`",
    ),
    "masked": (
        _resize(np.ma.masked_array(GREY)),
        TypeError,
        "no backend for a masked array, whose mask would be lost; pass its `.data` or `.filled(...)`",
    ),
    "matrix": (
        _resize(GREY.view(np.matrix)),
        TypeError,
        "no backend for a numpy matrix; pass numpy.asarray(image)",
    ),
    "int64": (
        _resize(GREY.astype(np.int64)),
        TypeError,
        '`image` has dtype int64, whose samples can only be moved, and "bicubic" computes new ones; pass '
        'resample="nearest", or cast it to int32 or uint32 (if the values fit) or float64',
    ),
    "int8": (
        _resize(GREY.astype(np.int8), (3, 3), "box"),
        TypeError,
        '`image` has dtype int8, whose samples can only be moved, and "box" computes new ones; pass '
        'resample="nearest", or cast it to int16',
    ),
    "complex": (
        _call("thumbnail", GREY.astype(np.complex64), (3, 3)),
        TypeError,
        "`image` has dtype complex64, whose samples can only be moved, and `reducing_gap` computes new ones; pass "
        'resample="nearest", or cast it to float32, the real and the imaginary part apart',
    ),
    "big endian": (
        _call("reduce", GREY.astype(">u8"), 2),
        TypeError,
        "`image` has dtype uint64, whose samples can only be moved, and an average computes new ones; pass "
        'resample="nearest", or cast it to uint32 (if the values fit) or float64',
    ),
    "objects": (
        _resize(GREY.astype(object)),
        TypeError,
        f"`image` has dtype object, expected {DTYPES}, {ONLY_MOVED}; cast it to one",
    ),
    "text": (
        _resize(GREY.astype("<U3")),
        TypeError,
        f"`image` has dtype <U3, expected {DTYPES}, {ONLY_MOVED}; cast it to one",
    ),
    "dates": (
        _resize(GREY.astype("M8[s]"), (3, 3), "nearest"),
        TypeError,
        f"`image` has dtype datetime64[s], expected {DTYPES}, {ONLY_MOVED}; cast it to one",
    ),
    "records": (
        _resize(np.zeros((9, 9), "u1,u2"), (3, 3), "nearest"),
        TypeError,
        f"`image` has dtype [('f0', 'u1'), ('f1', '<u2')], expected {DTYPES}, {ONLY_MOVED}; cast it to one",
    ),
    "color of int64 that no double holds": (
        _call("pad", GREY.astype(np.int64), (64, 80), "nearest", color=2**53 + 1),
        ValueError,
        '`color` is 9007199254740993, expected integers that float64 holds exactly for mode "int64"',
    ),
    "color of uint32": (
        _call("pad", GREY.astype(np.uint32), (64, 80), "nearest", color=-1),
        ValueError,
        '`color` is -1, expected integers from 0 to 4294967295 for mode "I;32"',
    ),
    "color of int8": (
        _call("pad", GREY.astype(np.int8), (64, 80), "nearest", color=128),
        ValueError,
        '`color` is 128, expected integers from -128 to 127 for mode "int8"',
    ),
    "one axis": (
        _resize(_shaped(7)),
        ValueError,
        "`image` has shape (7,), expected at least two axes, a height and a width",
    ),
    # The layout.
    "planes without layout": (
        _resize(_shaped(3, 480, 640)),
        ValueError,
        '`layout` is missing for an array of shape (3, 480, 640); pass layout="HWC" or layout="CHW"',
    ),
    "many bands without layout": (
        _resize(_shaped(48, 64, 5)),
        ValueError,
        '`layout` is missing for an array of shape (48, 64, 5); pass layout="HWC" or layout="CHW"',
    ),
    "batch without layout": (
        _resize(_shaped(8, 48, 64, 3)),
        ValueError,
        '`layout` is missing for an array of shape (8, 48, 64, 3); pass layout="NHWC" or layout="NCHW"',
    ),
    "too many axes without layout": (
        _resize(_shaped(1, 2, 2, 9, 9, 3)),
        ValueError,
        '`layout` is missing for an array of shape (1, 2, 2, 9, 9, 3); pass layout="...HWC" or layout="...CHW", '
        "with one letter of your own for every other axis",
    ),
    "layout too short": (
        _resize(_shaped(8, 48, 64, 3), layout="HWC"),
        ValueError,
        "`layout` is 'HWC' with 3 axes, but the array has 4: shape (8, 48, 64, 3)",
    ),
    "layout without width": (
        _resize(RGB, layout="HXC"),
        ValueError,
        '`layout` is \'HXC\', expected one capital letter per axis, each once: "H" and "W", "C" for bands, any other '
        "for a batch axis",
    ),
    "layout in small letters": (
        _resize(RGB, layout="hwc"),
        ValueError,
        '`layout` is \'hwc\', expected one capital letter per axis, each once: "H" and "W", "C" for bands, any other '
        "for a batch axis",
    ),
    "layout not text": (_resize(RGB, layout=3), TypeError, '`layout` is a int, expected letters such as "HWC"'),
    # The size.
    "size a number": (_resize(RGB, 224), TypeError, "`size` is 224, expected two integers >= 1 as (height, width)"),
    "size text": (_resize(RGB, "22"), TypeError, "`size` is '22', expected two integers >= 1 as (height, width)"),
    "size of a shape": (
        _resize(RGB, (224, 224, 3)),
        ValueError,
        "`size` is (224, 224, 3), expected two integers >= 1 as (height, width); leave out the other axes of a shape",
    ),
    "size of one": (
        _resize(RGB, (224,)),
        ValueError,
        "`size` is (224,), expected two integers >= 1 as (height, width)",
    ),
    "size fractional": (
        _resize(RGB, (22.4, 22.4)),
        TypeError,
        "`size` is (22.4, 22.4), expected two integers >= 1 as (height, width); round them as you mean it",
    ),
    "size with a truth value": (
        _resize(RGB, (True, 5)),
        TypeError,
        "`size` is (True, 5), expected two integers >= 1 as (height, width)",
    ),
    "size zero": (_resize(RGB, (0, 5)), ValueError, "`size` is (0, 5), expected two integers >= 1 as (height, width)"),
    "size negative": (
        _resize(RGB, (5, -1)),
        ValueError,
        "`size` is (5, -1), expected two integers >= 1 as (height, width)",
    ),
    "size beyond Pillow's tables": (
        _resize(GREY, (3, 2**28)),
        ValueError,
        "`size` asks for a width of 268435456 from 64 samples, more than the 53687091 that Pillow's tables can hold",
    ),
    "size beyond Pillow's rows": (
        _resize(GREY, (1099511627, 3), "nearest"),
        ValueError,
        "`size` asks for a height of 1099511627 from 48 samples, more than the 536870910 that Pillow's tables can hold",
    ),
    "size beyond all memory": (
        _resize(GREY, (50_000_000, 50_000_000)),
        ValueError,
        "`size` is (50000000, 50000000), 2.5e+15 samples a band, expected at most 2**40",
    ),
    # The filter.
    "filter unknown": (
        _resize(RGB, (3, 3), "cubic"),
        ValueError,
        f"`resample` is 'cubic', expected one of the filters of dialect \"pillow-13\": {FILTERS}",
    ),
    "filter number unknown": (
        _resize(RGB, (3, 3), 8),
        ValueError,
        f'`resample` is 8, expected one of the filters of dialect "pillow-13": {FILTERS}',
    ),
    "filter not of the dialect": (
        _resize(RGB, (3, 3), "mks2013", dialect="pillow-12"),
        ValueError,
        f"`resample` is 'mks2013', expected one of the filters of dialect \"pillow-12\": {OLD_FILTERS}",
    ),
    "filter fractional": (
        _resize(RGB, (3, 3), 3.0),
        TypeError,
        f"`resample` is 3.0, expected a filter's name ({FILTERS}) or Pillow's number for it",
    ),
    "filter truth value": (
        _resize(RGB, (3, 3), True),
        TypeError,
        f"`resample` is True, expected a filter's name ({FILTERS}) or Pillow's number for it",
    ),
    # The box.
    "box outside": (
        _resize(RGB, box=(0, 0, 70, 48)),
        ValueError,
        "`box` (0, 0, 70, 48) leaves the source, which is 64 wide and 48 high; a box is (left, upper, right, lower) "
        "with `right` >= `left` and `lower` >= `upper`",
    ),
    "box with its axes swapped": (
        _resize(RGB, box=(0, 0, 48, 64)),
        ValueError,
        "`box` (0, 0, 48, 64) leaves the source, which is 64 wide and 48 high; a box is (left, upper, right, lower), "
        "did you mean (0, 0, 64, 48)?",
    ),
    "box reversed": (
        _resize(RGB, box=(9, 0, 5, 9)),
        ValueError,
        "`box` (9, 0, 5, 9) ends before it begins; a box is (left, upper, right, lower) with `right` >= `left` and "
        "`lower` >= `upper`",
    ),
    "box outside with a gap": (
        _resize(RGB, box=(0, 0, 65, 48), reducing_gap=1.0),
        ValueError,
        "`box` (0, 0, 65, 48) leaves the source, which is 64 wide and 48 high; a box is (left, upper, right, lower) "
        "with `right` >= `left` and `lower` >= `upper`",
    ),
    "box beyond all floats": (
        _resize(RGB, box=(0, 0, 1e300, 48)),
        ValueError,
        "`box` (0, 0, 1e+300, 48) leaves the source, which is 64 wide and 48 high; a box is (left, upper, right, "
        "lower) with `right` >= `left` and `lower` >= `upper`",
    ),
    "box not a number": (
        _resize(RGB, box=(0, 0, float("nan"), 9)),
        ValueError,
        "`box` is (0.0, 0.0, nan, 9.0), expected four finite numbers as (left, upper, right, lower)",
    ),
    "box of three": (
        _resize(RGB, box=(0, 0, 9)),
        TypeError,
        "`box` is (0, 0, 9), expected four finite numbers as (left, upper, right, lower)",
    ),
    "box of complex numbers": (
        _resize(RGB, box=(0, 0, 9j, 9)),
        TypeError,
        "`box` is (0, 0, 9j, 9), expected four finite numbers as (left, upper, right, lower)",
    ),
    "box of text": (
        _resize(RGB, box=("0", 0, 9, 9)),
        TypeError,
        "`box` is ('0', 0, 9, 9), expected four finite numbers as (left, upper, right, lower)",
    ),
    # The gap.
    "gap below one": (
        _resize(RGB, reducing_gap=0.5),
        ValueError,
        "`reducing_gap` is 0.5, expected a number >= 1.0, or None to resize in one go",
    ),
    "gap not a number": (
        _resize(RGB, reducing_gap=float("nan")),
        ValueError,
        "`reducing_gap` is nan, expected a number >= 1.0, or None to resize in one go",
    ),
    "box of integers beyond all floats": (
        _resize(RGB, box=(0, 0, 10**400, 9)),
        ValueError,
        "`box` is (0.0, 0.0, inf, 9.0), expected four finite numbers as (left, upper, right, lower)",
    ),
    "scale beyond all sizes": (
        _call("scale", GREY, 1e308),
        ValueError,
        "`factor` is 1e+308, expected a number > 0 and < 2**31",
    ),
    "color of mode 1": (
        _call("pad", GREY > 0, (5, 5), color=2),
        ValueError,
        '`color` is 2, expected integers from 0 to 1 for mode "1"',
    ),
    "tuple": (
        _resize(((1, 2), (3, 4))),
        TypeError,
        f"no backend for tuple; {NO_BACKEND}; pass numpy.asarray(image, dtype=...)",
    ),
    "no bands without layout": (
        _resize(_shaped(48, 64, 0)),
        ValueError,
        '`layout` is missing for an array of shape (48, 64, 0); pass layout="HWC" or layout="CHW"',
    ),
    "gap text": (
        _resize(RGB, reducing_gap="2"),
        TypeError,
        "`reducing_gap` is '2', expected a number >= 1.0, or None to resize in one go",
    ),
    "gap for 16 bits": (
        _resize(GREY.astype(np.uint16), reducing_gap=1.0),
        ValueError,
        '`reducing_gap` needs an average, which mode "I;16" does not have in Pillow; leave the gap out',
    ),
    # The mode.
    "mode unknown": (_resize(RGB, mode="BGR"), ValueError, f"`mode` is 'BGR', expected one of {MODES}"),
    "mode of another dtype": (
        _resize(GREY, mode="F"),
        ValueError,
        '`mode` is "F", which holds float32 or float64 or float16 or bfloat16, but the array is uint8',
    ),
    "mode of other bands": (
        _resize(RGB, mode="RGBA"),
        ValueError,
        '`mode` is "RGBA", which has 4 bands, but the array has 3',
    ),
    "mode of bands without a band axis": (
        _resize(GREY, mode="LA"),
        ValueError,
        '`mode` is "LA", which has 2 bands, but its layout has no "C" axis',
    ),
    # The dialect.
    "dialect unknown": (
        _resize(RGB, dialect="torch"),
        ValueError,
        '`dialect` is \'torch\', expected a released Pillow from "pillow-7.0" to "pillow-13.0", such as '
        '"pillow-13" or "pillow-12.1"',
    ),
    "dialect not released": (
        _resize(RGB, dialect="pillow-99"),
        ValueError,
        '`dialect` is \'pillow-99\', expected a released Pillow from "pillow-7.0" to "pillow-13.0", such as '
        '"pillow-13" or "pillow-12.1"',
    ),
    "dialect not text": (
        _resize(RGB, dialect=13),
        TypeError,
        '`dialect` is 13, expected text such as "pillow-13" or "pillow-12.1"',
    ),
    "16-bit filter before 11": (
        _resize(GREY.astype(np.uint16), (3, 3), "bicubic", dialect="pillow-10"),
        ValueError,
        'mode "I;16" has no filter but "nearest" in dialect "pillow-10"',
    ),
    "16-bit default before 8.3": (
        _resize(GREY.astype(np.uint16), (3, 3), dialect="pillow-8.2"),
        ValueError,
        'mode "I;16" has no filter but "nearest" in dialect "pillow-8.2"',
    ),
    "contain before 8.3": (
        _call("contain", GREY, (3, 3), dialect="pillow-8.2"),
        ValueError,
        '`contain` does not exist in dialect "pillow-8.2", expected "pillow-8.3" or newer',
    ),
    "thin thumbnail in 7.1": (
        _call("thumbnail", np.zeros((2, 99), np.uint8), (30, 30), dialect="pillow-7.1.2"),
        ValueError,
        "the aspect of an image of (2, 99) leaves a height below 1 within (30, 30), which Pillow 7.1 divides by",
    ),
    # The other verbs.
    "factor zero": (
        _call("reduce", GREY, 0),
        ValueError,
        "`factor` is (0, 0), expected an integer >= 1 or two as (vertical, horizontal)",
    ),
    "factor fractional": (
        _call("reduce", GREY, 1.5),
        TypeError,
        "`factor` is 1.5, expected an integer >= 1 or two as (vertical, horizontal)",
    ),
    "reduce palette": (
        _call("reduce", GREY, 2, mode="P"),
        ValueError,
        'mode "P" cannot be averaged by `reduce`; resize with "nearest" or cast to another dtype',
    ),
    "reduce with an empty box": (
        _call("reduce", GREY, 2, box=(5, 5, 5, 9)),
        ValueError,
        "`box` (5, 5, 5, 9) leaves the source, which is 64 wide and 48 high; a box is (left, upper, right, lower) "
        "with `right` > `left` and `lower` > `upper`",
    ),
    "reduce with a fractional box": (
        _call("reduce", GREY, 2, box=(0, 0, 5.5, 9)),
        TypeError,
        "`box` is (0, 0, 5.5, 9), expected four integers as (left, upper, right, lower)",
    ),
    "scale by nothing": (_call("scale", GREY, 0), ValueError, "`factor` is 0, expected a number > 0 and < 2**31"),
    "scale to nothing": (
        _call("scale", GREY, 0.001),
        ValueError,
        "`factor` 0.001 leaves (0, 0) of an image of (48, 64), expected two sides >= 1",
    ),
    "cover before 10.1": (
        _call("cover", GREY, (9, 9), dialect="pillow-10.0"),
        ValueError,
        '`cover` does not exist in dialect "pillow-10.0", expected "pillow-10.1" or newer',
    ),
    "contain to nothing before 13": (
        _call("contain", _shaped(1, 20), (5, 5), dialect="pillow-12"),
        ValueError,
        "`size` leaves (0, 5) of an image of (1, 20), expected two sides >= 1; ask for a larger size",
    ),
    "aspect of nothing": (
        _call("thumbnail", _shaped(0, 9), (5, 5)),
        ValueError,
        "`image` has a height and a width of (0, 9), expected both >= 1 for an aspect",
    ),
    "fit of nothing before 13": (
        _call("fit", _shaped(0, 9), (5, 5), dialect="pillow-12"),
        ValueError,
        "`image` has a height and a width of (0, 9), expected both >= 1 for an aspect",
    ),
    "cover with nothing": (
        _call("cover", _shaped(9, 0), (5, 5)),
        ValueError,
        "`image` has a height and a width of (9, 0), expected both >= 1 for an aspect",
    ),
    "size without height": (
        _call("thumbnail", GREY, (0, 5)),
        ValueError,
        "`size` is (0, 5), expected two integers >= 1 as (height, width)",
    ),
    "size without width": (
        _call("thumbnail", GREY, (5, 0)),
        ValueError,
        "`size` leaves (1, 0) of an image of (48, 64), expected two sides >= 1; ask for a larger size",
    ),
    "size below nothing": (
        _call("contain", GREY, (5, -1)),
        ValueError,
        "`size` is (5, -1), expected two integers >= 0 as (height, width)",
    ),
    "crop reversed": (
        _call("reduce", GREY, 1, box=(5, 0, 2, 9)),
        ValueError,
        "`box` (5, 0, 2, 9) ends before it begins; a box is (left, upper, right, lower) with `right` >= `left` and "
        "`lower` >= `upper`",
    ),
    "crop beyond all memory": (
        _call("reduce", GREY, 1, box=(0, 0, 2**30, 2**30)),
        ValueError,
        "`box` (0, 0, 1073741824, 1073741824) holds 1073741824 x 1073741824 samples a band, expected at most 2**40",
    ),
    "centering outside": (
        _call("fit", GREY, (5, 5), centering=(0.5, 1.5)),
        ValueError,
        "`centering` is (0.5, 1.5), expected two numbers from 0 to 1 as (horizontal, vertical)",
    ),
    "centering a number": (
        _call("pad", GREY, (5, 5), centering=0.5),
        TypeError,
        "`centering` is 0.5, expected two numbers from 0 to 1 as (horizontal, vertical)",
    ),
    "bleed too large": (
        _call("fit", GREY, (5, 5), bleed=0.5),
        ValueError,
        "`bleed` is 0.5, expected a number from 0 to less than 0.5",
    ),
    "one color for three bands": (
        _call("pad", RGB, (5, 5), color=7),
        TypeError,
        '`color` is 7, expected 3 numbers for mode "RGB"',
    ),
    "color by name": (
        _call("pad", RGB, (5, 5), color="red"),
        TypeError,
        "`color` is 'red', expected 3 numbers for mode \"RGB\"",
    ),
    "color out of range": (
        _call("pad", RGB, (5, 5), color=(0, 0, 256)),
        ValueError,
        '`color` is (0, 0, 256), expected integers from 0 to 255 for mode "RGB"',
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_clear_error(name: str) -> None:
    (verb, words, more), kind, text = BAD[name]
    image = words[0]
    before = image.tobytes() if isinstance(image, np.ndarray) else None
    with pytest.raises(kind) as caught:
        getattr(portresize, verb)(*words, **more)
    assert type(caught.value) is kind
    assert str(caught.value) == text
    assert before is None or image.tobytes() == before


@pytest.mark.parametrize(
    ("number", "kind"),
    [(0, ValueError), (-3, ValueError), (True, TypeError), (2.0, TypeError), ("2", TypeError), (None, TypeError)],
)
def test_a_bad_number_of_threads_gets_one_clear_error(number: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught, portresize.threads(number):
        pass
    assert type(caught.value) is kind
    assert str(caught.value) == f"`number` is {number!r}, expected an integer >= 1"
