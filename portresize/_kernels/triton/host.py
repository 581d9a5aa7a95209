"""Whether kernels can serve a GPU, and if not, why; asked without importing triton."""

from __future__ import annotations

import importlib.metadata
import re
from typing import NamedTuple

OLDEST = (3, 6)
"""The first Triton that has compiled these kernels, and the first whose interpreter has run them."""
LEAST = (7, 5)
"""The first compute capability for which it has."""


class Host(NamedTuple):
    """Which Triton serves, or why none does."""

    version: str
    why: str


def host(capability: tuple[int, int] | None) -> Host:
    """What serves a device of NVIDIA of that compute capability; None for one of another maker.

    >>> host(None).why
    "the device is not one of NVIDIA's"
    >>> host((6, 1)).why
    'the device has compute capability 6.1, expected 7.5 or higher'
    """
    if capability is None:
        return Host("", "the device is not one of NVIDIA's")
    if capability < LEAST:
        found, least = (".".join(map(str, pair)) for pair in (capability, LEAST))
        return Host("", f"the device has compute capability {found}, expected {least} or higher")
    version = _version()
    if not version:
        return Host("", "triton is not installed")
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
        return Host("", f"triton is {version}, expected {OLDEST[0]}.{OLDEST[1]} or newer")
    return Host(version, "")


def _version() -> str:
    """Of the Triton that is installed, by whatever name it was."""
    for name in ("triton", "pytorch-triton", "triton-windows"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""
