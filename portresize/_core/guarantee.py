"""What is promised, for which library and which kind of samples: tests, README and `portresize check` all ask here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from portresize._core.filters import Resampling
from portresize._core.modes import MODES
from portresize._core.report import Difference, compare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.generic]

# "copy" is nearest neighbour and cropping, of any dtype; the others are what a dtype computes with other filters.
Kind = Literal["u8", "u16", "i32", "bool", "copy", "float32", "float64", "float16", "bfloat16", "i16", "u32"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_HEADINGS: dict[Kind, str] = {
    "u8": "uint8",
    "u16": "uint16 (I;16)",
    "i32": "int32 (I)",
    "bool": "bool (1)",
    "copy": "nearest, crop",
    "float32": "float32 (F)",
    "float64": "float64",
    "float16": "float16",
    "bfloat16": "bfloat16",
    "i16": "int16",
    "u32": "uint32",
}


@dataclass(frozen=True, slots=True)
class Bound:
    """How far a result may be from Pillow's.

    Attributes:
        ulps: Units in the last place; 0 is equality, None no promise.
        reason: Why it is not equality.
        floor: Part of the largest sample that a float may always be off, which counts where large samples cancel.
    """

    ulps: int | None = 0
    reason: str = ""
    floor: float = 0.0

    def judge(self, actual: Values, expected: Values, image: Values) -> Difference:
        """What breaks the promise for `image`; where there is none, nothing does."""
        if self.ulps is None:
            return Difference(expected.size, 0, 0, 0)
        return compare(actual, expected, ulps=self.ulps, floor=self.floor_for(image))

    def floor_for(self, image: Values) -> float:
        """`floor` as the absolute difference that `report.assert_same` takes."""
        finite = np.abs(image[np.isfinite(image)]) if self.floor else np.empty(0)
        return self.floor * float(finite.max(initial=0.0))

    def __str__(self) -> str:
        """The promise in a word or two."""
        if self.ulps is None:
            return "no promise"
        return f"within {self.ulps} ulp" if self.ulps else "equal"


@dataclass(frozen=True, slots=True)
class Platform:
    """One row: a library on a kind of device, and the bounds that are not plain equality."""

    title: str
    but: dict[Kind, Bound]

    def bound(self, kind: Kind) -> Bound:
        """What is promised for samples of `kind`."""
        return self.but.get(kind, EQUAL)


EQUAL = Bound()
# Not a promise that is missing: there are no such arrays.
NO_SUCH_DTYPE = Bound(None, "the library or the device has no such dtype")
_UNMEASURED: dict[Kind, Bound] = dict.fromkeys(
    KINDS,
    Bound(
        None,
        "its programs have not run on a TPU yet; where they are computed on a CPU instead, samples of integers are "
        "equal, and floats as on any device without float64",
    ),
)
# A sum of n products is within n * 2**-47 of the sum of their sizes, n up to 2000 in each of two passes.
_PAIR = Bound(
    2,
    "sums are kept in pairs of float32, which have fewer digits than a double: seen in the last place, "
    "and where samples cancel, at a 2**-34th of the largest",
    2.0**-34,
)

_BEFORE: dict[Kind, Bound] = dict.fromkeys(
    KINDS,
    Bound(0, "tested on a GPU before the operations of jax were written anew; those of now have met CPUs alone"),
)
_INTERPRETED: dict[Kind, Bound] = dict.fromkeys(
    KINDS,
    Bound(
        0,
        "tested on a GPU with operations of torch, which serve where Triton does not; its kernels, which serve now, "
        "have met its interpreter alone",
    ),
)
_FLUSHED = Bound(None, "cupy turns float32 below 2**-126 into zeros; equal above, in all that was tested")

_ON_CUPY: dict[Kind, Bound] = {"float32": _FLUSHED, "float16": _FLUSHED, "bfloat16": NO_SUCH_DTYPE}
# Where rules of our own have been computed on CPUs alone.
_UNSEEN: dict[Kind, Bound] = dict.fromkeys(
    ("i16", "u32"),
    Bound(None, "equal on CPUs, by the same operations, which have not run on a GPU with these dtypes yet"),
)

GUARANTEE: dict[str, Platform] = {
    "numpy": Platform("numpy", {}),
    "array-api-strict": Platform(
        "array-api-strict (stands for any library with the array API)",
        {"float16": NO_SUCH_DTYPE, "bfloat16": NO_SUCH_DTYPE},
    ),
    "torch-cpu": Platform("torch, CPU", {}),
    "torch-cuda": Platform("torch, CUDA", _INTERPRETED | _UNSEEN),
    # The backend computes in double whether or not the caller has switched 64-bit types on.
    "jax-cpu": Platform("jax, CPU, 64-bit types on or off", {}),
    "jax-gpu": Platform("jax, CUDA, 64-bit types on or off", _BEFORE | _UNSEEN),
    "jax-tpu": Platform("jax, TPU", _UNMEASURED),
    "cupy": Platform("cupy", _UNSEEN | _ON_CUPY),
    "no-float64": Platform(
        "any device without float64 (array-api-strict's `no_x64`)",
        {"float32": _PAIR, "float64": NO_SUCH_DTYPE, "float16": _PAIR, "bfloat16": _PAIR},
    ),
}


def kind_of(mode: str, dtype: str, resample: int) -> Kind:
    """Which column of the table a request belongs to.

    >>> kind_of("RGBA", "uint8", Resampling.LANCZOS), kind_of("F", "float32", Resampling.NEAREST)
    ('u8', 'copy')
    """
    kind = MODES[mode].kind
    if mode == "1":
        return "bool"
    if kind in {"index", "moved"} or resample == Resampling.NEAREST:
        return "copy"
    if kind == "float":
        return next(known for known in KINDS if known == dtype)
    return next(known for known in KINDS if known == kind)


def matrix() -> str:
    """The whole table as Markdown, with a note for every reason."""
    notes: dict[str, int] = {}
    lines = [_line(["", *_HEADINGS.values()]), _line(["---", *[":---:"] * len(KINDS)])]
    for platform in GUARANTEE.values():
        cells = [_cell(platform.bound(kind), notes) for kind in KINDS]
        lines.append(_line([platform.title, *cells]))
    foot = [f"{_superscript(number)} {reason[0].upper()}{reason[1:]}.  " for reason, number in notes.items()]
    return "\n".join([*lines, "", *foot]).rstrip()


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(bound: Bound, notes: dict[str, int]) -> str:
    if bound == NO_SUCH_DTYPE:
        return "–"
    if not bound.reason:
        return str(bound)
    return f"{bound} {_superscript(notes.setdefault(bound.reason, len(notes) + 1))}"


def _superscript(number: int) -> str:
    return f"<sup>{number}</sup>"
