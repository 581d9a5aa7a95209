"""Which steps a request becomes: the decisions, without an array."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from portresize._core.filters import Resampling
from portresize._core.plan import plan
from portresize._core.spec import Spec
from portresize._core.steps import Crop, FlipSign, Pass, Premultiply, Reduce, Take, Unpremultiply


def _steps(source: tuple[int, int], mode: str = "L", dialect: str = "pillow-13", **words: Any) -> list[str]:
    found = plan(Spec("HW", mode, dialect, **words), source).steps
    return [step.axis if isinstance(step, Pass) else type(step).__name__ for step in found]


def test_equal_sizes_are_a_copy() -> None:
    assert _steps((5, 7), "RGBA", size=(5, 7), box=(0, 0, 7, 5)) == []


def test_equal_width_skips_the_horizontal_pass() -> None:
    assert _steps((50, 7), size=(20, 7)) == ["H"]


def test_a_box_that_ends_early_needs_its_pass_at_scale_one() -> None:
    assert _steps((3, 8), size=(2, 6), box=(1, 0, 7, 3), resample=Resampling.MKS2013) == ["W", "H"]


def test_a_whole_box_is_a_crop_for_any_filter() -> None:
    assert _steps((9, 9), size=(3, 4), box=(2, 1, 6, 4), resample=Resampling.LANCZOS) == ["Crop"]


@pytest.mark.parametrize("gap", [0.0, 2.0])
def test_a_whole_box_is_a_crop_for_modes_that_the_filter_cannot_take(gap: float) -> None:
    words: dict[str, Any] = {"resample": Resampling.BICUBIC, "reducing_gap": gap, "dialect": "pillow-10"}
    assert _steps((9, 9), "I;16", size=(3, 4), box=(2, 1, 6, 4), **words) == ["Crop"]
    with pytest.raises(ValueError, match='has no filter but "nearest"'):
        _steps((9, 9), "I;16", size=(3, 3), box=(2, 1, 6, 4), **words)


def test_only_an_axis_with_a_pass_has_to_fit_a_table() -> None:
    # Pillow 13 answers both; its tables for bicubic hold 53,687,091 samples.
    assert _steps((1, 60_000_000), size=(1, 54_000_000), box=(0, 0, 54_000_000, 1)) == ["Crop"]
    assert _steps((1, 60_000_000), size=(2, 60_000_000)) == ["H"]
    with pytest.raises(ValueError, match="more than the 53687091"):
        _steps((1, 60_000_000), size=(1, 54_000_000), box=(0.5, 0, 54_000_000, 1))


def test_alpha_is_multiplied_in_for_nearest_too_before_8_2() -> None:
    words: dict[str, Any] = {"size": (3, 4), "resample": Resampling.NEAREST}
    assert _steps((9, 9), "RGBA", "pillow-8.1", **words) == ["Premultiply", "Take", "Take", "Unpremultiply"]
    assert _steps((9, 9), "RGBA", "pillow-8.2", **words) == ["Take", "Take"]


def test_alpha_is_multiplied_in_even_for_a_crop_but_not_for_nearest() -> None:
    words: dict[str, Any] = {"size": (3, 4), "box": (2, 1, 6, 4)}
    assert _steps((9, 9), "RGBA", **words) == ["Premultiply", "Crop", "Unpremultiply"]
    assert _steps((9, 9), "RGBA", resample=Resampling.NEAREST, **words) == ["Crop"]


def test_height_goes_first_if_it_loses_more_than_twice_as_much() -> None:
    assert _steps((480, 360), size=(240, 240)) == ["W", "H"]
    assert _steps((480, 360), size=(100, 200)) == ["H", "W"]
    assert _steps((480, 360), size=(100, 200), dialect="pillow-12") == ["W", "H"]


def test_two_lost_columns_a_row_still_go_first() -> None:
    assert _steps((30, 30), size=(10, 20)) == ["W", "H"]
    assert _steps((31, 30), size=(10, 20)) == ["H", "W"]


def test_tall_images_are_two_calls_in_12_2() -> None:
    assert _steps((201, 2), size=(50, 1), dialect="pillow-12.2") == ["H", "W"]
    assert _steps((200, 2), size=(50, 1), dialect="pillow-12.2") == ["W", "H"]
    assert _steps((201, 2), size=(50, 1), dialect="pillow-12.1") == ["W", "H"]


def test_the_first_pass_covers_only_the_lines_that_the_second_reads() -> None:
    crop, first, second = plan(Spec("HW", "L", "pillow-13", size=(4, 4), box=(0, 10, 40, 20)), (40, 40)).steps
    assert isinstance(crop, Crop)
    assert isinstance(first, Pass)
    assert isinstance(second, Pass)
    assert (crop.top, crop.height) == (6, 18)
    assert second.taps.window() == (0, 18)


def test_the_gap_reduces_first_and_reaches_alpha_from_13_on() -> None:
    words: dict[str, Any] = {"size": (10, 10), "reducing_gap": 2.0}
    assert _steps((90, 90), "RGBA", **words) == ["Premultiply", "Reduce", "W", "H", "Unpremultiply"]
    assert _steps((90, 90), "RGBA", "pillow-12", **words) == ["Premultiply", "W", "H", "Unpremultiply"]
    assert _steps((90, 90), "RGB", "pillow-12", **words) == ["Reduce", "W", "H"]


@pytest.mark.parametrize("box", [(3, 0, 3, 40), (0, 3, 40, 3)])
def test_the_gap_cannot_average_a_box_without_area(box: tuple[int, ...]) -> None:
    # In Pillow, `reduce` says "box can't be empty"; edges between samples span one, and that can be averaged.
    words: dict[str, Any] = {"size": (5, 5), "reducing_gap": 2.0}
    with pytest.raises(ValueError, match="cannot average an empty part of the image"):
        _steps((40, 40), box=box, **words)
    between = tuple(3.5 if edge == 3 else edge for edge in box)
    assert "Reduce" in _steps((40, 40), box=between, **words)


def test_signed_bands_are_flipped_unless_samples_are_only_moved() -> None:
    assert _steps((9, 9), "LAB", size=(3, 3)) == ["FlipSign", "W", "H", "FlipSign"]
    assert _steps((9, 9), "LAB", size=(3, 3), resample=Resampling.NEAREST) == ["Take", "Take"]
    steps = _steps((9, 9), "LAB", size=(3, 3), resample=Resampling.NEAREST, box=(9, 9, 9, 9))
    assert steps == ["FlipSign", "Take", "Take", "FlipSign"]


def test_index_modes_take_nearest_whatever_is_asked() -> None:
    assert _steps((9, 9), "P", size=(3, 3), resample=Resampling.LANCZOS) == ["Take", "Take"]


def test_reducing_by_one_is_a_crop_from_13_on() -> None:
    words: dict[str, Any] = {"factor": (1, 1), "box": (1, 1, 5, 5)}
    assert _steps((9, 9), "RGBA", **words) == ["Crop"]
    assert _steps((9, 9), "RGBA", "pillow-12", **words) == ["Premultiply", "Crop", "Unpremultiply"]


def test_a_plan_prints_itself() -> None:
    text = str(plan(Spec("HWC", "RGBA", "pillow-13", size=(4, 3), reducing_gap=2.0), (40, 40)))
    assert text.splitlines() == [
        "40x40 -> 4x3",
        "1. premultiply by alpha",
        "2. u8 reduce by 5x6",
        "3. u8 pass along W: samples 0..7 -> 3, 7 taps, weights int32 0.1 KiB",
        "4. u8 pass along H: samples 0..8 -> 4, 7 taps, weights int32 0.1 KiB",
        "5. unpremultiply by alpha",
    ]


def test_a_spec_is_scalars_that_hash_and_pickle() -> None:
    spec = Spec("NHWC", "RGB", "pillow-13", size=(3, 4), box=(0.5, 0.0, 3.0, 3.0))
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301  our own bytes
    assert hash(spec) == hash(Spec(*spec))
    assert None not in spec


def test_plans_are_cached() -> None:
    spec = Spec("HW", "L", "pillow-13", size=(3, 4))
    assert plan(spec, (9, 9)) is plan(spec, (9, 9))
    assert {type(step) for step in plan(spec, (9, 9)).steps} == {Pass}
    assert {Reduce, Take, FlipSign, Premultiply, Unpremultiply}
