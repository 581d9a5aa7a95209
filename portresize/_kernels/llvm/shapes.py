"""Vectors rearranged: transposed, interleaved, put end to end.

In steps that stay within 128 bits, and steps that move whole groups of 128 bits: what x86 does in one instruction each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm.ir import bits_of, element_of, lanes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portresize._kernels.llvm.ir import Value


def transpose(rows: Sequence[Value]) -> list[Value]:
    """The columns of a square: of as many vectors as each has lanes."""
    n = lanes_of(rows[0].type)
    size = min(n, 128 // bits_of(element_of(rows[0].type)))
    groups = [transpose_groups(rows[i : i + size]) for i in range(0, n, size)]
    columns = [_across_groups([group[i] for group in groups], size) for i in range(size)]
    return [columns[i % size][i // size] for i in range(n)]


def transpose_groups(rows: Sequence[Value]) -> list[Value]:
    """Square after square transposed, of as many columns as there are rows."""
    n, values, size = lanes_of(rows[0].type), list(rows), len(rows)
    half = size // 2
    low = [at + i // 2 + n * (i % 2) for at in range(0, n, size) for i in range(size)]
    high = [i + half for i in low]
    for _ in range(size.bit_length() - 1):
        values = [
            value
            for a, b in zip(values[:half], values[half:], strict=True)
            for value in (a.shuffle(low, b), a.shuffle(high, b))
        ]
    return values


def _across_groups(values: list[Value], size: int) -> list[Value]:
    """Value `i` is made of group `i` of every one of `values`, of which there are as many as groups in each."""
    if len(values) == 1:
        return values
    n = lanes_of(values[0].type)
    even = [at + i for at in range(0, 2 * n, 2 * size) for i in range(size)]
    odd = [i + size for i in even]
    pairs = list(zip(values[::2], values[1::2], strict=True))
    halves = [_across_groups([a.shuffle(order, b) for a, b in pairs], size) for order in (even, odd)]
    return [value for pair in zip(*halves, strict=True) for value in pair]


def interleave(a: Value, b: Value) -> tuple[Value, Value]:
    """Lanes of `a` and `b` in turn; the lower half of them and the upper."""
    n = lanes_of(a.type)
    order = [source * n + i for i in range(n) for source in (0, 1)]
    return a.shuffle(order[:n], b), a.shuffle(order[n:], b)


def join(values: Sequence[Value]) -> Value:
    """Vectors end to end; as many of them as a power of two."""
    while len(values) > 1:
        n = 2 * lanes_of(values[0].type)
        values = [a.shuffle(range(n), b) for a, b in zip(values[::2], values[1::2], strict=True)]
    return values[0]
