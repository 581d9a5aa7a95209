"""Faults planted on purpose, by which a campaign is seen to find each kind of them.

The environment names them by turn: `PORTRESIZE_PLANTED="3:abort 7:hang"`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.hostile.calls import Call
from tests.hostile.pictures import Made, Picture

VARIABLE = "PORTRESIZE_PLANTED"


def _raise(_: Any) -> Any:
    msg = "planted"
    raise RuntimeError(msg)


def _hang(_: Any) -> Any:
    while True:
        pass


def _swell(_: Any) -> Any:
    return np.full(5 << 28, 3, np.uint8)[-1]


def _write(image: np.ndarray) -> Any:
    image[0] = 3
    return image


def _poison(_: Any) -> Any:
    import portresize

    portresize.resize = portresize.reduce  # type: ignore[assignment]  # wrong on purpose
    return None


def _kill(_: Any) -> Any:
    import ctypes

    return ctypes.string_at(0)


PLANTED: dict[str, Callable[[Any], Any]] = {
    "raise": _raise,
    "exit": lambda _: os._exit(0),
    "abort": lambda _: os.abort(),
    "kill": _kill,
    "hang": _hang,
    "swell": _swell,
    "write": _write,
    "wrong": lambda image: np.roll(image, 1) if image.base is None else image,
    "poison": _poison,
}


def planted(turn: int) -> Call | None:
    """The fault of a turn, if there is one."""
    found = dict(pair.split(":") for pair in os.environ.get(VARIABLE, "").split())
    name = found.get(str(turn))
    if name is None:
        return None
    array = np.arange(20, dtype=np.uint8).reshape(4, 5)

    def make() -> Made:
        copy = array.copy()
        return Made(copy, copy, array[:])

    return Call(f"planted {name}", Picture("plain", "HW", make), {}, lambda: PLANTED[name])
