"""A request for arrays of one kind, ready to run: a program of kernels, and where the items of an array are."""

from __future__ import annotations

import math
import threading
from ctypes import addressof, c_char
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from portresize._backends._items import items_of
from portresize._backends._numbers import colors, plain
from portresize._core import room
from portresize._core.steps import Crop, Pad
from portresize._core.threads import number_of_threads
from portresize._kernels import pool
from portresize._kernels.llvm.engine import KERNEL
from portresize._kernels.llvm.errors import Unsupported
from portresize._kernels.llvm.program import Program
from portresize._kernels.llvm.recipe import WORTH_THREAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portresize._backends._items import Form
    from portresize._core.plan import Plan
    from portresize._core.steps import Step
    from portresize._kernels.llvm.isa import Isa

# Bytes of memory that a thread keeps from call to call, at most.
_MOST_KEPT = 1 << 24
Size = tuple[int, ...]
# A range of items and a range of output rows.
_Job = tuple[tuple[int, int], tuple[int, int]]


class _Block(NamedTuple):
    """Memory for a run of a kernel, and its address."""

    memory: np.ndarray
    address: int


class _Ready(NamedTuple):
    """State that the last call of a thread left: filled blocks for each of the threads that worked for it."""

    call: Call
    threads: int
    blocks: list[_Block]
    addresses: np.ndarray
    first: int  # The address of the first block.
    size: int  # Bytes of all, and of what they refer to.
    all: int  # That of the list of addresses.


class _Kept(threading.local):
    """Thread-local state that is kept from call to call."""

    ready: _Ready | None = None


_KEPT = _Kept()


def _block(size: int) -> _Block:
    """At least `size` bytes, beginning at a line of the cache."""
    memory = np.empty(max(size, 1 << 16) // 8 + 8, np.int64)
    memory = memory[-memory.ctypes.data % 64 // 8 :]
    return _Block(memory, memory.ctypes.data)


class Call:
    """A plan for arrays of one shape, memory layout and dtype."""

    def __init__(self, form: Form, plan: Plan, strides: Size, isa: Isa) -> None:
        """Generate the kernels.

        Raises:
            Unsupported: There are no kernels for it.
            ValueError: The environment asks for a number of threads that is none.
        """
        layout, _, dtype, shape = form
        height, width, self._channel = (layout.find(name) for name in "HWC")
        steps = list(plan.steps)
        # A canvas that is resized in its turn, as in a gradient through an average, is left among the steps.
        self._pad = last if steps and isinstance(last := steps[-1], Pad) else None
        steps = steps[:-1] if self._pad else steps
        if not all(shape):
            msg = "an empty image"
            raise Unsupported(msg)

        result = list(shape)
        result[height], result[width] = plan.result
        # The next array of this kind may carry other metadata.
        self._shape, self._dtype = tuple(result), plain(dtype)
        self._size = math.prod(result) * dtype.itemsize
        self._axes = _order(shape, strides)
        target = self._empty().strides
        items = items_of(form, steps, (strides, target))
        sources, targets = (items.places(shape, of, items.axes) for of in (strides, target))
        if self._pad:
            targets += self._pad.top * items.sides[1].row + self._pad.left * items.sides[1].pixel
        self._program = program = Program(
            isa, items.samples, items.sides, steps, plan.source, places=(sources, targets)
        )
        self._cut = _cut(form, steps) if dtype.isbuiltin == 1 else None
        self._isa, self._kernel = isa, KERNEL(program.kernel)
        # More would have little to do, and all rows near the end of a part are computed for both.
        self._threads = min(program.work * program.items // WORTH_THREAD, pool.most())
        number_of_threads()  # If the environment is wrong, small images shall say so too.
        # Bytes of weights and places, which a thread that keeps its last call keeps as well.
        self._tables = sum(table.nbytes for table in program.tables())

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The result for `x`."""
        if self._size >= room.LARGE:
            # Less may be left than when the kernels were made.
            room.hold(self._size, f"a result of shape {self._shape}")
        y = self._empty() if self._axes else np.empty(self._shape, self._dtype)
        if self._pad:
            self._fill(y, self._pad)
        threads = 1 if self._threads < 2 else min(number_of_threads(), self._threads)
        if self._cut is not None and threads == 1 and not self._pad:
            # numpy calls nothing but the C library's copy, which knows the processor better than `move`.
            y[...] = x[self._cut]
            return y
        source, target = _address(x), _address(y)
        # Taken while in use: a signal handler that resizes on this thread must not find it.
        ready, _KEPT.ready = _KEPT.ready, None
        if ready is None or ready.call is not self or ready.threads != threads:
            ready = self._prepared(ready.blocks if ready else [], threads)
        count = len(ready.blocks)
        if count == 1:
            self._kernel(ready.first, source, target)
        else:
            pool.run(self._isa, count, ready.all, self._program.kernel, source, target)
        if ready.size <= _MOST_KEPT:
            _KEPT.ready = ready
        return y

    def _empty(self) -> np.ndarray:
        """Room for the result, whose axes come in memory in the order in which those of the source do."""
        if not self._axes:
            return np.empty(self._shape, self._dtype)
        y = np.empty([self._shape[axis] for axis in self._axes], self._dtype)
        return y.transpose(np.argsort(self._axes))

    def _fill(self, y: np.ndarray, pad: Pad) -> None:
        """A canvas of one colour."""
        # Beyond float32 is infinity.
        with np.errstate(over="ignore"):
            color = colors(pad.fill).astype(y.dtype)
        y[...] = color if len(color) == 1 else color.reshape([-1 if i == self._channel else 1 for i in range(y.ndim)])

    def _jobs(self, threads: int) -> list[_Job]:
        """The work in as many parts as there are threads, of whole items if they go round, or else of rows too."""
        n, rows = self._program.items, self._program.outputs
        if n >= 4 * threads or n % threads == 0:
            cuts = [n * i // threads for i in range(threads + 1)]
            return [(part, (0, rows)) for part in pairwise(cuts)]
        cuts = [rows * i // threads for i in range(threads + 1)]
        return [((0, n), part) for part in pairwise(cuts) if part[0] < part[1]]

    def _prepared(self, blocks: list[_Block], threads: int) -> _Ready:
        """A block for each part of the work, in memory of those that there are already, as far as it is enough."""
        program, jobs = self._program, self._jobs(threads)
        blocks = [block for block in blocks if block.memory.nbytes >= program.size][: len(jobs)]
        blocks += [_block(program.size) for _ in jobs[len(blocks) :]]
        for block, (items, rows) in zip(blocks, jobs, strict=True):
            program.place(block.memory, block.address, items=items, rows=rows)
        addresses = np.array([block.address for block in blocks])
        size = self._tables + sum(block.memory.nbytes for block in blocks)
        return _Ready(self, threads, blocks, addresses, blocks[0].address, size, addresses.ctypes.data)


def _cut(form: Form, steps: Sequence[Step]) -> tuple[slice, ...] | None:
    """Return the part of an array that the result is a copy of; None if it is no copy of a part."""
    parts = {name: slice(0, form.shape[axis]) for axis, name in enumerate(form.layout)}
    for step in steps:
        if not isinstance(step, Crop):
            return None
        top, left = parts["H"].start + step.top, parts["W"].start + step.left
        parts |= {"H": slice(top, top + step.height), "W": slice(left, left + step.width)}
    return tuple(parts.values())


def _order(shape: Size, strides: Size) -> list[int]:
    """Axes as they come in memory; [] if that is in the order of their names, or if something is repeated."""
    steps = [abs(stride) for length, stride in zip(shape, strides, strict=True) if length > 1]
    if 0 in steps or steps == sorted(steps, reverse=True):
        return []
    return sorted(range(len(shape)), key=lambda axis: -abs(strides[axis]))


def _address(x: np.ndarray) -> int:
    """Return the address of the first element."""
    try:
        # Faster than asking numpy, but only for what may be written and has no gaps.
        return addressof(c_char.from_buffer(x))  # type: ignore[arg-type]  # an array is a buffer
    except (TypeError, ValueError, BufferError):
        return int(x.__array_interface__["data"][0])
