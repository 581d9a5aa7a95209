"""What a kernel is told: a block of 64-bit integers, addresses among them, with a name for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from portresize._kernels.llvm.ir import I64

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._kernels.llvm.ir import Value


class Fields:
    """The names of a block, in order."""

    def __init__(self, *names: str) -> None:
        self._index = {name: i for i, name in enumerate(names)}

    def block(self, **values: int) -> NDArray[np.int64]:
        """A block with these values, every field among them."""
        block = np.zeros(len(self._index), np.int64)
        for name in self._index:
            block[self._index[name]] = values.pop(name)
        if values:
            msg = f"no such fields: {', '.join(values)}"
            raise TypeError(msg)
        return block

    def index(self, name: str) -> int:
        """Where a field stands."""
        return self._index[name]

    def read(self, block: Value) -> dict[str, Value]:
        """In a function: every field of the block at a pointer."""
        return {name: block.at(8 * i).load(I64) for name, i in self._index.items()}
