"""The law: `resize` equals the installed Pillow in every element, on every library."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._cases import CASES, Case, by_pillow, pixels
from portresize._core.report import assert_same
from tests.libraries import Variant
from tests.oracle import DIALECT

RUN = [case for case in CASES if case.exists_in(DIALECT)]


@cache
def _expected(case: Case) -> tuple[np.ndarray, np.ndarray]:
    image = pixels(case)
    return image, by_pillow(case, image)


@pytest.mark.parametrize("case", RUN, ids=lambda case: case.name)
def test_resize_equals_pillow(case: Case, way: Variant) -> None:
    if way.slow and "bench" in case.tags:
        pytest.skip(f"{way.name} is slow; the same plan runs at smaller sizes")
    image, expected = _expected(case)
    array, words = way.make(image), case.arguments(DIALECT)
    if way.transformed:
        words |= {"layout": "HWC" if image.ndim == 3 else "HW"}
    result = way.call(lambda x: portresize.resize(x, case.size, **words), array)
    assert type(result) is type(array)
    assert result.dtype == array.dtype
    way.check(result, expected, image, case.mode, case.resample)
    assert_same(way.back(array), image)


def test_the_default_filter_and_mode_are_pillows() -> None:
    for name in ("L", "LA", "RGB", "RGBA", "I", "F", "1", "P"):
        case = next(case for case in RUN if case.mode == name and case.resample == 3)
        image, expected = _expected(case)
        words: dict[str, Any] = {"mode": "P"} if name == "P" else {}
        assert_same(portresize.resize(image, case.size, dialect=DIALECT, **words), expected)


@pytest.mark.skipif(DIALECT.startswith("pillow-12"), reason="the two dialects would be one")
def test_another_dialect_is_another_result() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 500), np.uint8)
    new, old = (portresize.resize(noise, (100, 480), "lanczos", dialect=name) for name in ("pillow-13", "pillow-12"))
    assert (new != old).mean() > 0.05
