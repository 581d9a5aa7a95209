"""dtypes of numpy, and what of them belongs to the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def plain(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return `dtype` without the metadata that it may carry, which does not tell it from others of its kind.

    >>> plain(np.dtype(">u2", metadata={"unit": "m"})).str, plain(np.dtype("float32")).name
    ('>u2', 'float32')
    """
    # The class, because numpy spells dtypes that are not its own, such as bfloat16, as two bytes of anything ("<V2").
    found = np.dtype(dtype.type)
    return found if dtype.isnative else found.newbyteorder()


def colors(fill: tuple[float, ...]) -> NDArray[Any]:
    """Return the numbers of a canvas as an array that holds them: of the shortest integers from int32 on, or float64.

    >>> colors((0, 2**31)).dtype, colors((2**63,)).dtype, colors((0.5,)).dtype
    (dtype('int64'), dtype('uint64'), dtype('float64'))
    """
    if not all(isinstance(number, int) for number in fill):
        return np.asarray(fill, np.float64)
    limits = ((dtype, np.iinfo(dtype)) for dtype in (np.int32, np.int64, np.uint64))
    return np.asarray(fill, next(d for d, info in limits if info.min <= min(fill) and max(fill) <= info.max))
