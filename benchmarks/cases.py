"""Images to resize, and who resizes them: Pillow, and portresize once its result has been found equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

import portresize
from benchmarks.timing import noise
from portresize import Resampling
from portresize._core.plan import plan
from portresize._core.spec import Spec
from portresize._core.steps import Pass

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any


class Case(NamedTuple):
    """An image, or a batch, to resize."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    layout: str
    mode: str
    size: tuple[int, int]
    resample: str
    gap: float | None = None


RGB = [
    Case("512² to 128² bilinear", (512, 512, 3), "uint8", "HWC", "RGB", (128, 128), "bilinear"),
    Case("1080x1920 to 224² bicubic", (1080, 1920, 3), "uint8", "HWC", "RGB", (224, 224), "bicubic"),
    Case("2160x3840 to 512² lanczos", (2160, 3840, 3), "uint8", "HWC", "RGB", (512, 512), "lanczos"),
    Case("224² to 512² bicubic", (224, 224, 3), "uint8", "HWC", "RGB", (512, 512), "bicubic"),
]


class Pair(NamedTuple):
    """Pillow and ours on one case.

    Attributes:
        x: The samples.
        expected: Pillow's images as one array, a batch axis first and the bands last.
        pillow: Resizes images made before, and does not turn them back into arrays.
        ours: Resizes `x`.
    """

    x: Array
    expected: Array
    pillow: Callable[[], list[Image.Image]]
    ours: Callable[[], Array]


def checked(case: Case) -> Pair:
    """Both, after a check that they agree on every element.

    Raises:
        AssertionError: They do not.
    """
    x = noise(case.shape, case.dtype)
    planes = images_of(case, x)
    images = [Image.fromarray(np.ascontiguousarray(plane)) for plane in planes]
    resample = Resampling[case.resample.upper()]

    def theirs() -> list[Image.Image]:
        return [image.resize(case.size[::-1], int(resample), reducing_gap=case.gap) for image in images]

    def ours() -> Array:
        return portresize.resize(x, case.size, resample, layout=case.layout, mode=case.mode, reducing_gap=case.gap)

    expected, actual = np.stack([np.asarray(image) for image in theirs()]), ours()
    must_agree(case.name, expected, images_of(case, actual))
    return Pair(x, expected, theirs, ours)


def images_of(case: Case, x: Array) -> Array:
    """`x` with a batch axis first and the bands last."""
    if case.layout == "NCHW":
        return x.transpose(0, 2, 3, 1)
    return x if case.layout == "NHWC" else x[None]


def must_agree(name: str, expected: Array, actual: Array) -> None:
    """Raises AssertionError unless every element is equal, and dtype and shape too."""
    if not (expected.dtype == actual.dtype and expected.shape == actual.shape and (expected == actual).all()):
        msg = f"{name}: results differ from Pillow's"
        raise AssertionError(msg)


def first_pass(case: Case) -> str:
    """The axis that the plan resizes first, `"H"` or `"W"`."""
    spec = Spec(case.layout, case.mode, "pillow-13", case.size, int(Resampling[case.resample.upper()]))
    source = (case.shape[case.layout.index("H")], case.shape[case.layout.index("W")])
    return next(step.axis for step in plan(spec, source).steps if isinstance(step, Pass))
