"""Arguments by role: a good value for an image, or a hostile one."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.hostile import numbers, objects, sequences, words
from tests.hostile.values import Value, constant

_FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos", "mks2013", "mks2021", 0, 1, 2, 3, 4, 5, None)
_DIALECTS = ("pillow-13", "pillow-13", "pillow-12.3", "pillow-11", "pillow-9.5", "pillow-7.0")


def _fraction(random: Random) -> Value:
    return constant(random.choice((0.0, 0.25, 0.4, 0, random.random() * 0.49)))


def _edge(random: Random) -> Value:
    return constant(random.choice((0, 1, 2.5, 7, 8.75)))


def _four(random: Random) -> Value:
    return constant(random.choice(((0, 0, 5, 5), (0.5, 0.25, 6.5, 7), (1, 1, 1.5, 1.5), (2, 0, 7, 6))))


# By role, a good value.
GOOD: dict[str, Callable[[Random], Value]] = {
    "size": lambda random: sequences.of([numbers.side(random), numbers.side(random)], random),
    "resample": lambda random: constant(random.choice(_FILTERS)),
    "box": lambda random: random.choice((lambda _: constant(None), _four))(random),
    "whole box": lambda random: constant(random.choice((None, (0, 0, 5, 5), (1, 2, 4, 6)))),
    "reducing_gap": lambda random: constant(random.choice((None, 1.0, 2.0, 3))),
    "layout": lambda _: constant(None),
    "mode": lambda _: constant(None),
    "dialect": lambda random: constant(random.choice(_DIALECTS)),
    "factor": lambda random: constant(random.choice((1, 2, 3, (1, 2), (5, 2), (100, 100)))),
    "scale": lambda random: constant(random.choice((0.1, 0.5, 1, 1.5, 3.0))),
    "centering": lambda random: constant(random.choice(((0.5, 0.5), (0, 1), (0.25, 1.0)))),
    "bleed": lambda random: constant(random.choice((0.0, 0.1, 0.49))),
    "color": lambda random: constant(random.choice((None, 0, 7, (1, 2, 3), (1, 2, 3, 4)))),
    "number": lambda random: constant(random.choice((1, 2, 5, 100))),
    "edge": lambda random: random.choice((numbers.side, lambda r: GOOD["size"](r), lambda _: constant(None)))(random),
    "max_size": lambda random: constant(random.choice((None, None, 40, 290))),
    "antialias": lambda _: constant(True),
    "keys": lambda random: constant(random.choice((("image",), ["image", "left"]))),
}

# By role, the parts of a good sequence, some of which a hostile one keeps.
_PARTS: dict[str, list[Callable[[Random], Value]]] = {
    "size": [numbers.side, numbers.side],
    "edge": [numbers.side, numbers.side],
    "factor": [numbers.side, numbers.side],
    "box": [_edge] * 4,
    "whole box": [_edge] * 4,
    "centering": [_fraction, _fraction],
    "color": [numbers.side] * 3,
    "keys": [words.draw, words.draw],
}
_WORDS = ("layout", "mode", "dialect", "resample")


def hostile(role: str, random: Random) -> Value:
    """A value that the role may not be ready for."""
    turn = random.random()
    if turn < 0.08:
        return objects.draw(random)
    if turn < 0.12:
        return random.choice((numbers.draw, sequences.draw, words.draw))(random)
    if role in _WORDS and (turn < 0.8 or role != "resample"):
        return words.draw(random)
    if role in _PARTS and turn < 0.6:
        return sequences.partly(_PARTS[role], random)
    if role in _PARTS and turn < 0.9:
        return sequences.draw(random)
    return numbers.draw(random)


Words = dict[str, Any]
