"""Arrays in the memory of this machine through the kernels: what `portresize[cpu]` brings."""

from __future__ import annotations

import logging
import threading
from ctypes import addressof, c_char
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from portresize._core.modes import MODES
from portresize._core.plan import plan
from portresize._core.steps import Blank, FlipSign, Pad, Pass, Premultiply, Reduce
from portresize._core.threads import number_of_threads
from portresize._kernels.llvm.host import host

if TYPE_CHECKING:
    from portresize._core.spec import Spec

Array = Any
_LOG = logging.getLogger("portresize")

# Bytes read and written from which threads pay: handing a job over takes as long as a few ten thousand of them.
_WORTH_THREADS = 1 << 18
# Bytes of memory that a thread keeps from call to call, for each thread that works for it.
_MOST_KEPT = 1 << 23
# A range of items and a range of output rows.
_Job = tuple[tuple[int, int], tuple[int, int]]


def run(x: np.ndarray, spec: Spec) -> np.ndarray | None:
    """Execute `spec` on `x`, or None if no kernel can: why is in the debug log."""
    call = _call(spec, x.shape, x.strides, x.dtype)
    return call(x) if call else None


@lru_cache(maxsize=256)
def _call(spec: Spec, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any]) -> _Call | None:
    """What executes `spec` on arrays of this kind."""
    isa, why = host()
    if isa is None:
        return None
    # Not before: it imports what only a machine with llvmlite has.
    from portresize._kernels.llvm.parts import Unsupported

    try:
        return _Call(spec, shape, strides, dtype, isa)
    except (Unsupported, RuntimeError) as error:
        why = str(error)
    _LOG.debug("the numpy steps execute %s on %s of shape %s: the kernels do not take %s", spec, dtype, shape, why)
    return None


class _Block:
    """Memory for a run of a kernel, and whose block of fields it holds."""

    def __init__(self, size: int) -> None:
        self.memory = _aligned(max(size, 1 << 16))
        self.address = self.memory.ctypes.data
        self.owner: object = None
        self.items: list[np.ndarray] = []  # Where the items are, if they are many.


class _Kept(threading.local):
    """Memory that a thread keeps from call to call, for each of the threads that work for it."""

    blocks: tuple[_Block, ...] = ()


_KEPT = _Kept()


def _aligned(size: int) -> np.ndarray:
    """int64, at least `size` bytes of it, beginning at a line of the cache."""
    memory = np.empty(size // 8 + 8, np.int64)
    return memory[-memory.ctypes.data % 64 // 8 :]


class _Call:
    """A spec for arrays of one shape, memory layout and dtype."""

    def __init__(
        self, spec: Spec, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any], isa: Any
    ) -> None:
        from portresize._kernels.llvm.engine import KERNEL
        from portresize._kernels.llvm.parts import Unsupported
        from portresize._kernels.llvm.program import Program, Samples, Side

        axis = {name: spec.layout.index(name) for name in "HW"}
        source = (shape[axis["H"]], shape[axis["W"]])
        steps = list(plan(spec, source).steps)
        if not all(shape) or any(isinstance(step, Blank) for step in steps):
            msg = "an empty image"
            raise Unsupported(msg)
        self._pad = steps.pop() if steps and isinstance(steps[-1], Pad) else None
        kind = _kind(spec.mode, dtype)
        if kind == "other" and any(isinstance(step, (Pass, Reduce)) for step in steps):
            msg = f"samples of {dtype}"
            raise Unsupported(msg)

        # The result has its axes in the order in which the source has them in memory.
        self._shape = list(shape)
        self._shape[axis["H"]], self._shape[axis["W"]] = spec.result(source)
        order = sorted(range(len(shape)), key=lambda i: (-abs(strides[i]), i))
        self._dtype, self._order = dtype, None if order == sorted(order) else order
        target = self._empty().strides

        # Bands that lie side by side are computed together; others one by one, as images of their own.
        channel = spec.layout.find("C")
        n_bands = shape[channel] if channel >= 0 else 1
        is_mixed = any(isinstance(step, (Premultiply, FlipSign)) for step in steps)
        is_side_by_side = n_bands == 1 or (n_bands <= 4 and abs(strides[channel]) <= abs(strides[axis["W"]]))
        together = n_bands if is_mixed or is_side_by_side else 1
        sides = [
            Side(step[axis["H"]], step[axis["W"]], step[channel] if channel >= 0 else 0) for step in (strides, target)
        ]
        self._program = program = Program(
            isa, Samples(kind, dtype.itemsize, together), (sides[0], sides[1]), steps, source
        )
        walked = {*axis.values(), *([channel] if together == n_bands else [])} - {-1}
        items = [i for i in range(len(shape)) if i not in walked]
        self._sources, self._targets = (_places(shape, steps_, items) for steps_ in (strides, target))
        self._sources = self._sources + program.offset
        if self._pad:
            self._targets = self._targets + (self._pad.top * sides[1].row + self._pad.left * sides[1].pixel)
        self._channel = channel
        self._kernel, self._isa = KERNEL(program.kernel), isa
        self._n = len(self._targets)
        if self._n == 1:
            self._sources, self._targets = self._sources.tolist(), self._targets.tolist()
        self._is_small = program.work * self._n < _WORTH_THREADS
        self._whole = (0, program.outputs)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The result for `x`."""
        y = self._filled() if self._pad else self._empty()
        base = _address(x), _address(y)
        threads = 1 if self._is_small else number_of_threads()
        # Taken while in use: a signal handler that resizes on this thread must not find it.
        blocks, _KEPT.blocks = _KEPT.blocks, ()
        if threads == 1:
            used = self._prepared(blocks, base, [((0, self._n), self._whole)])
            self._kernel(used[0].address)
        else:
            from portresize._kernels import pool

            used = self._prepared(blocks, base, self._jobs(threads))
            pool.helpers(self._isa).run(self._kernel, self._program.kernel, [block.address for block in used])
        _KEPT.blocks = tuple(block for block in used if block.memory.nbytes <= _MOST_KEPT) + blocks[len(used) :]
        return y

    def _empty(self) -> np.ndarray:
        """Room for the result."""
        if self._order is None:
            return np.empty(self._shape, self._dtype)
        return np.empty([self._shape[i] for i in self._order], self._dtype).transpose(np.argsort(self._order))

    def _filled(self) -> np.ndarray:
        """Room for the result on a canvas."""
        y, fill = self._empty(), self._pad.fill
        color = np.asarray(fill, np.int32 if all(isinstance(f, int) for f in fill) else np.float64).astype(y.dtype)
        y[...] = color if len(color) == 1 else color.reshape([-1 if i == self._channel else 1 for i in range(y.ndim)])
        return y

    def _jobs(self, threads: int) -> list[_Job]:
        """The work in as many parts as there are threads, of whole items if they go round, or else of rows too."""
        n, rows = self._n, self._program.outputs
        if n >= 4 * threads or n % threads == 0:
            cuts = [n * i // threads for i in range(threads + 1)]
            return [(part, self._whole) for part in pairwise(cuts)]
        cuts = [rows * i // threads for i in range(threads + 1)]
        return [((0, n), part) for part in pairwise(cuts) if part[0] < part[1]]

    def _prepared(self, blocks: tuple[_Block, ...], base: tuple[int, int], jobs: list[_Job]) -> tuple[_Block, ...]:
        """A block for each job, from what there is."""
        return tuple(
            self._block(block, base, job) for block, job in zip(blocks + (None,) * len(jobs), jobs, strict=False)
        )

    def _block(self, block: _Block | None, base: tuple[int, int], job: _Job) -> _Block:
        """A block for some rows of some items, the very first of which are at `base`."""
        program, (items, rows) = self._program, job
        if block is None or block.memory.nbytes < program.size:
            block = _Block(program.size)
        owner = (program, rows)
        if block.owner != owner:
            program.place(block.memory, block.address)
            program.bound(block.memory, *rows)
        if self._n == 1:
            program.item(block.memory, base[0] + self._sources[0], base[1] + self._targets[0])
            block.owner = owner
            return block
        part = slice(*items)
        block.items = [
            address + places[part] for address, places in zip(base, (self._sources, self._targets), strict=True)
        ]
        program.items(block.memory, *block.items)
        block.owner = None
        return block


def _address(x: np.ndarray) -> int:
    """Where the first element is."""
    try:
        # Three times as fast as asking numpy, but only for what may be written and has no gaps.
        return addressof(c_char.from_buffer(x))
    except (TypeError, ValueError, BufferError):
        return int(x.__array_interface__["data"][0])


def _places(shape: tuple[int, ...], strides: tuple[int, ...], axes: list[int]) -> np.ndarray:
    """Bytes from the first element to each one along `axes`, the last of them fastest."""
    places = np.zeros(1, np.int64)
    for axis in axes:
        places = np.add.outer(places, np.arange(shape[axis]) * strides[axis]).ravel()
    return places


def _kind(mode: str, dtype: np.dtype[Any]) -> str:
    """The kind of samples, as kernels name them."""
    if not dtype.isnative:
        return "other"
    kind = MODES[mode].kind
    if kind != "float":
        return kind
    return {"float32": "f32", "float64": "f64"}.get(dtype.name, "other")
