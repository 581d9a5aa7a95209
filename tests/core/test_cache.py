"""What is large is not kept for long."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import portresize
from portresize import Resampling
from portresize._core.cache import LONG
from portresize._core.fixed import quantize
from portresize._core.plan import plan
from portresize._core.spec import Spec
from portresize._core.taps import nearest, taps


def _spec(size: int) -> Spec:
    return Spec("HW", "L", "pillow-13", size=(1, size))


MADE: dict[str, Callable[[int], np.ndarray]] = {
    "taps": lambda n: taps(n, 7, 0.0, float(n), Resampling.BOX).weight,
    "nearest": lambda n: nearest(7, n, 0.0, 7.0, accumulate=True),
    "quantize": lambda n: quantize(taps(n, 700, 0.0, float(n), Resampling.LANCZOS)).weight,
    "plan": lambda n: plan(_spec(n), (1, 9)).steps[0].taps.weight,  # type: ignore[union-attr]  # a Pass
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize(("length", "most"), [(100, 6), (2 * LONG, 2)], ids=["short", "long"])
def test_of_long_tables_two_are_kept(name: str, length: int, most: int) -> None:
    alive = [weakref.ref(MADE[name](length + i)) for i in range(6)]
    gc.collect()
    assert sum(ref() is not None for ref in alive) == most


@pytest.mark.parametrize(
    ("shape", "layout", "most"),
    [((3, 100), "HW", 5), ((3, LONG), "HW", 2), ((LONG, 3, 2), "NHW", 2)],
    ids=["short", "long", "many"],
)
def test_of_large_calls_two_are_kept(
    shape: tuple[int, ...], layout: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install 'portresize[cpu]'")
    from portresize._backends._call import Call

    made: list[weakref.ref[Call]] = []
    make = Call.__init__

    def remember(self: Call, *arguments: Any) -> None:
        made.append(weakref.ref(self))
        make(self, *arguments)

    monkeypatch.setattr(Call, "__init__", remember)
    for i in range(1, 6):
        larger = (shape[0] + i, *shape[1:]) if layout == "NHW" else (*shape[:-1], shape[-1] + i)
        portresize.resize(np.zeros(larger, np.uint8), (2, 2), layout=layout)
    gc.collect()
    assert len(made) == 5
    assert sum(call() is not None for call in made) == most


def test_metadata_of_a_dtype_stay_with_it() -> None:
    strange = np.zeros((8, 8), np.dtype("u1", metadata={"of": "another"}))
    portresize.resize(strange, (4, 3))
    assert portresize.resize(np.zeros((8, 8), np.uint8), (4, 3)).dtype.metadata is None
