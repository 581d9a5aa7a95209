"""Differences as they are counted and printed, and the table that says which are allowed."""

from __future__ import annotations

import numpy as np
import pytest

from portresize._core.filters import Resampling
from portresize._core.guarantee import GUARANTEE, KINDS, Bound, kind_of, matrix
from portresize._core.modes import MODES
from portresize._core.report import assert_same, compare


def test_equal_arrays_have_no_difference() -> None:
    found = compare(np.arange(6, dtype=np.uint8), np.arange(6, dtype=np.uint8))
    assert not found
    assert (found.total, found.differing, found.largest, found.ulps) == (6, 0, 0, 0)
    assert str(found) == "all 6 values are equal"


def test_the_message_counts_and_shows_the_first_five() -> None:
    expected = np.zeros((2, 4), np.uint8)
    actual = expected + np.array([[1, 0, 255, 3], [1, 1, 1, 9]], np.uint8)
    with pytest.raises(AssertionError) as caught:
        assert_same(actual, expected)
    assert str(caught.value) == (
        "7 of 8 values differ (87.5 %), by 255 at most (255 ulp)\n"
        "  [0, 0] is 1, expected 0\n"
        "  [0, 2] is 255, expected 0\n"
        "  [0, 3] is 3, expected 0\n"
        "  [1, 0] is 1, expected 0\n"
        "  [1, 1] is 1, expected 0\n"
        "  ..."
    )


@pytest.mark.parametrize(
    ("dtype", "a", "b", "largest"),
    [
        ("uint8", 0, 255, 255),
        ("uint16", 65535, 0, 65535),
        ("int32", -(2**31), 2**31 - 1, 2**32 - 1),
        ("int64", -(2**63), 2**63 - 1, 2**64 - 1),
        ("bool", True, False, 1),
    ],
)
def test_whole_numbers_do_not_wrap(dtype: str, a: int, b: int, largest: int) -> None:
    assert compare(np.array([a], dtype), np.array([b], dtype)).largest == float(largest)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_ulps_are_steps_between_neighbours(dtype: str) -> None:
    one = np.ones(1, dtype)
    up = np.nextafter(one, one * 2)
    smallest = np.nextafter(one * 0, one)
    assert compare(up, one).ulps == 1
    assert compare(smallest, -smallest).ulps == 3  # over 0.0 and -0.0
    assert compare(-one * 0, one * 0).ulps == 1
    assert not compare(up, one, ulps=1)
    assert compare(np.nextafter(up, up * 2), one, ulps=1)


def test_bfloat16_has_ulps_too() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    a, b = np.array([1.0, np.nan], ml_dtypes.bfloat16), np.array([1.0078125, np.nan], ml_dtypes.bfloat16)
    assert (compare(a, b).differing, compare(a, b).ulps) == (1, 1)


def test_two_doubles_may_be_any_number_of_steps_apart() -> None:
    largest = np.array([np.finfo(np.float64).max])
    assert compare(largest, -largest).ulps == pytest.approx(2.0**64, rel=1e-2)


def test_nan_equals_nan_and_nothing_else() -> None:
    nan = np.array([np.nan, np.nan, 1.0, np.inf], np.float32)
    other = np.array([-np.nan, 1.0, np.nan, np.inf], np.float32)
    found = compare(nan, other)
    assert (found.differing, found.largest, found.ulps) == (2, np.inf, np.inf)


def test_the_signs_of_zero_differ() -> None:
    assert compare(np.array([-0.0], np.float32), np.array([0.0], np.float32))


def test_ulps_do_not_soften_whole_numbers() -> None:
    with pytest.raises(AssertionError):
        assert_same(np.array([1], np.uint8), np.array([2], np.uint8), ulps=5, floor=5)


def test_shape_and_dtype_must_agree() -> None:
    assert str(compare(np.zeros((2, 3)), np.zeros((3, 2)))) == "the shape is (2, 3), expected (3, 2)"
    assert str(compare(np.zeros(2), np.zeros(2, np.float32))) == "the dtype is float64, expected float32"
    assert not compare(np.zeros((0, 3)), np.zeros((0, 3)))


def test_every_mode_has_a_column() -> None:
    for mode, row in MODES.items():
        for dtype in row.dtypes:
            for resample in (Resampling.NEAREST, Resampling.LANCZOS):
                assert kind_of(mode, dtype, resample) in KINDS


@pytest.mark.parametrize(
    ("mode", "dtype", "resample", "kind"),
    [
        ("1", "bool", Resampling.LANCZOS, "bool"),
        ("P", "uint8", Resampling.LANCZOS, "copy"),
        ("I;16", "uint16", Resampling.NEAREST, "copy"),
        ("I;16", "uint16", Resampling.BOX, "u16"),
        ("LAB", "uint8", Resampling.BOX, "u8"),
        ("I;16S", "int16", Resampling.BOX, "i16"),
        ("I;32", "uint32", Resampling.NEAREST, "copy"),
        ("complex64", "complex64", Resampling.LANCZOS, "copy"),
        ("F", "bfloat16", Resampling.BOX, "bfloat16"),
    ],
)
def test_the_column_of_a_request(mode: str, dtype: str, resample: Resampling, kind: str) -> None:
    assert kind_of(mode, dtype, resample) == kind


def test_whole_numbers_are_equal_everywhere() -> None:
    for platform in GUARANTEE.values():
        for kind in ("u8", "u16", "i32", "bool", "copy"):
            assert not platform.bound(kind).ulps


def test_whatever_is_not_equality_has_a_reason() -> None:
    assert all(bound.reason for platform in GUARANTEE.values() for bound in platform.but.values())


def test_a_bound_allows_what_it_says() -> None:
    image, expected = np.array([1024.0], np.float32), np.array([1.0], np.float32)
    two, three = (expected + np.float32(2**-23 * n) for n in (2, 3))
    assert not Bound(2, "r").judge(two, expected, image)
    assert Bound(2, "r").judge(three, expected, image)
    assert not Bound(2, "r", 2.0**-30).judge(three, expected, image)
    assert not Bound(None, "r").judge(three, expected, image)
    assert Bound().judge(two, expected, image)


def test_the_matrix_is_a_table_of_markdown() -> None:
    lines = matrix().splitlines()
    body = [line for line in lines if line.startswith("|")]
    assert len(body) == 2 + len(GUARANTEE)
    assert {line.count("|") for line in body} == {len(KINDS) + 2}
    assert f"| numpy |{' equal |' * len(KINDS)}" in body
    assert any(line.endswith("| equal | – | – | equal | equal |") for line in body)
    assert any(line.startswith("<sup>1</sup> ") for line in lines)
