"""The cases that tests, benchmarks and the command share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from portresize._cases import CASES, Case, pixels
from portresize._core.filters import Resampling
from portresize._core.modes import MODES, PILLOWS


def named(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


def test_names_are_ids() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


def test_every_mode_and_every_filter_has_a_case() -> None:
    assert {case.mode for case in CASES} == set(PILLOWS)
    for kind in ("u8", "u16", "i32", "float"):
        assert {case.resample for case in CASES if MODES[case.mode].kind == kind} == set(Resampling)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pixels_fill_the_range_of_their_mode(case: Case) -> None:
    image: Any = pixels(case)
    assert image.shape == case.shape
    assert image.dtype.name == MODES[case.mode].dtypes[0]
    if image.dtype.kind in "iu" and image.size > 100:
        info = np.iinfo(image.dtype)
        assert (image.min(), image.max()) == (info.min, info.max)
        between = image[(image > info.min) & (image < info.max)].astype(np.float64)
        assert between.max() > info.min + 0.8 * (info.max - info.min)
        assert between.min() < info.min + 0.2 * (info.max - info.min)
    if MODES[case.mode].alpha:
        alpha = image[..., -1]
        assert {0, 255} < set(alpha.ravel().tolist())


def test_pixels_are_the_same_for_the_same_seed() -> None:
    case = named("RGB-bicubic-down")
    assert (pixels(case, 1) == pixels(case, 1)).all()
    assert (pixels(case, 1) != pixels(case, 2)).any()
    assert (pixels(case, 1) != pixels(named("HSV-bicubic-down"), 1)).any()


def test_nonfinite_cases_have_infinities_and_nan() -> None:
    image = pixels(named("F-lanczos-nonfinite"))
    assert np.isnan(image).any()
    assert np.isinf(image).any()


def test_a_case_knows_the_dialects_that_have_it() -> None:
    assert not named("RGB-mks2013-up").exists_in("pillow-12.3")
    assert named("RGB-mks2013-up").exists_in("pillow-13")
    assert not named("I;16-bicubic-down").exists_in("pillow-10.4")
    assert named("I;16-nearest-down-unevenly").exists_in("pillow-10.4")
