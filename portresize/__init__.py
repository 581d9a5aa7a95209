"""Pillow's resize, bit for bit, on any array.

>>> import numpy as np, portresize
>>> portresize.resize(np.eye(8, dtype=np.float32), (2, 2), "box")
array([[0.25, 0.  ],
       [0.  , 0.25]], dtype=float32)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from portresize._api import contain, cover, fit, pad, reduce, resize, scale, thumbnail
from portresize._core.filters import Resampling
from portresize._core.fork import importing
from portresize._core.threads import threads

if TYPE_CHECKING:
    from types import ModuleType

__version__ = "0.1.0"

__all__ = ["Resampling", "contain", "cover", "fit", "pad", "reduce", "resize", "scale", "threads", "thumbnail"]


# Modules for one library each, which they import.
_ADAPTERS = ("grain", "jax", "torch", "torchvision", "transformers")


def __getattr__(name: str) -> ModuleType:
    """`portresize.jax` without a line that imports it."""
    if name in _ADAPTERS:
        with importing():
            return import_module(f"portresize.{name}")
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """List what is meant to be used."""
    return __all__
