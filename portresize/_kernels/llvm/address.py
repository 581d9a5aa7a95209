"""Addresses that know what is there, which means the same in every process where the number does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The name of a function, and what it is specialised to.
Key = tuple[str | int, ...]


class ArrayAddress(int):
    """Where the first element of `array` is."""

    array: NDArray[Any]

    def __new__(cls, array: NDArray[Any]) -> Self:
        """Of an array that has to live as long as whoever uses the number."""
        self = super().__new__(cls, array.ctypes.data)
        self.array = array
        return self


class FunctionAddress(int):
    """Where the function `key` of `library` is."""

    key: Key

    def __new__(cls, address: int, key: Key) -> Self:
        """A number that is known."""
        self = super().__new__(cls, address)
        self.key = key
        return self
