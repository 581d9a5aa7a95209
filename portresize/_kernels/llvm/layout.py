"""Where things lie: the samples of an item, and what a kernel needs beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from portresize._kernels.llvm.address import ArrayAddress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._kernels.llvm.fields import Fields


class Side(NamedTuple):
    """How an item lies in memory: bytes from row to row, from pixel to pixel, and from band to band."""

    row: int
    pixel: int
    band: int


class Samples(NamedTuple):
    """What an item holds.

    Attributes:
        kind: "u8", a key of `wide.ELEMENTS`, or anything else for what is only moved.
        item: Bytes of a sample.
        bands: Bands that are computed together, 1 to 4.
    """

    kind: str
    item: int
    bands: int

    @property
    def pixel(self) -> int:
        """Bytes of a pixel."""
        return self.item * self.bands

    def are_joined(self, side: Side) -> bool:
        """Whether the bands of a pixel follow one another there."""
        return self.bands == 1 or side.band == self.item

    def are_dense(self, side: Side) -> bool:
        """Whether the samples of a row follow one another there."""
        return side.pixel == self.pixel and self.are_joined(side)


class Word(NamedTuple):
    """A word of a block: where it is, counted in words, and a number, maybe an address, or a place in the memory."""

    at: int
    value: int
    means: Literal["number", "place"]


class Layout:
    """Blocks of fields and buffers in one piece of memory, whose address is not known yet."""

    def __init__(self) -> None:
        self.size = 0
        self._blocks: list[tuple[int, NDArray[np.int64]]] = []
        self._relative: list[int] = []  # Fields, counted in words, that hold places in this memory.
        self.kept: list[NDArray[Any]] = []  # What blocks name by its address.
        self._fills: list[tuple[int, Fields, dict[str, int], dict[str, int]]] = []

    def buffer(self, size: int) -> int:
        """Room for `size` bytes: its place."""
        place = self.size
        self.size += -(-size // 64) * 64
        return place

    def fill(self, place: int, fields: Fields, values: dict[str, int], places: dict[str, int]) -> None:
        """Write a block; of the fields `places` only the place in this memory is known."""
        self._blocks.append((place // 8, fields.block(**values, **places)))
        self._relative += [place // 8 + fields.index(name) for name in places]
        self._fills.append((place, fields, values, places))

    def words(self) -> list[Word]:
        """All that blocks hold, one by one."""
        found: list[Word] = []
        for place, fields, values, places in self._fills:
            numbers = dict.fromkeys(fields, 0) | values
            found += [Word(place // 8 + fields.index(name), value, "number") for name, value in numbers.items()]
            found += [Word(place // 8 + fields.index(name), value, "place") for name, value in places.items()]
        return found

    def address(self, array: NDArray[Any]) -> ArrayAddress:
        """Where an array is, for as long as this."""
        array = np.ascontiguousarray(array)
        self.kept.append(array)
        return ArrayAddress(array)

    def place(self, memory: NDArray[np.int64], address: int) -> None:
        """Write all blocks to `memory`, which is at `address`."""
        for at, values in self._blocks:
            memory[at : at + len(values)] = values
        memory[self._relative] += address


def stride(size: int) -> int:
    """Bytes from row to row in a buffer: aligned, but not so that all rows fall into the same sets of a cache."""
    aligned = -(-size // 64) * 64
    return aligned if aligned % 2048 else aligned + 64
