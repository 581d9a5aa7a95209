"""The indivisible acts that a plan is made of.

A step speaks of the axes "H" and "W" and of bands; which axes of an array those are, its executor knows. Image sizes
are `(height, width)`. Every step takes and gives samples of the mode's dtype: rounding happens inside a step, never
between two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from portresize._core.modes import Kind
    from portresize._core.taps import Taps

Axis = Literal["H", "W"]


@dataclass(frozen=True, slots=True)
class Crop:
    """Copy the rectangle of `height` x `width` samples whose first sample is (`top`, `left`)."""

    top: int
    left: int
    height: int
    width: int

    def __str__(self) -> str:
        """Describe the act in a line."""
        return f"crop to {self.height}x{self.width} at row {self.top}, column {self.left}"


@dataclass(frozen=True, slots=True)
class Blank:
    """Forget the image: `height` x `width` zeros."""

    height: int
    width: int

    def __str__(self) -> str:
        """Describe the act in a line."""
        return f"{self.height}x{self.width} zeros"


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """Nearest neighbour: output `o` along `axis` is the sample `index[o]`, or 0 where that is -1."""

    axis: Axis
    index: NDArray[np.int32]

    def __str__(self) -> str:
        """Describe the act in a line."""
        outside = int((self.index < 0).sum())
        tail = f", {outside} outside the source" if outside else ""
        return f"take {len(self.index)} nearest samples along {self.axis}{tail}"


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """Convolve along `axis` and round as `kind` does: "u8" with int32 weights, the others with float64 weights.

    Sums are taken in double, tap by tap in order. Those of integers are rounded half away from zero, and clipped to the
    type but for "i32", which as in Pillow keeps -2**31 for all that it cannot hold.

    `clip` applies to "u16" alone: results beyond 0..65535 are clipped, or else each of their bytes is.
    """

    axis: Axis
    taps: Taps
    kind: Kind
    clip: bool = True

    def __str__(self) -> str:
        """Describe the act in a line."""
        lo, hi = self.taps.window()
        note = "" if self.clip else ", each byte clipped apart"
        kib = self.taps.weight.nbytes / 1024
        return (
            f"{self.kind} pass along {self.axis}: samples {lo}..{hi} -> {self.taps.n_out}, "
            f"{self.taps.n_taps} taps, weights {self.taps.weight.dtype} {kib:.1f} KiB{note}"
        )


@dataclass(frozen=True, slots=True)
class Reduce:
    """Average blocks of `vertical` x `horizontal` samples; the blocks of the last row and column may be partial."""

    vertical: int
    horizontal: int
    kind: Kind

    def __str__(self) -> str:
        """Describe the act in a line."""
        return f"{self.kind} reduce by {self.vertical}x{self.horizontal}"


@dataclass(frozen=True, slots=True)
class Premultiply:
    """Multiply every band with the last one, alpha: `c * a / 255`, rounded half up."""

    def __str__(self) -> str:
        """Describe the act in a line."""
        return "premultiply by alpha"


@dataclass(frozen=True, slots=True)
class Unpremultiply:
    """Divide every band by the last one, alpha: `floor(255 * c / a)` at most 255; kept where alpha is 0 or 255."""

    def __str__(self) -> str:
        """Describe the act in a line."""
        return "unpremultiply by alpha"


@dataclass(frozen=True, slots=True)
class FlipSign:
    """Flip the top bit of these bands, which turns signed bytes into unsigned ones and back."""

    bands: tuple[int, ...]

    def __str__(self) -> str:
        """Describe the act in a line."""
        return f"flip the top bit of bands {', '.join(map(str, self.bands))}"


@dataclass(frozen=True, slots=True)
class Pad:
    """Place the image at (`top`, `left`) on `height` x `width` samples of `fill`: a number per band, or one for all."""

    height: int
    width: int
    top: int
    left: int
    fill: tuple[float, ...]

    def __str__(self) -> str:
        """Describe the act in a line."""
        fill = self.fill[0] if len(self.fill) == 1 else self.fill
        return f"pad to {self.height}x{self.width} with the image at row {self.top}, column {self.left} on {fill}"


Step = Crop | Blank | Take | Pass | Reduce | Premultiply | Unpremultiply | FlipSign | Pad


def size_after(step: Step, size: tuple[int, int]) -> tuple[int, int]:
    """`(height, width)` of an image after `step`.

    >>> size_after(Reduce(2, 3, "u8"), (9, 9))
    (5, 3)
    """
    height, width = size
    match step:
        case Crop() | Blank() | Pad():
            return step.height, step.width
        case Take(axis, index):
            return (len(index), width) if axis == "H" else (height, len(index))
        case Pass(axis, taps):
            return (taps.n_out, width) if axis == "H" else (height, taps.n_out)
        case Reduce(vertical, horizontal):
            return -(-height // vertical), -(-width // horizontal)
        case Premultiply() | Unpremultiply() | FlipSign():
            return size
