"""Images by kind: what a call is given, the memory that it may not write, and the samples that are really there."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import numpy as np


class Made(NamedTuple):
    """One image.

    Attributes:
        image: What a call is given.
        memory: All that a call might write by mistake.
        truth: A plain array of the same samples, where they are known.
    """

    image: Any
    memory: np.ndarray | None = None
    truth: np.ndarray | None = None


class Picture(NamedTuple):
    """A kind of image.

    Attributes:
        kind: Its name in reports.
        layout: Its axes.
        make: Return a new one.
        changes: It may answer the same question differently the next time.
        passes: Exceptions of its methods that portresize is to let through.
    """

    kind: str
    layout: str
    make: Callable[[], Made]
    changes: bool = False
    passes: tuple[type[BaseException], ...] = ()


_SHAPES = {
    "HW": ((24, 30), (9, 8), (1, 1), (1, 40), (50, 2), (130, 3)),
    "HWC": ((24, 30, 3), (9, 8, 4), (7, 8, 2), (6, 5, 1), (9, 9, 5), (2, 9, 3)),
    "CHW": ((3, 24, 30), (4, 9, 8), (1, 7, 7)),
    "NHWC": ((2, 9, 8, 3), (3, 5, 5, 4)),
    "NCHW": ((2, 3, 9, 8),),
    "WHNC": ((8, 9, 2, 3),),
    "TNHW": ((2, 2, 9, 8),),
}


def form(random: Random) -> tuple[str, tuple[int, ...]]:
    """A layout and a shape of it."""
    layout = random.choice(("HW", "HW", "HWC", "HWC", *_SHAPES))
    return layout, random.choice(_SHAPES[layout])


def samples(random: Random, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Noise; of floats numbers around those of bytes, and now and then what is not finite."""
    noise = np.random.default_rng(random.getrandbits(32))
    dtype = np.dtype(dtype)
    if dtype.kind in "fc":
        found = noise.normal(100, 100, shape).astype(dtype)
        if found.size and random.random() < 0.2:
            found.flat[random.randrange(found.size)] = random.choice((np.nan, np.inf, -np.inf, 1e-40, -0.0))
        return found
    if dtype.kind in "biu":
        return noise.integers(0, 2 if dtype.kind == "b" else 127, shape).astype(dtype)
    return np.zeros(shape, dtype)
