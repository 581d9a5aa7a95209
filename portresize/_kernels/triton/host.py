"""Whether kernels can serve a GPU, and if not, why; asked without importing triton."""

from __future__ import annotations

import importlib.metadata
import re
from typing import NamedTuple

OLDEST = (3, 9)
"""The first Triton that these kernels have met."""
LEAST = (7, 5)
"""The first compute capability that Triton generates code for."""


class Host(NamedTuple):
    """Which Triton serves, or why none does."""

    version: str
    why: str


def host(capability: tuple[int, int] | None) -> Host:
    """What serves a device of NVIDIA of that compute capability; None for one of another maker, or for none at all.

    >>> host(None).why
    'there is no CUDA device'
    >>> host((6, 1)).why
    'the device has compute capability 6.1, expected 7.5 or higher'
    """
    if capability is None:
        return Host("", "there is no CUDA device")
    if capability < LEAST:
        found, least = (".".join(map(str, pair)) for pair in (capability, LEAST))
        return Host("", f"the device has compute capability {found}, expected {least} or higher")
    try:
        version = importlib.metadata.version("triton")
    except importlib.metadata.PackageNotFoundError:
        return Host("", "triton is not installed")
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
        return Host("", f"triton is {version}, expected {OLDEST[0]}.{OLDEST[1]} or newer")
    return Host(version, "")
