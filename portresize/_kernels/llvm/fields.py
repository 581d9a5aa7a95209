"""What a kernel is told: a block of 64-bit integers, addresses among them, with a name for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from portresize._kernels.llvm.ir import I64

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from portresize._kernels.llvm.ir import Value


class Fields:
    """The names of a block, in order."""

    def __init__(self, *names: str) -> None:
        self._index = {name: i for i, name in enumerate(names)}

    def block(self, **values: int) -> NDArray[np.int64]:
        """A block with these values, and 0 for every other field."""
        block = np.zeros(len(self), np.int64)
        for name, value in values.items():
            block[self._index[name]] = value
        return block

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._index)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._index)

    def index(self, name: str) -> int:
        """Where a field stands."""
        return self._index[name]

    def read(self, block: Value) -> dict[str, Value]:
        """In a function: every field of the block at a pointer."""
        return {name: block.at(8 * i).load(I64) for name, i in self._index.items()}
