"""Pictures of patterned things, larger than what a network is fed with.

Photographs of cloth, brick, foliage, print and screens hold detail far finer than the few samples that are left of
them. These pictures do so too, in two layers:

- The pattern makes the class. Its period is 5 to 12 samples of the small image, which every low-pass filter keeps.
- The detail is drawn whatever the class, so nothing can be learnt from it. Its period is 3 samples of the large image
  at the least, and at the most the shortest that the small one can hold. A low-pass filter turns most of it into grey;
  taking a few samples out of many turns it into patterns that are not there.

Periods are drawn evenly in their logarithm, as sizes are where things stand near and far. Contrasts of both layers come
from one range, which begins where the noise is, so that some pictures are hard. One in five has no detail, so that
figures can tell what it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = Any

SIDE = 32
PATTERNS = ("stripes across", "stripes rising", "stripes down", "stripes falling", "checks", "rings", "disc", "plain")
DETAILS = ("none", "hatching", "weave", "print", "grain")
# Samples along an axis of a large picture; levels of noise; levels that a layer adds or takes away.
SIDES, NOISE, CONTRAST = (160, 320), 4.0, (4.0, 50.0)


class Group(NamedTuple):
    """Pictures of one size.

    Attributes:
        images: uint8 (n, height, width, 3).
        patterns: int64 (n,), places in PATTERNS: the classes.
        details: int64 (n,), places in DETAILS.
    """

    images: Array
    patterns: Array
    details: Array


def groups(seed: int, n_groups: int, n_each: int) -> Iterator[Group]:
    """Groups of `n_each` pictures, each of a size of its own, made when they are asked for."""
    rng = np.random.default_rng(seed)
    for _ in range(n_groups):
        height, width = (int(side) for side in rng.integers(*SIDES, 2, endpoint=True))
        patterns, details = rng.integers(len(PATTERNS), size=n_each), rng.integers(len(DETAILS), size=n_each)
        named = zip(patterns, details, strict=True)
        images = [_picture(rng, height, width, PATTERNS[pattern], DETAILS[detail]) for pattern, detail in named]
        yield Group(np.stack(images), patterns, details)


def _picture(rng: np.random.Generator, height: int, width: int, pattern: str, detail: str) -> Array:
    """Two layers over a colour and a slope of light, and the noise of a sensor."""
    y, x = (np.arange(n, dtype=np.float32) for n in (height, width))
    factor = min(height, width) / SIDE
    layers = (
        _pattern(rng, pattern, SIDE / height * y[:, None], SIDE / width * x),
        _detail(rng, detail, y[:, None], x, _between(rng, 3.0, 2.0 * factor)),
        y[:, None] / height - 0.5,
        x / width - 0.5,
    )
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = rng.uniform(70, 185, 3)
    for layer in layers:
        # Mostly light, and a little colour.
        picture += layer[..., None] * (rng.uniform(*CONTRAST) * rng.uniform(0.7, 1.3, 3)).astype(np.float32)
    picture += NOISE * rng.standard_normal(picture.shape, np.float32)
    return np.rint(picture).clip(0, 255).astype(np.uint8)


def _pattern(rng: np.random.Generator, name: str, y: Array, x: Array) -> Array:
    """-1 to 1, (height, width), from places in samples of the small image."""
    period, middle = _between(rng, 5.0, 12.0), rng.uniform(0.25 * SIDE, 0.75 * SIDE, 2)
    if name.startswith("stripes"):
        angle = np.pi / 4 * PATTERNS.index(name) + rng.uniform(-0.15, 0.15)
        return _soft(_wave(rng, _turned(y, x, angle)[0], period))
    if name == "checks":
        v, u = _turned(y, x, rng.uniform(-0.15, 0.15))
        return _soft(_wave(rng, v, period) * _wave(rng, u, period))
    radius = np.hypot(y - middle[0], x - middle[1])
    if name == "rings":
        return _soft(_wave(rng, radius, period))
    return _soft(period - radius) if name == "disc" else np.zeros_like(radius)


def _detail(rng: np.random.Generator, name: str, y: Array, x: Array, period: float) -> Array:
    """-1 to 1, (height, width), from places in samples of the large image."""
    if name in {"print", "grain"}:
        rows, columns = (2.0 / period * y).astype(np.intp), (2.0 / period * x).astype(np.intp)
        cells = rng.choice(np.array([-1.0, 1.0], np.float32), (rows.max() + 1, columns.max() + 1))
        if name == "print":
            cells[1::2] = 1.0  # Paper between the lines.
        return cells[rows, columns]
    v, u = _turned(y, x, rng.uniform(0, np.pi))
    if name == "hatching":
        return _wave(rng, v, period)
    return _wave(rng, v, period) * _wave(rng, u, period) if name == "weave" else np.zeros_like(v)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Evenly in the logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _turned(y: Array, x: Array, angle: float) -> tuple[Array, Array]:
    sine, cosine = np.float32(np.sin(angle)), np.float32(np.cos(angle))
    return cosine * y + sine * x, cosine * x - sine * y


def _wave(rng: np.random.Generator, place: Array, period: float) -> Array:
    return np.sin(np.float32(2 * np.pi / period) * place + np.float32(rng.uniform(0, 2 * np.pi)))


def _soft(layer: Array) -> Array:
    """With edges, which are as soft as a lens makes them."""
    return np.tanh(3.0 * layer)
