"""Weight tables as the kernels read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from portresize._core.cache import LARGE, kept
from portresize._core.fixed import HALF
from portresize._core.taps import chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._core.taps import Taps
    from portresize._kernels.llvm.dot import Dot


class Table(NamedTuple):
    """Weights of the outputs along one axis, made up to a multiple of four with empty ones.

    Attributes:
        first: int32 (n,), the unit in which each window begins: a sample, or a quad of samples for 8-bit ones. Never
            smaller than that of the output before, and nor is `stop`.
        stop: int32 (n,), the unit before which it ends.
        words: (n, ...) of int32 or float64, for each output what its sum begins with, if that is not 0, and its
            weights.
        length: Units of the axis.
    """

    first: NDArray[np.int32]
    stop: NDArray[np.int32]
    words: NDArray[np.int32] | NDArray[np.float64]
    length: int

    @property
    def longest(self) -> int:
        """Units of the longest window."""
        return int((self.stop - self.first).max())

    def waiting(self) -> int:
        """The most outputs that have units on both sides of any place on the axis."""
        # The number grows only behind the first unit of a window.
        place = self.first + 1
        begun, ended = np.searchsorted(self.first, place, "left"), np.searchsorted(self.stop, place, "right")
        return max(int((begun - ended).max()), 1)

    def walk(self, first: int, stop: int, chunk: int) -> Walk:
        """Return the walk that makes outputs `first` to before `stop`, which is at least one unit long.

        An empty window after the last unit of the walk belongs to the last chunk, as there is none after it: the
        transposed tables of crops and boxes end in such windows.
        """
        starts, stops = self.first[first:stop], self.stop[first:stop]
        begin = min(int(starts[0]), self.length - 1)
        end = max(int(stops[-1]), begin + 1)
        last = (end - 1 - begin) // chunk
        earliest = np.minimum((starts - begin) // chunk, last)
        latest = (np.maximum(stops - 1, starts) - begin) // chunk
        number = np.arange(last + 1)
        bounds = [np.searchsorted(latest, number, "left"), np.searchsorted(earliest, number, "right")]
        return Walk(begin, end, np.ascontiguousarray(np.stack(bounds, axis=1) + first, np.int32))


class Walk(NamedTuple):
    """Units along an axis in chunks, and the outputs of each chunk; each output ends in one of them.

    Attributes:
        begin: The first unit.
        end: The unit before which the walk ends.
        visits: int32 (chunks, 2), the first and one past the last output that has units in a chunk, or else begins
            there.
    """

    begin: int
    end: int
    visits: NDArray[np.int32]


# Images of many sizes still share one of their sides; as many as `taps` keeps.
@kept(lambda table, *_: table.weight.nbytes > LARGE)
def quads(table: Taps, n_in: int, dot: Dot) -> Table:
    """Fixed-point weights for an axis of `n_in` samples, cut into quads that begin at multiples of four.

    All windows are as long as the longest, so that loops over them are predictable; in integers it does no harm to
    multiply what lies outside with 0.

    Raises:
        Unsupported: A weight is larger than the multiplication takes.
    """
    used = table.size > 0
    first = np.where(used, table.start >> 2, 0)
    count = int((((table.start + table.size + 3) >> 2) - first).max(initial=1, where=used))
    # A window at the end begins earlier instead of reaching beyond the samples.
    first = np.minimum(first, (n_in + 3) // 4 - count)
    first = np.maximum.accumulate(np.where(used, first, 0))
    shift = np.where(used, table.start - 4 * first, 0)
    # Weights are 0 from the end of a window on, and what is longer than all windows is cut off.
    length, n_out = max(4 * count, int(shift.max()) + table.n_taps), _whole(table.n_out)
    words = np.empty((n_out, 1 + dot.words * count), np.int32)
    for part in chunks(n_out, length):
        weight = np.zeros((part.stop - part.start, length), np.int32)
        some = table.weight[part]  # Without the outputs that only fill up a group of four.
        weight[np.arange(len(some))[:, None], shift[part][:, None] + np.arange(table.n_taps)] = some
        by_quad = weight[:, : 4 * count].reshape(len(weight), count, 4)
        words[part, 0] = dot.bias(by_quad, HALF)
        words[part, 1:] = dot.encode(by_quad).reshape(len(weight), -1)
    first = _made_up(first, first[-1])
    return Table(first, first + np.int32(count), words, (n_in + 3) // 4)


def exact(table: Taps, n_in: int) -> Table:
    """Double weights for an axis of `n_in` samples, with windows as they are: no sample outside of them is touched."""
    end = table.start + table.size
    # Nothing is read for an empty window: it lies where the windows before it end.
    stop = np.maximum.accumulate(np.where(table.size > 0, end, 0))
    first = np.where(table.size > 0, table.start, stop)
    words = np.zeros((_whole(table.n_out), table.n_taps))
    words[: table.n_out] = table.weight
    return Table(_made_up(first, stop[-1]), _made_up(stop, stop[-1]), words, n_in)


def _whole(n: int) -> int:
    """The next multiple of four."""
    return -(-n // 4) * 4


def _made_up(values: NDArray[np.int32], value: int) -> NDArray[np.int32]:
    """`values` and `value` for outputs that only fill up a group of four."""
    return np.concatenate([values, np.full(_whole(len(values)) - len(values), value)]).astype(np.int32)
