"""The public verbs: friendly words in, a Spec down, an array of the same kind out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, SupportsIndex

from portresize._core import geometry, request
from portresize._core.dialect import DEFAULT
from portresize._core.filters import Resampling
from portresize._subject import answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portresize._core.spec import Spec
    from portresize._subject import Subject
    from portresize._typing import ArrayT, Filter


def resize(
    image: ArrayT,
    size: Iterable[SupportsIndex],
    resample: Filter = None,
    *,
    box: Iterable[float] | None = None,
    reducing_gap: float | None = None,
    layout: str | None = None,
    mode: str | None = None,
    dialect: str = DEFAULT,
) -> ArrayT:
    """Resize `image` to `size`, equal to `PIL.Image.Image.resize` in every element.

    Args:
        image: Array of numpy, torch, jax, cupy or any library with the array API; uint8, uint16 (I;16), int32 (I),
            float32 (F) or bool (1), or, beyond Pillow, float16, bfloat16 and float64, computed as F with one rounding
            to the dtype per pass, and int16 and uint32, rounded half away from zero and clipped to the dtype after each
            pass. Any other integer, float or complex number of a fixed width can be moved: by nearest, and where
            nothing but a crop or a pad is asked. Arrays of numpy may have either byte order. It is never written.
        size: `(height, width)` of the result, two integers >= 1: as arrays count, which is not Pillow's order.
        resample: `"nearest"`, `"box"`, `"bilinear"`, `"hamming"`, `"bicubic"`, `"lanczos"`, `"mks2013"` or `"mks2021"`,
            a `Resampling` member, or Pillow's own enumeration or number. None is bicubic; modes 1 and P always
            take nearest.
        box: Part of the source to resize, Pillow's `(left, upper, right, lower)` in source samples, floats allowed;
            samples outside the box but near it contribute. None is the whole source.
        reducing_gap: At least 1.0: first average whole blocks, as far as that leaves this many times the wanted size;
            faster and less exact to the filter, as in Pillow.
        layout: Letters of the axes, such as `"HWC"` or `"NCHW"`: `H` and `W` are resized, `C` holds the bands, every
            other letter is a batch axis. None: two axes are `"HW"`; three are `"HWC"` if the last has 1 to 4 elements
            and the first more than 4, or any number in arrays of numpy, as `Image.fromarray` reads them.
        mode: How Pillow would read the array, one of "1", "L", "LA", "La", "PA", "P", "RGB", "RGBA", "RGBa", "RGBX",
            "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16" and "F"; or "I;16S" for int16, "I;32" for uint32, and for what
            can only be moved the name of its dtype. None is what `Image.fromarray` chooses: uint8 with 2 bands is LA
            and with 4 RGBA, whose alpha is multiplied in; any other number of bands are independent.
        dialect: The Pillow whose result to give, from `"pillow-7.0"` to `"pillow-13"`.

    Returns:
        A new array of the same library, dtype, device and layout.

    Raises:
        TypeError: An argument is of the wrong type, or no backend or mode takes the array, or its samples can only be
            moved, and the filter computes.
        ValueError: An argument is out of range or contradicts another.
        MemoryError: This process cannot hold the result or what it takes to make it, which is said before any work.

    Source: Pillow 13.0.0, src/PIL/Image.py, Image.resize, and src/libImaging/Resample.c.

    >>> import numpy as np
    >>> row = np.array([[0, 100, 200, 255, 50]], np.uint8)
    >>> resize(row, (1, 3), "lanczos")
    array([[ 29, 212, 141]], dtype=uint8)
    """
    return answer(_resize, image, (layout, mode, dialect), size, resample, box, reducing_gap)


def _resize(subject: Subject, size: object, resample: Filter, box: object, reducing_gap: object) -> Spec:
    return subject.spec(
        size=request.size_of(size),
        resample=subject.filter(resample),
        box=request.box_of(box),
        reducing_gap=request.gap_of(reducing_gap),
    )


def reduce(
    image: ArrayT,
    factor: SupportsIndex | Iterable[SupportsIndex],
    *,
    box: Iterable[SupportsIndex] | None = None,
    layout: str | None = None,
    mode: str | None = None,
    dialect: str = DEFAULT,
) -> ArrayT:
    """Average blocks of `factor` samples, equal to `PIL.Image.Image.reduce` in every element.

    Args:
        image: As in `resize`; not of modes 1, P and I;16, which Pillow does not average, nor of a dtype that can only
            be moved.
        factor: An integer >= 1, or `(vertical, horizontal)`. Partial blocks at the end are averaged over what they
            hold.
        box: Part of the source to reduce, `(left, upper, right, lower)`, integers. None is the whole source. For a
            factor of 1, which is a crop from Pillow 13 on, it may be empty or leave the source, and has 0 there.
        layout: As in `resize`.
        mode: As in `resize`.
        dialect: As in `resize`.

    Returns:
        A new array of the same library, dtype, device and layout.

    Raises:
        TypeError: As in `resize`.
        ValueError: As in `resize`.
        MemoryError: As in `resize`.

    Source: Pillow 13.0.0, src/PIL/Image.py, Image.reduce, and src/libImaging/Reduce.c.

    >>> import numpy as np
    >>> reduce(np.array([[0, 1, 2, 3, 4]], np.uint8), (1, 2))
    array([[1, 3, 4]], dtype=uint8)
    """
    return answer(_reduce, image, (layout, mode, dialect), factor, box)


def _reduce(subject: Subject, factor: object, box: object) -> Spec:
    return subject.spec(factor=request.factor_of(factor), box=request.box_of(box, whole=True))


def thumbnail(
    image: ArrayT,
    size: Iterable[float],
    resample: Filter = None,
    *,
    reducing_gap: float | None = 2.0,
    layout: str | None = None,
    mode: str | None = None,
    dialect: str = DEFAULT,
) -> ArrayT:
    """Shrink `image` to fit within `size` and keep its aspect, equal to `PIL.Image.Image.thumbnail`.

    Args:
        image: As in `resize`. An image that fits already is copied.
        size: Largest `(height, width)`, two numbers >= 1, whose fractions are cut off, as in Pillow. (0 only where
            Pillow does not divide by it.)
        resample: As in `resize`; None is bicubic.
        reducing_gap: As in `resize`; 2.0 as in Pillow. (Pillow also asks a JPEG decoder for a smaller picture.)
        layout: As in `resize`.
        mode: As in `resize`.
        dialect: As in `resize`.

    Returns:
        A new array of the same library, dtype, device and layout.

    Raises:
        TypeError: As in `resize`.
        ValueError: As in `resize`, or the image has no height and does not fit already, or the result would have none
            in dialect 7.1.
        MemoryError: As in `resize`.

    Source: Pillow 13.0.0, src/PIL/Image.py, Image.thumbnail.

    >>> import numpy as np
    >>> thumbnail(np.zeros((162, 256, 3), np.uint8), (33, 33)).shape
    (21, 33, 3)
    """
    return answer(_thumbnail, image, (layout, mode, dialect), size, resample, reducing_gap)


def _thumbnail(subject: Subject, size: object, resample: Filter, reducing_gap: object) -> Spec:
    rule = request.dialect_of(subject.dialect).thumbnail_size
    return subject.spec(
        size=geometry.thumbnail(subject.size, request.bounds_of(size, least=0), rule),
        resample=request.filter_of(resample, subject.dialect, Resampling.BICUBIC),
        reducing_gap=request.gap_of(reducing_gap),
    )


def contain(
    image: ArrayT,
    size: Iterable[SupportsIndex],
    resample: Filter = None,
    *,
    layout: str | None = None,
    mode: str | None = None,
    dialect: str = DEFAULT,
) -> ArrayT:
    """Resize `image` to the largest size within `size` that keeps its aspect, equal to `PIL.ImageOps.contain`.

    Args:
        image: As in `resize`.
        size: Largest `(height, width)`, two integers >= 0.
        resample: As in `resize`; None is bicubic.
        layout: As in `resize`.
        mode: As in `resize`.
        dialect: As in `resize`; `"pillow-8.3"` or newer.

    Returns:
        A new array of the same library, dtype, device and layout; empty if the image is, or a side of the size, or if
        one rounds to 0, as in Pillow 13.

    Raises:
        TypeError: As in `resize`.
        ValueError: As in `resize`, or the dialect has no `contain`, or the result would be empty in one before 13.
        MemoryError: As in `resize`.

    Source: Pillow 13.0.0, src/PIL/ImageOps.py.

    >>> import numpy as np
    >>> contain(np.zeros((43, 63), np.uint8), (20, 20)).shape
    (14, 20)
    """
    return answer(_contain, image, (layout, mode, dialect), size, resample)


def _contain(subject: Subject, size: object, resample: Filter) -> Spec:
    rules = request.dialect_of(subject.dialect)
    if not rules.contain:
        msg = f'`contain` does not exist in dialect "{subject.dialect}", expected "pillow-8.3" or newer'
        raise ValueError(msg)
    return subject.spec(
        size=geometry.contain(
            subject.size, request.size_of(size, least=0), empty=rules.empty_sizes, rounds=rules.rounds
        ),
        resample=request.filter_of(resample, subject.dialect, Resampling.BICUBIC),
    )


def cover(
    image: ArrayT,
    size: Iterable[SupportsIndex],
    resample: Filter = None,
    *,
    layout: str | None = None,
    mode: str | None = None,
    dialect: str = DEFAULT,
) -> ArrayT:
    """Resize `image` to the smallest size that covers `size` and keeps its aspect, equal to `PIL.ImageOps.cover`.

    Args:
        image: As in `resize`.
        size: `(height, width)` to cover, two integers >= 0.
        resample: As in `resize`; None is bicubic.
        layout: As in `resize`.
        mode: As in `resize`.
        dialect: As in `resize`; `"pillow-10.1"` or newer.

    Returns:
        A new array of the same library, dtype, device and layout; empty if the image or the size has no height, as in
        Pillow 13.

    Raises:
        TypeError: As in `resize`.
        ValueError: As in `resize`, or any other side is 0, or the dialect has no `cover`.
        MemoryError: As in `resize`.

    Source: Pillow 13.0.0, src/PIL/ImageOps.py.

    >>> import numpy as np
    >>> cover(np.zeros((4, 10), np.uint8), (25, 25)).shape
    (25, 62)
    """
    return answer(_cover, image, (layout, mode, dialect), size, resample)


def _cover(subject: Subject, size: object, resample: Filter) -> Spec:
    rules = request.dialect_of(subject.dialect)
    if not rules.cover:
        msg = f'`cover` does not exist in dialect "{subject.dialect}", expected "pillow-10.1" or newer'
        raise ValueError(msg)
    return subject.spec(
        size=geometry.cover(subject.size, request.size_of(size, least=0), empty=rules.empty_sizes),
        resample=request.filter_of(resample, subject.dialect, Resampling.BICUBIC),
    )


def fit(
    image: ArrayT,
    size: Iterable[SupportsIndex],
    resample: Filter = None,
    *,
    bleed: float = 0.0,
    centering: Iterable[float] = (0.5, 0.5),
    layout: str | None = None,
    mode: str | None = None,
    dialect: str = DEFAULT,
) -> ArrayT:
    """Crop `image` to the aspect of `size` and resize it, equal to `PIL.ImageOps.fit`.

    Args:
        image: As in `resize`.
        size: `(height, width)` of the result, two integers >= 0.
        resample: As in `resize`; None is bicubic.
        bleed: Part of each side to cut off first, from 0 to less than 0.5.
        centering: Where to keep the crop, `(horizontal, vertical)` as in Pillow, each from 0 to 1.
        layout: As in `resize`.
        mode: As in `resize`.
        dialect: As in `resize`.

    Returns:
        A new array of the same library, dtype, device and layout; zeros of an empty image, as in Pillow 13.

    Raises:
        TypeError: As in `resize`.
        ValueError: As in `resize`, or a side is 0 in a dialect before 13, or `bleed` or `centering` is out of range
            (which Pillow replaces in silence).
        MemoryError: As in `resize`.

    Source: Pillow 13.0.0, src/PIL/ImageOps.py.

    >>> import numpy as np
    >>> fit(np.array([[0, 10, 20, 30], [0, 10, 20, 30]], np.uint8), (1, 1), "box")
    array([[15]], dtype=uint8)
    """
    return answer(_fit, image, (layout, mode, dialect), size, resample, bleed, centering)


def _fit(subject: Subject, size: object, resample: Filter, bleed: object, centering: object) -> Spec:
    wanted, may_be_empty = request.size_of(size, least=0), request.dialect_of(subject.dialect).empty_sizes
    place = request.bleed_of(bleed), request.centering_of(centering)
    return subject.spec(
        size=wanted,
        resample=request.filter_of(resample, subject.dialect, Resampling.BICUBIC),
        box=geometry.fit(subject.size, wanted, *place, empty=may_be_empty),
    )


def pad(
    image: ArrayT,
    size: Iterable[SupportsIndex],
    resample: Filter = None,
    *,
    color: float | Iterable[float] | None = None,
    centering: Iterable[float] = (0.5, 0.5),
    layout: str | None = None,
    mode: str | None = None,
    dialect: str = DEFAULT,
) -> ArrayT:
    """Resize `image` to fit within `size`, keep its aspect and fill the rest, equal to `PIL.ImageOps.pad`.

    Args:
        image: As in `resize`.
        size: `(height, width)` of the result, two integers >= 0.
        resample: As in `resize`; None is bicubic.
        color: What to fill with: one real number per band in the array's own units, or one number where bands are
            independent. None is Pillow's 0.
        centering: Where to place the image, `(horizontal, vertical)` as in Pillow, each from 0 to 1.
        layout: As in `resize`.
        mode: As in `resize`.
        dialect: As in `resize`.

    Returns:
        A new array of the same library, dtype, device and layout; `color` alone of an empty image, as in Pillow 13.

    Raises:
        TypeError: As in `resize`.
        ValueError: As in `resize`, or a side is 0 in a dialect before 13, or `centering` or `color` is out of range.
        MemoryError: As in `resize`.

    Source: Pillow 13.0.0, src/PIL/ImageOps.py.

    >>> import numpy as np
    >>> pad(np.array([[1, 2]], np.uint8), (3, 2), color=9)
    array([[9, 9],
           [1, 2],
           [9, 9]], dtype=uint8)
    """
    return answer(_pad, image, (layout, mode, dialect), size, resample, color, centering)


def _pad(subject: Subject, size: object, resample: Filter, color: object, centering: object) -> Spec:
    canvas, rules = request.size_of(size, least=0), request.dialect_of(subject.dialect)
    inner = geometry.contain(subject.size, canvas, empty=rules.empty_sizes, rounds=rules.rounds)
    place = geometry.offset(inner, canvas, request.centering_of(centering), rounds=rules.rounds)
    return subject.spec(
        size=inner,
        resample=request.filter_of(resample, subject.dialect, Resampling.BICUBIC),
        canvas=() if inner == canvas else (*canvas, *place),
        fill=request.fill_of(color, subject.mode, subject.bands),
    )


def scale(
    image: ArrayT,
    factor: float,
    resample: Filter = None,
    *,
    layout: str | None = None,
    mode: str | None = None,
    dialect: str = DEFAULT,
) -> ArrayT:
    """Resize both sides of `image` by `factor`, equal to `PIL.ImageOps.scale`.

    Args:
        image: As in `resize`.
        factor: A number > 0: above 1 enlarges.
        resample: As in `resize`; None is bicubic.
        layout: As in `resize`.
        mode: As in `resize`.
        dialect: As in `resize`.

    Returns:
        A new array of the same library, dtype, device and layout.

    Raises:
        TypeError: As in `resize`.
        ValueError: As in `resize`, or a side is 0 or rounds to it, and the size is not that of the image.
        MemoryError: As in `resize`.

    Source: Pillow 13.0.0, src/PIL/ImageOps.py.

    >>> import numpy as np
    >>> scale(np.zeros((5, 7), np.uint8), 0.5).shape
    (2, 4)
    """
    return answer(_scale, image, (layout, mode, dialect), factor, resample)


def _scale(subject: Subject, factor: object, resample: Filter) -> Spec:
    return subject.spec(
        size=geometry.scale(subject.size, request.scale_of(factor)),
        resample=request.filter_of(resample, subject.dialect, Resampling.BICUBIC),
    )


def not_scripted() -> NoReturn:
    """Refuse TorchScript, which asks a function or module for this under the name `__prepare_scriptable__`."""
    msg = "TorchScript does not take portresize; use torch.compile, torch.export, or torch.onnx.export"
    raise TypeError(msg)


for _verb in (resize, reduce, thumbnail, contain, cover, fit, pad, scale):
    setattr(_verb, "__prepare_scriptable__", not_scripted)  # noqa: B010  the checker knows no attributes of functions
