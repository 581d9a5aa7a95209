"""Rows of bytes looked up in other rows, many at once, by shuffles within 128 bits.

Sixteen bytes of a result come from `pieces` times sixteen neighbouring bytes of the source, each piece shuffled by an
order of its own that leaves 0 for what comes from another piece: `pshufb` on x86-64 and `tbl` on aarch64 do that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from portresize._kernels.llvm import shapes
from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import I8, I32, I64, vector
from portresize._kernels.llvm.rows import ENDS, Ends, copy_row, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._kernels.llvm.ir import Module, Value
    from portresize._kernels.llvm.isa import Isa

LOOKUP = Fields(*ENDS, "first_out", "stop_out", "row_index", "out_bytes", "groups", "starts", "orders")
MOST_PIECES = 8
"""Beyond, moving pixels one by one is as fast."""


class Table(NamedTuple):
    """Where the bytes of a row come from.

    Attributes:
        starts: int64 (groups, size // 16), the first byte that each sixteen bytes of a group of `size` come from.
        orders: uint8 (groups, pieces, size), places in each piece, or 128 for what comes from another or is 0. The
            last group ends with the row, and may make bytes of the one before again.
    """

    starts: NDArray[np.int64]
    orders: NDArray[np.uint8]

    @property
    def pieces(self) -> int:
        """How many pieces make up a result."""
        return self.orders.shape[1]


def table(columns: NDArray[np.int32], n_in: int, unit: int, size: int) -> Table | None:
    """Look pixels of `unit` bytes up in a row of `n_in`, -1 for 0, in groups of `size` bytes; None if that cannot pay.

    >>> table(np.arange(0, 32, 2, dtype=np.int32), 32, 1, 16).orders[0, 0].tolist()[:9]
    [0, 2, 4, 6, 8, 10, 12, 14, 128]
    """
    n_out = len(columns) * unit
    if not size or n_out < size:
        return None
    groups = -(-n_out // size)
    targets = np.minimum(np.arange(groups) * size, n_out - size)[:, None] + np.arange(size)
    # What has no source takes a place beside its neighbours.
    near = np.maximum(np.maximum.accumulate(columns), 0)
    sources = near[targets // unit].astype(np.int64) * unit + targets % unit  # (groups, size)
    by_sixteen = sources.reshape(groups, size // 16, 16)
    first, last = by_sixteen.min(axis=2), by_sixteen.max(axis=2)
    pieces = int((last - first).max()) // 16 + 1
    if pieces > min(MOST_PIECES, max(2, 16 // unit)) or 16 * pieces > n_in * unit:
        return None
    # A window at the end begins earlier instead of reaching beyond the row.
    first = np.minimum(first, n_in * unit - 16 * pieces)
    places = (by_sixteen - first[..., None]).reshape(groups, 1, size)
    is_here = (places >> 4 == np.arange(pieces)[:, None]) & (columns[targets // unit] >= 0)[:, None]
    return Table(first, np.where(is_here, places & 15, 128).astype(np.uint8))


def bytes_at(isa: Isa, source: Value, starts: Value, orders: Value, pieces: int) -> Value:
    """A group: from a row, where the `starts` of the group are, and its `orders`."""
    f, size = source.function, isa.lookup
    rows = [source.at(starts.at(8 * i).load(I64)) for i in range(size // 16)]

    def piece(number: int) -> Value:
        values = shapes.join([row.at(16 * number).load(vector(I32, 4)) for row in rows]).bitcast(vector(I8, size))
        return isa.look_up(f, values, orders.at(size * number).load(values.type))

    found = piece(0)
    for number in range(1, pieces):
        found = found | piece(number)
    return found


def lookup(module: Module, isa: Isa, pieces: int) -> None:
    """`lookup`: output rows whose bytes `starts` and `orders` name, of the rows that `row_index` names; 0 for -1."""
    copied = copy_row(module, isa)
    f = kernel(module, isa, "lookup")
    x = LOOKUP.read(f.parameters[0])
    ends = Ends(f, x)
    size = isa.lookup
    starts, orders = x["starts"].pointer(), x["orders"].pointer()
    with ends.items(), f.loop(x["stop_out"], start=x["first_out"]) as out:
        target, stride = ends.rows(out.index)
        row, is_again = ends.chosen(out.index)
        # What is handed over may have been changed since.
        is_again = is_again & x["emit"].equals(0)
        with f.when(is_again):
            f.call(copied, [target, target.at(f.number(0) - stride), x["out_bytes"]])
        with f.when((row < 0) & (is_again ^ 1)), f.loop(x["out_bytes"]) as byte:
            target.at(byte.index).store(f.number(0, I8))
        with f.when((row >= 0) & (is_again ^ 1)):
            source, _ = ends.fetch(row, f.number(1))
            following = ends.following(out.index)
            with f.loop(x["groups"]) as group:
                for i in range(size // 16):
                    for j in range(0, pieces, 4):
                        following.at(starts.at(group.index * (size // 2) + 8 * i).load(I64) + 16 * j).prefetch()
                here = orders.at(group.index * (size * pieces))
                value = bytes_at(isa, source, starts.at(group.index * (size // 2)), here, pieces)
                target.at((group.index * size).min(x["out_bytes"] - size)).store(value)
        ends.emit(out.index, f.number(1))
