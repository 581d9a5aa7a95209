"""Pillow's resize, bit for bit, on any array.

>>> import numpy as np, portresize
>>> portresize.resize(np.eye(8, dtype=np.float32), (2, 2), "box")
array([[0.25, 0.  ],
       [0.  , 0.25]], dtype=float32)
"""

from portresize._api import contain, cover, fit, pad, reduce, resize, scale, thumbnail
from portresize._core.filters import Resampling
from portresize._core.threads import threads

__version__ = "0.1.0"

__all__ = ["Resampling", "contain", "cover", "fit", "pad", "reduce", "resize", "scale", "threads", "thumbnail"]


def __dir__() -> list[str]:
    """List what is meant to be used."""
    return __all__
