"""Requests and pixels to draw: sizes, boxes and gaps that nobody would think of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from portresize._core.modes import MODES, PILLOWS

# Mostly small, for speed; now and then wide enough for long tables.
LENGTHS = st.one_of(
    st.integers(1, 12), st.integers(1, 60), st.integers(1, 60), st.integers(1, 250), st.sampled_from([1, 1, 2, 100])
)


@st.composite
def sizes(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int]]:
    """Source and result, `(height, width)`."""
    source = draw(LENGTHS), draw(LENGTHS)
    size = draw(LENGTHS), draw(LENGTHS)
    match draw(st.integers(0, 11)):
        case 0:
            size = source
        case 1:
            size = (size[0], source[1])
        case 2:
            source = (size[0] * 100, min(source[1], 20))
        case 3 if draw(st.integers(0, 9)) == 0:
            source = (draw(st.sampled_from([3000, 2999])), draw(st.integers(1, 40)))
        case 4 if draw(st.integers(0, 9)) == 0:
            source, size = (
                (draw(st.integers(1, 9)), 3000),
                (draw(st.integers(1, 9)), draw(st.sampled_from([1, 7, 2999]))),
            )
    return source, size


@st.composite
def edges(draw: st.DrawFn, length: int, wanted: int) -> tuple[float, float]:
    """Start and end of a box along one axis, which may lie a hair outside."""
    fraction = st.floats(0, 1)
    match draw(st.integers(0, 7)):
        case 0:
            return 0.0, float(length)
        case 1:
            start = draw(st.integers(0, length))
            return float(start), float(draw(st.integers(start, length)))
        case 2:
            middle = draw(fraction) * length
            return middle, middle
        case 3:
            return draw(st.sampled_from([1e-12, -1e-12, -1e-50, 1e-7])), length - draw(
                st.sampled_from([1e-12, 0.0, 1e-7])
            )
        case 4:
            return 0.5, length + draw(st.sampled_from([1e-12, 1e-9, 0.0]))
        case 5:
            start = draw(st.integers(0, length))
            return float(start), float(min(start + wanted, length))
    low, high = sorted((draw(fraction) * length, draw(fraction) * length))
    return low, high


@st.composite
def requests(draw: st.DrawFn, filters: Sequence[int]) -> dict[str, Any]:
    """A mode, a size and the arguments of `resize`."""
    mode = draw(st.sampled_from(PILLOWS))
    source, size = draw(sizes())
    box = None
    if draw(st.booleans()):
        (left, right), (top, bottom) = draw(edges(source[1], size[1])), draw(edges(source[0], size[0]))
        box = (left, top, right, bottom)
    gap = draw(st.one_of(st.none(), st.none(), st.sampled_from([1.0, 1.5, 2.0, 3.0]), st.floats(1, 6)))
    return {
        "mode": mode,
        "source": source,
        "size": size,
        "resample": draw(st.sampled_from(filters)),
        "box": box,
        "reducing_gap": gap,
        "seed": draw(st.integers(0, 2**32 - 1)),
    }


def pixels(mode: str, source: tuple[int, int], seed: int) -> np.ndarray:
    """Noise, a part of it extreme, or of few values so that sums meet halves exactly."""
    random = np.random.default_rng(seed)
    row = MODES[mode]
    shape = (*source, row.bands) if row.bands else source
    few, dtype = seed % 3 == 0, np.dtype(row.dtypes[0])
    if dtype == np.bool_:
        return random.random(shape) < 0.5
    if dtype.kind == "f":
        image = random.integers(-2, 3, shape).astype(dtype) if few else random.standard_normal(shape).astype(dtype)
        if seed % 4 == 1:
            ends = np.array([np.inf, -np.inf, np.nan, 3e38, -3e38, 1e-45, -0.0], dtype)
            image = np.where(random.random(shape) < 0.05, random.choice(ends, shape), image)
        return image
    info = np.iinfo(dtype)
    if few:
        return random.choice(np.array([info.min, info.min + 1, 1, 2, info.max], dtype), shape)
    return random.integers(info.min, info.max, shape, dtype, endpoint=True)
