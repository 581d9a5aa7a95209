"""A program as numbers that mean the same in every process: what `handler` makes its blocks from.

A recipe is one array of 64-bit integers: a block of `RECIPE`, then `sections`, then what they refer to. A section says
what to write to the memory of a run: words, some of them counted from the beginning of that memory or of the recipe,
and addresses of functions, which are given by their number in `FUNCTIONS`. The first section is that of every run; the
second makes it one of all rows, and each one after that one of a part of the rows.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from portresize._kernels.llvm import library
from portresize._kernels.llvm.address import ArrayAddress, FunctionAddress
from portresize._kernels.llvm.fields import Fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from portresize._kernels.llvm.address import Key
    from portresize._kernels.llvm.layout import Word
    from portresize._kernels.llvm.program import Program

# Bytes that a thread has to read and write at the least, so that handing them over does not take longer.
WORTH_THREAD = 1 << 17

FUNCTIONS: list[Key] = list(library.every_key())

RECIPE = Fields(
    "leading",  # Axes of the arrays over whose items the handler walks itself.
    "source_step",  # Bytes from one of these to the next.
    "target_step",
    "size",  # Bytes of memory for a run.
    "kernel",  # Its number.
    "work",  # Bytes of an item that are read and written.
    "worth",  # How many of these it takes for a thread to pay.
    "threads",  # At most.
    "row_parts",  # Into how many parts of rows an item can be cut.
    "sections",  # Where they begin, in bytes.
    "needed",  # Where the numbers of all functions are, in bytes, and how many there are.
    "n_needed",
)
SECTION = Fields("words", "n_words", "functions", "n_functions")
# Of each of its words: where it goes, in bytes, the number, and what it is counted from.
WORD = Fields("at", "value", "base")
BASES = Fields("nothing", "memory", "recipe")
# Of each function: where its address goes, in bytes, and its number.
CALLEE = Fields("at", "number")


class _Writer:
    """Numbers one after the other."""

    def __init__(self, head: int) -> None:
        self._parts: list[NDArray[np.int64]] = [np.zeros(head, np.int64)]
        self._size = head
        self._places: dict[tuple[int, int], int] = {}

    def add(self, numbers: ArrayLike) -> int:
        """Where they are, in bytes."""
        array = np.asarray(numbers, np.int64).ravel()
        self._parts.append(array)
        self._size += len(array)
        return 8 * (self._size - len(array))

    def table(self, address: ArrayAddress) -> int:
        """Where the elements of an array are, in bytes; it is kept once, however often it is named."""
        key = int(address), address.array.nbytes
        if key not in self._places:
            content = address.array.tobytes()
            content += bytes(-len(content) % 8)
            self._places[key] = self.add(np.frombuffer(content, np.int64))
        return self._places[key]

    def finish(self, head: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """All of it."""
        self._parts[0] = np.concatenate(head)
        return np.concatenate(self._parts)


class Recipe(NamedTuple):
    """A recipe.

    Attributes:
        numbers: int64 (n,), all that it says.
        functions: By their numbers, where those that it needs are in this process.
    """

    numbers: NDArray[np.int64]
    functions: dict[int, int]


def recipe(program: Program, *, leading: int, steps: tuple[int, int], threads: int) -> Recipe:
    """From what a handler runs `program` on arrays of any number of items.

    Args:
        program: For one item of the `leading` axes of an array, or for whatever it holds.
        leading: How many axes the handler walks itself; their lengths may differ from run to run.
        steps: Bytes from one such item to the next, in the array that is read and in that which is written.
        threads: How many may work on it, at most.
    """
    rows = program.outputs
    cuts = [rows * i // threads for i in range(threads + 1)] if threads > 1 else []
    runs = [program.words(), program.row_words(0, rows)]
    runs += [program.row_words(*part) for part in pairwise(cuts) if part[0] < part[1]]
    writer = _Writer(len(RECIPE) + len(runs) * len(SECTION))
    sections = [_section(writer, words) for words in runs]
    addresses = [word.value for words in runs for word in words if isinstance(word.value, FunctionAddress)]
    functions = {_number(address): int(address) for address in [program.kernel, *addresses]}
    head = RECIPE.block(
        leading=leading,
        source_step=steps[0],
        target_step=steps[1],
        size=program.size,
        kernel=_number(program.kernel),
        work=program.work * program.items,
        worth=WORTH_THREAD,
        threads=threads,
        row_parts=len(runs) - 2,
        sections=8 * len(RECIPE),
        needed=writer.add(sorted(functions)),
        n_needed=len(functions),
    )
    return Recipe(writer.finish([head, *sections]), functions)


def _number(address: FunctionAddress) -> int:
    return FUNCTIONS.index(address.key)


def _section(writer: _Writer, words: Sequence[Word]) -> NDArray[np.int64]:
    """What to write to the memory of a run, one word after the other."""
    plain, callees = [], []
    for word in words:
        if isinstance(word.value, FunctionAddress):
            callees.append((8 * word.at, _number(word.value)))
        elif isinstance(word.value, ArrayAddress):
            plain.append((8 * word.at, writer.table(word.value), BASES.index("recipe")))
        else:
            base = "memory" if word.means == "place" else "nothing"
            plain.append((8 * word.at, word.value, BASES.index(base)))
    return SECTION.block(
        words=writer.add(plain), n_words=len(plain), functions=writer.add(callees), n_functions=len(callees)
    )
