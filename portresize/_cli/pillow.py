"""The Pillow that is installed: the oracle, and which dialect it speaks."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from portresize._cases import Case, by_pillow
from portresize._cli import libraries
from portresize._core.dialect import VERSIONS
from portresize._core.modes import MODES


class Spoken(NamedTuple):
    """A Pillow and its dialect; `note` says so if the version itself is not known."""

    version: str
    dialect: str
    note: str = ""


def installed() -> Spoken:
    """The dialect of the Pillow on this machine.

    Raises:
        ImportError: There is none.
    """
    try:
        version: str = libraries.load("PIL", "'portresize[cli]'").__version__
    except libraries.Missing as error:
        msg = f"Pillow, the reference, is {error}"
        raise ImportError(msg) from None
    return dialect_of(version)


def dialect_of(version: str) -> Spoken:
    """The dialect of a version: its own row, or else the newest one before it.

    >>> dialect_of("12.3.0").dialect
    'pillow-12.3'
    """
    match = re.match(r"(\d+)\.(\d+)", version)
    wanted = (int(match[1]), int(match[2])) if match else max(VERSIONS)
    row = max((known for known in VERSIONS if known <= wanted), default=min(VERSIONS))
    name = f"pillow-{row[0]}.{row[1]}"
    if match and row == wanted:
        return Spoken(version, name)
    age = "newer" if wanted > max(VERSIONS) else "older" if wanted < min(VERSIONS) else "other"
    note = f'Pillow {version} is {age} than any this portresize knows; compared with dialect "{name}", the nearest'
    return Spoken(version, name, note)


def resize(array: np.ndarray, case: Case) -> np.ndarray:
    """Pillow's answer, bands that have no common mode one by one."""
    if array.ndim == 2 or MODES[case.mode].bands:
        return by_pillow(case, array)
    bands = [by_pillow(case, np.ascontiguousarray(array[..., band])) for band in range(array.shape[2])]
    return np.stack(bands, axis=-1)
