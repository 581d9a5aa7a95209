"""Named cases that tests, benchmarks and `portresize check` share: what is asked, the pixels, and Pillow's answer."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from portresize._core.dialect import dialect as rules_of
from portresize._core.filters import Resampling
from portresize._core.modes import MODES, PILLOWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

Size = tuple[int, int]
Box = tuple[float, float, float, float]


class Arguments(TypedDict):
    """The keywords of `portresize.resize` for a case."""

    resample: Resampling
    box: Box | None
    reducing_gap: float | None
    layout: str
    mode: str
    dialect: str


@dataclass(frozen=True, slots=True)
class Case:
    """One call of `resize`.

    Attributes:
        name: What is special about it, as an id that a person can read.
        mode: One of `modes.PILLOWS`.
        source: `(height, width)` of the picture.
        size: `(height, width)` of the answer.
        resample: Filter.
        box: Pillow's `(left, upper, right, lower)`, or None.
        gap: `reducing_gap`, or None.
        tags: `"bench"`: a real shape, worth timing; `"nonfinite"`: with infinities and NaN among the pixels.
    """

    name: str
    mode: str
    source: Size
    size: Size
    resample: Resampling
    box: Box | None = None
    gap: float | None = None
    tags: frozenset[str] = frozenset()

    @property
    def layout(self) -> str:
        """`"HWC"` for modes of several bands, `"HW"` for one."""
        return "HWC" if MODES[self.mode].bands else "HW"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the picture as an array."""
        bands = MODES[self.mode].bands
        return (*self.source, bands) if bands else self.source

    def arguments(self, dialect: str) -> Arguments:
        """All that `portresize.resize` takes after image and size."""
        return {
            "resample": self.resample,
            "box": self.box,
            "reducing_gap": self.gap,
            "layout": self.layout,
            "mode": self.mode,
            "dialect": dialect,
        }

    def exists_in(self, dialect: str) -> bool:
        """Whether that Pillow has the filter, for that mode."""
        rules = rules_of(dialect)
        filtered = MODES[self.mode].kind == "u16" and self.resample != Resampling.NEAREST
        return self.resample in rules.filters and (rules.u16_filters or not filtered)


def _cases(
    mode: str,
    filters: str,
    what: str,
    source: Size,
    size: Size,
    *tags: str,
    box: Box | None = None,
    gap: float | None = None,
) -> list[Case]:
    """One case for each filter of a list."""
    return [
        Case(f"{mode}-{name}-{what}", mode, source, size, Resampling[name.upper()], box, gap, frozenset(tags))
        for name in filters.split()
    ]


_ALL = " ".join(member.name.lower() for member in Resampling)

CASES: tuple[Case, ...] = (
    # Every mode of Pillow: down, and mixed (narrower and taller).
    *(case for mode in PILLOWS for case in _cases(mode, "bicubic", "down", (41, 53), (17, 20))),
    *(case for mode in PILLOWS for case in _cases(mode, "lanczos", "mixed", (23, 61), (40, 29))),
    # Every filter, once for each arithmetic.
    *_cases("RGB", _ALL, "down-unevenly", (64, 47), (21, 9)),
    *_cases("RGB", _ALL, "up", (9, 12), (31, 30)),
    *_cases("F", _ALL, "down-unevenly", (64, 47), (21, 9)),
    *_cases("I", _ALL, "up", (9, 12), (31, 30)),
    *_cases("I;16", _ALL, "down-unevenly", (64, 47), (21, 9)),
    # Nothing to do, and nothing but a crop: alpha is multiplied in for the crop alone.
    *_cases("RGBA", "bilinear", "identity", (19, 26), (19, 26)),
    *_cases("RGBA", "bilinear", "crop", (19, 26), (11, 8), box=(5, 3, 13, 14)),
    *_cases("LAB", "bilinear", "crop", (19, 26), (11, 8), box=(5, 3, 13, 14)),
    *_cases("F", "lanczos", "crop", (19, 26), (11, 8), box=(5, 3, 13, 14)),
    # One axis alone.
    *_cases("L", "lanczos", "height-alone", (70, 33), (24, 33)),
    *_cases("L", "lanczos", "width-alone", (33, 70), (33, 24)),
    # Boxes: fractions of a sample, same size but shifted, no area, at the border.
    *_cases("RGB", "bicubic nearest", "box-of-fractions", (40, 50), (13, 17), box=(3.25, 2.5, 44.125, 37.75)),
    *_cases("F", "hamming", "box-of-fractions", (40, 50), (13, 17), box=(3.25, 2.5, 44.125, 37.75)),
    *_cases("L", "bicubic", "box-shifted-by-half", (20, 24), (20, 23), box=(0.5, 0.0, 23.5, 20.0)),
    *_cases("RGBA", "bicubic", "box-without-area", (20, 24), (6, 7), box=(4.5, 8.0, 4.5, 8.0)),
    *_cases("F", "lanczos", "box-without-area", (20, 24), (6, 7), box=(4.5, 8.0, 4.5, 8.0)),
    *_cases("CMYK", "lanczos", "box-near-border", (30, 30), (10, 10), box=(0.0, 0.0, 29.999, 3.001)),
    *_cases("I;16", "mks2013", "box-near-border", (30, 30), (10, 10), box=(26.9, 0.0, 30.0, 30.0)),
    # A single sample in, a single one out, and one axis shrunk a hundred times.
    *_cases("RGB", "lanczos", "from-one-pixel", (1, 1), (5, 7)),
    *_cases("LA", "bicubic", "to-one-pixel", (31, 45), (1, 1)),
    *_cases("F", "bilinear", "to-one-pixel", (31, 45), (1, 1)),
    *_cases("L", "bicubic", "100-to-1", (700, 500), (7, 5)),
    *_cases("I", "box", "100-to-1", (300, 200), (3, 2)),
    *_cases("RGB", "bilinear", "tall-strip", (909, 9), (90, 7)),
    *_cases("F", "lanczos", "tall-strip", (909, 9), (90, 7)),
    *_cases("RGB", "bilinear", "wide-strip", (9, 909), (7, 90)),
    # A reduction first.
    *_cases("RGB", "bicubic", "gap", (190, 217), (20, 25), gap=2.0),
    *_cases("RGB", "lanczos", "gap-and-box", (190, 217), (20, 25), box=(10.5, 6.25, 200.5, 181.0), gap=1.1),
    *_cases("RGBA", "lanczos", "gap", (190, 217), (20, 25), gap=2.0),
    *_cases("LAB", "hamming", "gap", (90, 117), (20, 15), gap=1.0),
    *_cases("I", "bilinear", "gap", (190, 217), (20, 25), gap=2.0),
    *_cases("F", "bicubic", "gap", (190, 217), (20, 25), gap=3.0),
    *_cases("L", "nearest", "gap-ignored", (90, 117), (20, 15), gap=2.0),
    # Infinities and NaN, which must not reach a sample whose window ends before them.
    *_cases("F", "bicubic lanczos", "nonfinite", (60, 70), (25, 31), "nonfinite"),
    # What models are fed with.
    *_cases("RGB", "bilinear bicubic lanczos", "512x512-to-224x224", (512, 512), (224, 224), "bench"),
    *_cases("RGB", "bicubic", "portrait-squashed", (500, 375), (336, 336), "bench"),
    *_cases("RGB", "bilinear", "1080p-to-224x224", (1080, 1920), (224, 224), "bench"),
    *_cases("RGB", "bicubic", "1080p-to-224x224-gap", (1080, 1920), (224, 224), "bench", gap=2.0),
    *_cases("RGB", "bicubic", "224x224-to-448x448", (224, 224), (448, 448), "bench"),
    *_cases("RGB", "nearest", "512x512-to-224x224", (512, 512), (224, 224), "bench"),
    *_cases("RGBA", "lanczos", "512x512-to-256x256", (512, 512), (256, 256), "bench"),
    *_cases("L", "bicubic", "MNIST-to-32x32", (28, 28), (32, 32), "bench"),
    *_cases("I;16", "bilinear", "depth-480x640-to-240x320", (480, 640), (240, 320), "bench"),
    *_cases("I", "bilinear", "512x512-to-224x224", (512, 512), (224, 224), "bench"),
    *_cases("F", "bicubic", "512x512-to-224x224", (512, 512), (224, 224), "bench"),
)


def pixels(case: Case, seed: int = 0) -> NDArray[np.generic]:
    """Noise of all values of the mode, a quarter of it from the ends of the range; the same for the same seed."""
    random = np.random.default_rng([seed, zlib.crc32(case.name.encode())])
    mode, shape = MODES[case.mode], case.shape
    at_the_ends = random.random(shape) < 0.25
    if case.mode == "1":
        return random.random(shape) < 0.5
    if mode.kind == "float":
        magnitude = 10.0 ** random.uniform(-6, 9, shape)
        noise = (random.standard_normal(shape) * magnitude).astype(np.float32)
        if "nonfinite" in case.tags:
            chosen = random.random(shape) < 0.01
            noise[chosen] = random.choice(np.array([np.inf, -np.inf, np.nan], np.float32), int(chosen.sum()))
        return np.where(at_the_ends, random.choice(np.array([0.0, -0.0, 1e30, -1e30, 1e-40], np.float32), shape), noise)
    info = np.iinfo(mode.dtypes[0])
    ends = random.choice(np.array([info.min, info.max], info.dtype), shape)
    return np.where(at_the_ends, ends, random.integers(info.min, info.max, shape, info.dtype, endpoint=True))


def by_pillow(case: Case, array: NDArray[np.generic]) -> NDArray[np.generic]:
    """What the Pillow that is installed makes of it, in the dtype and layout of `array`."""
    # Only tests and commands come here, and both want to start without Pillow.
    from PIL import Image  # noqa: PLC0415

    height, width = array.shape[:2]
    packed = np.packbits(array.astype(bool), axis=1) if case.mode == "1" else array
    image = Image.frombytes(case.mode, (width, height), packed.tobytes())
    resized = image.resize((case.size[1], case.size[0]), int(case.resample), case.box, case.gap)
    return np.asarray(resized)
