"""Pillow's resampling filters, written so that every double comes out the same.

Each kernel is evaluated on a whole array, one rounding per operation, in the order in which Pillow brackets it: another
order moves the last bit of the weights, and modes I, I;16 and F show it.

Source: Pillow 13.0.0, src/libImaging/Resample.c.
"""

from __future__ import annotations

import math
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]


class Resampling(IntEnum):
    """Pillow's filters under Pillow's numbers, so that `PIL.Image.Resampling` members and plain numbers are equal."""

    NEAREST = 0
    LANCZOS = 1
    BILINEAR = 2
    BICUBIC = 3
    BOX = 4
    HAMMING = 5
    MKS2013 = 6
    MKS2021 = 7


class Filter(NamedTuple):
    """A convolution kernel: zero beyond `support` samples from its centre (at scale 1)."""

    support: float
    kernel: Callable[[Doubles], Doubles]


@cache
def _numpy_uses_libm() -> bool:
    """Whether numpy's vectorised sine and cosine are the doubles of libm, which Pillow calls."""
    # numpy 1.24 with AVX-512 is wrong in 63 % of sines; the probe covers the filters' arguments, |x| < 3 pi.
    x = np.linspace(-9.5, 9.5, 2049)
    return all(
        (vector(x) == [scalar(v) for v in x]).all() for vector, scalar in ((np.sin, math.sin), (np.cos, math.cos))
    )


def _sin(x: Doubles) -> Doubles:
    if _numpy_uses_libm():
        return np.sin(x)
    return np.array([math.sin(v) for v in x.ravel().tolist()]).reshape(x.shape)


def _cos(x: Doubles) -> Doubles:
    if _numpy_uses_libm():
        return np.cos(x)
    return np.array([math.cos(v) for v in x.ravel().tolist()]).reshape(x.shape)


def _sinc(x: Doubles) -> Doubles:
    p = x * math.pi
    p[p == 0.0] = 1.0
    s = _sin(p)
    s /= p
    s[x == 0.0] = 1.0
    return s


def _box(x: Doubles) -> Doubles:
    # Half open since Pillow 6: a tap exactly half a sample to the left is out, to the right is in.
    return ((x > -0.5) & (x <= 0.5)).astype(np.float64)


def _bilinear(x: Doubles) -> Doubles:
    x = np.abs(x)
    return np.where(x < 1.0, 1.0 - x, 0.0)


# Pillow writes these two as float literals (0.54f, 0.46f) in a double expression.
_HAMMING_A = float(np.float32(0.54))
_HAMMING_B = float(np.float32(0.46))


def _hamming(x: Doubles) -> Doubles:
    x = np.abs(x)
    p = np.where(x == 0.0, 1.0, x * math.pi)
    lobe = (_sin(p) / p) * (_HAMMING_A + _HAMMING_B * _cos(p))
    return np.where(x == 0.0, 1.0, np.where(x >= 1.0, 0.0, lobe))


def _bicubic(x: Doubles) -> Doubles:
    # Keys' cubic with a = -0.5: https://en.wikipedia.org/wiki/Bicubic_interpolation
    x = np.abs(x)
    near = (((1.5 * x) - 2.5) * x) * x + 1.0
    far = ((((x - 5.0) * x) + 8.0) * x - 4.0) * -0.5
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _lanczos(x: Doubles) -> Doubles:
    y = _sinc(x)
    y *= _sinc(x / 3.0)
    y[(x < -3.0) | (x >= 3.0)] = 0.0
    return y


def _piecewise(x: Doubles, lobes: list[tuple[float, Callable[[Doubles], Doubles]]]) -> Doubles:
    """Each lobe up to its end, zero beyond the last; evaluated only where it holds."""
    y = np.zeros_like(x)
    start = 0.0
    for end, lobe in lobes:
        inside = (x >= start) & (x < end)
        y[inside] = lobe(x[inside])
        start = end
    return y


_MKS2013: list[tuple[float, Callable[[Doubles], Doubles]]] = [
    (0.5, lambda x: 1.0625 - 1.75 * (x * x)),
    (1.5, lambda x: (1.0 - x) * (1.75 - x)),
    (2.5, lambda x: -0.125 * ((x - 2.5) * (x - 2.5))),
]
# Every fraction is one double division, as in the C source.
_MKS2021: list[tuple[float, Callable[[Doubles], Doubles]]] = [
    (0.5, lambda x: 577.0 / 576.0 - (239.0 / 144.0) * (x * x)),
    (1.5, lambda x: ((35.0 / 36.0) * (x - 1.0)) * (x - 239.0 / 140.0)),
    (2.5, lambda x: ((1.0 / 6.0) * (x - 2.0)) * (65.0 / 24.0 - x)),
    (3.5, lambda x: ((1.0 / 36.0) * (x - 3.0)) * (x - 15.0 / 4.0)),
    (4.5, lambda x: (-1.0 / 288.0) * ((x - 4.5) * (x - 4.5))),
]


def _mks2013(x: Doubles) -> Doubles:
    # The "magic kernel sharp" of John Costella, 2013.
    return _piecewise(np.abs(x), _MKS2013)


def _mks2021(x: Doubles) -> Doubles:
    # The "magic kernel sharp" of John Costella, 2021.
    return _piecewise(np.abs(x), _MKS2021)


FILTERS: dict[Resampling, Filter] = {
    Resampling.BOX: Filter(0.5, _box),
    Resampling.BILINEAR: Filter(1.0, _bilinear),
    Resampling.HAMMING: Filter(1.0, _hamming),
    Resampling.BICUBIC: Filter(2.0, _bicubic),
    Resampling.LANCZOS: Filter(3.0, _lanczos),
    Resampling.MKS2013: Filter(2.5, _mks2013),
    Resampling.MKS2021: Filter(4.5, _mks2021),
}
