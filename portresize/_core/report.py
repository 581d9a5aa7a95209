"""Where two arrays differ, and by how much: what tests raise and the command line prints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.generic]
    Gaps = NDArray[np.float64] | NDArray[np.int64]

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Place:
    """One value that differs: its index, what is there and what should be."""

    index: tuple[int, ...]
    actual: float
    expected: float

    def __str__(self) -> str:
        """Describe the place in a line."""
        return f"[{', '.join(map(str, self.index))}] is {self.actual!r}, expected {self.expected!r}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What `compare` found; true if anything differs.

    Attributes:
        total: Values compared.
        differing: How many of them are farther apart than was allowed.
        largest: Largest absolute difference; inf where a NaN or an infinity meets something else.
        ulps: The same in units in the last place: steps from one value of the dtype to the next, so 1 between whole
            numbers that are neighbours, and between -0.0 and 0.0.
        places: The first few that differ, in the order of the array.
        mismatch: What is wrong with shape or dtype, in which case no value was compared; else "".
    """

    total: int
    differing: int
    largest: float
    ulps: float
    places: tuple[Place, ...] = ()
    mismatch: str = ""

    def __bool__(self) -> bool:
        return bool(self.differing or self.mismatch)

    def __str__(self) -> str:
        """Count, largest difference and the first places, one to a line."""
        if self.mismatch:
            return self.mismatch
        if not self.differing:
            return f"all {self.total} values are equal" if not self.ulps else f"all {self.total} values are near enough"
        share = 100 * self.differing / self.total
        head = f"{self.differing} of {self.total} values differ ({share:.3g} %)"
        lines = [f"{head}, by {self.largest:g} at most ({self.ulps:g} ulp)", *map(str, self.places)]
        if self.differing > len(self.places):
            lines.append("...")
        return "\n  ".join(lines)


def compare(actual: ArrayLike, expected: ArrayLike, *, ulps: int = 0, floor: float = 0.0) -> Difference:
    """Compare two arrays value by value.

    Args:
        actual: Anything that numpy can read.
        expected: The same, of the same shape and dtype: another dtype is a difference.
        ulps: How far floats may be apart and still count as the same; whole numbers must be equal.
        floor: An absolute difference up to which floats count as the same too, if `ulps` is not 0.

    Returns:
        What differs. NaN equals NaN, whatever its bits; -0.0 does not equal 0.0, whose bits differ.

    >>> print(compare(np.uint8([0, 9, 255]), np.uint8([255, 9, 254])))
    2 of 3 values differ (66.7 %), by 255 at most (255 ulp)
      [0] is 0, expected 255
      [2] is 255, expected 254
    """
    a, e = np.asarray(actual), np.asarray(expected)
    if a.shape != e.shape or a.dtype != e.dtype:
        what = "shape" if a.shape != e.shape else "dtype"
        text = f"the {what} is {getattr(a, what)}, expected {getattr(e, what)}"
        return Difference(e.size, e.size, math.inf, math.inf, mismatch=text)
    if not e.size:
        return Difference(0, 0, 0, 0)
    floating = _is_floating(e.dtype)
    gap, steps = _float_gaps(a, e) if floating else _whole_gaps(a, e)
    far = (steps > ulps) & ~(gap <= floor) if floating and ulps else steps > 0
    indices = np.argwhere(far)[:SHOWN].tolist()
    places = tuple(Place(tuple(i), a[tuple(i)].item(), e[tuple(i)].item()) for i in indices)
    return Difference(e.size, int(far.sum()), _number(gap.max()), _number(steps.max()), places)


def assert_same(actual: ArrayLike, expected: ArrayLike, *, ulps: int = 0, floor: float = 0.0) -> None:
    """Raise AssertionError with count, largest difference and the first places, unless the arrays are the same.

    Args:
        actual: As in `compare`.
        expected: As in `compare`.
        ulps: As in `compare`; a test takes it from `guarantee.GUARANTEE`.
        floor: As in `compare`; a test takes it from `Bound.floor_for`.
    """
    difference = compare(actual, expected, ulps=ulps, floor=floor)
    if difference:
        raise AssertionError(str(difference))


def _is_floating(dtype: np.dtype) -> bool:
    # ml_dtypes' bfloat16 is a void type to numpy.
    return dtype.kind == "f" or dtype.name == "bfloat16"


def _whole_gaps(a: Values, e: Values) -> tuple[Gaps, Gaps]:
    """Absolute differences, in a type in which nothing wraps, and the same as steps."""
    wide = np.int64 if e.dtype.itemsize < 8 else object
    gap = np.abs(a.astype(wide) - e.astype(wide))
    return gap, gap


def _float_gaps(a: Values, e: Values) -> tuple[Gaps, Gaps]:
    """Absolute differences and steps between neighbours, both float64, inf where only one is NaN."""
    nan_a, nan_e = a != a, e != e  # noqa: PLR0124  bfloat16 has no isnan
    rank_a, rank_e = _rank(a), _rank(e)
    low, high = np.minimum(rank_a, rank_e), np.maximum(rank_a, rank_e)
    # Unsigned, because two doubles may be more than 2**63 steps apart.
    steps = (high.view(np.uint64) - low.view(np.uint64)).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.abs(a.astype(np.float64) - e.astype(np.float64))
    gap = np.where(steps == 0, 0.0, np.where(np.isnan(gap), math.inf, gap))
    one, both = nan_a != nan_e, nan_a & nan_e
    return tuple(np.where(one, math.inf, np.where(both, 0.0, part)) for part in (gap, steps))  # type: ignore[return-value]  # two


def _rank(x: Values) -> NDArray[np.int64]:
    """Where each float stands among all floats of its dtype: neighbours are 1 apart, -0.0 is -1 and 0.0 is 0."""
    bits = np.ascontiguousarray(x).view(f"i{x.dtype.itemsize}").astype(np.int64)
    magnitude = bits & np.int64((1 << (8 * x.dtype.itemsize - 1)) - 1)
    return np.where(bits < 0, -magnitude - 1, magnitude).reshape(x.shape)


def _number(value: float | np.generic) -> float:
    """A plain number, whole where it is."""
    number = float(value)
    return int(number) if number.is_integer() else number
