"""How an array divides into items for kernels: planes of one to four bands, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from portresize._core.modes import MODES
from portresize._core.steps import Blank, FlipSign, Pass, Premultiply, Reduce
from portresize._kernels.llvm.errors import Unsupported
from portresize._kernels.llvm.layout import Samples, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from portresize._core.steps import Step

Size = tuple[int, ...]


class Form(NamedTuple):
    """What is known of an array that is to be resized, its place in memory apart."""

    layout: str
    mode: str
    dtype: np.dtype[Any]
    shape: Size


class Items(NamedTuple):
    """What kernels see of an array and of the one that they write.

    Attributes:
        samples: What an item holds.
        sides: How an item lies in either.
        axes: Those along which items follow one another; an item has all others.
    """

    samples: Samples
    sides: tuple[Side, Side]
    axes: list[int]

    def places(self, shape: Size, strides: Size, axes: Sequence[int]) -> NDArray[np.int64]:
        """Bytes from the first element to each item along some of `axes`, the last of them fastest."""
        places = np.zeros(1, np.int64)
        for axis in axes:
            places = np.add.outer(places, np.arange(shape[axis]) * strides[axis]).ravel()
        return places


def items_of(form: Form, steps: Sequence[Step], strides: tuple[Size, Size]) -> Items:
    """Divide an array, whose `strides` and those of the array to write are given, for `steps`.

    Raises:
        Unsupported: No kernel takes it.
    """
    layout, mode, dtype, shape = form
    height, width, channel = (layout.find(name) for name in "HWC")
    kind = _kind(mode, dtype)
    if any(isinstance(step, Blank) for step in steps):
        msg = "an empty image"
        raise Unsupported(msg)
    if kind == "other" and any(isinstance(step, (Pass, Reduce)) for step in steps):
        msg = f"samples of {dtype}"
        raise Unsupported(msg)
    # Bands that lie side by side are computed together; others one by one, as images of their own.
    n_bands = shape[channel] if channel >= 0 else 1
    are_mixed = any(isinstance(step, (Premultiply, FlipSign)) for step in steps)
    source = strides[0]
    are_near = n_bands == 1 or (n_bands <= 4 and abs(source[channel]) <= abs(source[width]))
    together = n_bands if are_mixed or are_near else 1
    first, second = (Side(of[height], of[width], of[channel] if channel >= 0 else 0) for of in strides)
    walked = {height, width} | ({channel} if together == n_bands else set())
    axes = [i for i in range(len(shape)) if i not in walked]
    return Items(Samples(kind, dtype.itemsize, together), (first, second), axes)


def _kind(mode: str, dtype: np.dtype[Any]) -> str:
    """The kind of samples, as kernels name them."""
    if not dtype.isnative:
        return "other"
    kind = MODES[mode].kind
    if kind != "float":
        return kind
    return {"float32": "f32", "float64": "f64"}.get(dtype.name, "other")
