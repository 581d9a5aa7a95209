"""Weight tables as the kernels read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from portresize._core.fixed import HALF

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._core.taps import Taps
    from portresize._kernels.llvm.dot import Dot


class Quads(NamedTuple):
    """A table of fixed-point weights cut into quads: groups of four samples that begin at multiples of four.

    Attributes:
        first: int32 (n,), the quad in which each window begins; never smaller than that of the output before.
        words: int32 (n, 1 + quads * words of a quad), what the sum of each output begins with, and its weights.
        quads: Length of all windows.
    """

    first: NDArray[np.int32]
    words: NDArray[np.int32]
    quads: int


def quads(table: Taps, n_in: int, dot: Dot) -> Quads:
    """`table` for an axis of `n_in` samples, its outputs made up to a multiple of four with empty ones.

    Raises:
        OverflowError: A weight is larger than the multiplication takes.
    """
    used = table.size > 0
    first = np.where(used, table.start >> 2, 0)
    last = np.where(used, (table.start + table.size - 1) >> 2, 0)
    count = int((last - first).max()) + 1
    # A window at the end begins earlier instead of reaching beyond the samples.
    first = np.minimum(first, (n_in + 3) // 4 - count)
    first = np.maximum.accumulate(np.where(used, first, 0))
    tap = np.arange(table.n_taps)
    at = np.where(used, table.start - 4 * first, 0)[:, None] + tap
    inside = tap < table.size[:, None]
    weight = np.zeros((-(-table.n_out // 4) * 4, 4 * count), np.int32)
    weight[np.nonzero(inside)[0], at[inside]] = table.weight[inside]
    by_quad = weight.reshape(len(weight), count, 4)
    words = dot.encode(by_quad).reshape(len(weight), -1)
    padded = np.concatenate([first, np.full(len(weight) - len(first), first[-1])]).astype(np.int32)
    return Quads(padded, np.concatenate([dot.bias(by_quad, HALF)[:, None], words], axis=1), count)
