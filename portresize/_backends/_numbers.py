"""dtypes of numpy, and what of them belongs to the samples."""

from __future__ import annotations

from typing import Any

import numpy as np


def plain(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return `dtype` without the metadata that it may carry, which does not tell it from others of its kind.

    >>> plain(np.dtype(">u2", metadata={"unit": "m"})).str, plain(np.dtype("float32")).name
    ('>u2', 'float32')
    """
    # The class, because numpy spells dtypes that are not its own, such as bfloat16, as two bytes of anything ("<V2").
    found = np.dtype(dtype.type)
    return found if dtype.isnative else found.newbyteorder()
