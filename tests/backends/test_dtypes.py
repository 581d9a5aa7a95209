"""Samples of every dtype: what is only moved keeps its bits and its dtype, whoever moves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import portresize
from tests.serving import without_kernels

Array = Any

MOVES: dict[str, Any] = {
    "nearest": lambda x: portresize.resize(x, (4, 9), "nearest"),
    "box": lambda x: portresize.resize(x, (4, 5), "nearest", box=(1.5, 0.25, 7, 8)),
    "beyond": lambda x: portresize.resize(x, (3, 3), "nearest", box=(10, 8, 10, 8)),
    "crop": lambda x: portresize.resize(x, (4, 3), box=(2, 1, 5, 5)),
    "same": lambda x: portresize.resize(x, (8, 10)),
    "thumbnail": lambda x: portresize.thumbnail(x, (30, 30)),
    "contain": lambda x: portresize.contain(x, (4, 9), "nearest"),
    "cover": lambda x: portresize.cover(x, (4, 9), "nearest"),
    "fit": lambda x: portresize.fit(x, (8, 4)),
    "pad": lambda x: portresize.pad(x, (8, 14), color=3),
    "scale": lambda x: portresize.scale(x, 2, "nearest"),
    "one": lambda x: portresize.reduce(x, 1, box=(1, 2, 9, 7)),
}


@pytest.fixture(params=["kernels", "steps"])
def served(request: pytest.FixtureRequest) -> Iterator[None]:
    """By either."""
    with without_kernels() if request.param == "steps" else nullcontext():
        yield


def _bits(dtype: np.dtype[Any]) -> Array:
    """An image of any bits, of which few are alike."""
    raw = np.random.default_rng(3).integers(0, 256, (8, 10, dtype.itemsize), np.uint8)
    return raw.view(dtype)[..., 0]


def _moved(x: Array, move: str) -> Array:
    """What becomes of the samples by way of their places, which are int32 and known to be moved right."""
    places = np.arange(1, x.size + 1, dtype=np.int32).reshape(x.shape)
    found = MOVES[move](places) if move != "pad" else portresize.pad(places, (8, 14), color=-1)
    three = np.asarray([3], np.int32).astype(x.dtype)
    samples = np.concatenate([three, np.zeros(1, x.dtype), x.ravel()])
    return samples[found + 1]


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("move", MOVES)
def test_moved_bfloat16_keeps_its_dtype(move: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="numpy's only bfloat16 comes with jax")
    image = _bits(np.dtype(ml_dtypes.bfloat16))
    result, expected = MOVES[move](image), _moved(image, move)
    assert result.dtype == image.dtype
    assert result.tobytes() == expected.tobytes()
    assert result.shape == expected.shape


@pytest.mark.usefixtures("served")
def test_metadata_of_a_dtype_is_not_of_the_result() -> None:
    image = np.zeros((8, 10), np.dtype(np.uint8, metadata={"unit": "m"}))
    for move in MOVES.values():
        assert move(image).dtype.metadata is None
