"""How a table of taps lies in the memory of a device, so that a kernel reads it without asking where windows end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._core.taps import Taps

# A kernel walks over its taps in groups of as many; each number of them is a kernel of its own.
GROUPS = (8, 4, 2, 1)


class Table(NamedTuple):
    """Weights by tap and then by output, so that outputs side by side read weights side by side.

    Attributes:
        start: int32 (n_out,), first sample of each window.
        weight: (groups * group, n_out), int32 or float64.
        group: Taps that a kernel adds before it asks whether there are more.
    """

    start: NDArray[np.int32]
    weight: NDArray[Any]
    group: int

    @property
    def groups(self) -> int:
        """How often a kernel does that."""
        return len(self.weight) // self.group


def lay_out(taps: Taps, n_in: int, *, marked: bool) -> Table:
    """Windows of one length, all of them within an axis of `n_in` samples: those near its end begin earlier.

    Args:
        taps: Which samples make an output; at most `n_in` each.
        n_in: Length of the axis, samples.
        marked: Whether a tap outside its window is NaN and not 0, so that a kernel knows that it must not count:
            0 times infinity would be NaN.

    >>> from portresize._core.filters import Resampling
    >>> from portresize._core.taps import taps
    >>> lay_out(taps(5, 2, 0.0, 5.0, Resampling.BOX), 5, marked=False).start
    array([0, 1], dtype=int32)
    """
    n_taps = taps.n_taps
    group = group_of(n_taps, n_in)
    padded = -(-n_taps // group) * group
    start = np.minimum(taps.start, n_in - padded).astype(np.int32)
    weight = np.zeros((padded, taps.n_out), taps.weight.dtype)
    if marked:
        weight[...] = np.nan
    output, tap = np.nonzero(np.arange(n_taps) < taps.size[:, None])
    weight[tap + (taps.start - start)[output], output] = taps.weight[output, tap]
    return Table(start, weight, group)


def group_of(n_taps: int, n_in: int) -> int:
    """The size of groups that makes `n_taps` the least work, counting the end of a loop as half a tap.

    >>> [group_of(n_taps, 99) for n_taps in (1, 2, 3, 4, 6, 8, 9, 12, 45)]
    [1, 2, 4, 4, 2, 8, 2, 4, 8]
    >>> group_of(3, 3)
    1
    """
    fitting = [group for group in GROUPS if -(-n_taps // group) * group <= n_in]
    return min(fitting, key=lambda group: -(-n_taps // group) * (2 * group + 1))
