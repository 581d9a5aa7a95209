"""Requests are remembered by what they mean, and only where that cannot change."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import portresize
from portresize import _subject
from portresize._core.filters import Resampling
from portresize._core.request import fill_of

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
GREY = np.arange(63, dtype=np.uint8).reshape(7, 9)
VERBS: dict[str, Callable[[Any], Any]] = {
    "resize": lambda n: portresize.resize(IMAGE, [n, 9]),
    "box": lambda n: portresize.resize(IMAGE, (9, 9), box=(0, 0, n, 9)),
    "gap": lambda n: portresize.resize(IMAGE, (3, 3), reducing_gap=n),
    "reduce": lambda n: portresize.reduce(IMAGE, n),
    "reduce by two": lambda n: portresize.reduce(IMAGE, (n, 2)),
    "thumbnail": lambda n: portresize.thumbnail(IMAGE, (n, 9)),
    "contain": lambda n: portresize.contain(IMAGE, (n, 9)),
    "cover": lambda n: portresize.cover(IMAGE, (n, 9)),
    "fit": lambda n: portresize.fit(IMAGE, (n, 9)),
    "pad": lambda n: portresize.pad(IMAGE, (n, 9), color=(1, 2, 3)),
    "scale": lambda n: portresize.scale(IMAGE, n),
}
# Those for which a float that is whole is as good as the integer.
TAKE_FLOATS = {"box", "gap", "thumbnail", "scale"}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    _subject.ready.cache_clear()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_remembered(verb: str) -> None:
    first = VERBS[verb](4)
    hits = _subject.ready.cache_info().hits
    np.testing.assert_array_equal(VERBS[verb](4), first)
    assert _subject.ready.cache_info().hits == hits + 1


@pytest.mark.parametrize("verb", VERBS)
def test_a_number_is_not_taken_for_an_equal_one_of_another_type(verb: str) -> None:
    VERBS[verb](4), VERBS[verb](1)
    if verb not in TAKE_FLOATS:
        with pytest.raises(TypeError):
            VERBS[verb](4.0)
    with pytest.raises(TypeError):
        VERBS[verb](True)


def test_a_list_that_changes_is_read_each_time() -> None:
    size, box = [5, 6], [0.0, 0.0, 8.0, 8.0]
    before = portresize.resize(IMAGE, size, box=box)
    size[0], box[3] = 7, 9.0
    after = portresize.resize(IMAGE, size, box=box)
    assert (before.shape, after.shape) == ((5, 6, 3), (7, 6, 3))
    np.testing.assert_array_equal(after, portresize.resize(IMAGE, (7, 6), box=(0, 0, 8, 9)))


def test_words_that_run_on_are_not_taken_for_others() -> None:
    assert portresize.reduce(IMAGE, (2, 3)).shape == (10, 8, 3)
    assert portresize.reduce(IMAGE, 2, box=(0, 0, 3, 3)).shape == (2, 2, 3)
    with pytest.raises(TypeError, match="`factor` is"):
        portresize.reduce(IMAGE, (2, 0, 0, 3, 3))


def test_verbs_with_the_same_words_are_told_apart() -> None:
    shapes = [verb(IMAGE, (6, 6)).shape[:2] for verb in (portresize.contain, portresize.cover, portresize.fit) * 2]
    assert shapes == [(5, 6), (6, 7), (6, 6)] * 2


def test_what_is_remembered_is_bounded() -> None:
    for n in range(1, 600):
        portresize.scale(IMAGE[:2, :2, 0], 1 + n / 1000)
    info = _subject.ready.cache_info()
    assert info.maxsize is not None
    assert info.currsize <= info.maxsize < 600


def test_threads_share_what_is_remembered() -> None:
    wanted = {n: portresize.fit(IMAGE, (n, 9)) for n in range(1, 9)}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: (n, portresize.fit(IMAGE, (n, 9))), list(wanted) * 50))
    for n, result in found:
        np.testing.assert_array_equal(result, wanted[n])


class Growing(int):
    """An integer that is one more each time it is read."""

    def __new__(cls) -> Growing:  # noqa: PYI034  as in typeshed
        made = super().__new__(cls, 3)
        made.read = 2
        return made

    read: int

    def __int__(self) -> int:
        self.read += 1
        return self.read


@pytest.mark.parametrize("axis", [0, 1])
def test_a_size_that_may_change_is_read_every_time(axis: int) -> None:
    sizes = [3, 3]
    sizes[axis] = Growing()
    heights = [portresize.resize(GREY, (sizes[0], sizes[1])).shape[axis] for _ in range(3)]
    assert heights == [3, 4, 5]


@pytest.mark.parametrize("wrong", [True, 1.0], ids=["bool", "float"])
def test_what_equals_a_remembered_number_is_not_taken_for_it(wrong: object) -> None:
    remembered = portresize.resize(GREY, (3, 1), 1)
    assert remembered.shape == (3, 1)
    with pytest.raises(TypeError, match="`resample` is"):
        portresize.resize(GREY, (3, 1), wrong)  # type: ignore[arg-type]  # is refused
    with pytest.raises(TypeError, match="`size` is"):
        portresize.resize(GREY, (3, wrong), 1)  # type: ignore[arg-type]  # is refused


def test_members_and_numbers_of_a_filter_are_one() -> None:
    results = [portresize.resize(GREY, (3, 4), word) for word in (1, Resampling.LANCZOS, "lanczos", "LANCZOS")]
    assert all((result == results[0]).all() for result in results)


def test_there_is_one_zero_and_one_nan_to_fill_with() -> None:
    # A cache takes -0.0 for 0.0, and no NaN for another.
    assert [math.copysign(1, fill_of(color, "F", 1)[0]) for color in (0.0, -0.0, (-0.0,))] == [1, 1, 1]
    assert fill_of(float("nan"), "F", 1)[0] is fill_of(-float("nan"), "F", 1)[0]
