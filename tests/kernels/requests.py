"""Requests whose kernels run between guards: what is asked, of which array, and what has to come of it.

A result has to be what the numpy steps give, bit for bit; neither the source nor the gaps of the result may change.
"""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any, NamedTuple

import array_api_compat.numpy
import numpy as np

from portresize._backends import generic
from portresize._backends._frame import Frame
from portresize._backends._items import Form, items_of
from portresize._backends._numpy_steps import STEPS
from portresize._core.adjoint import planned
from portresize._core.spec import Spec
from portresize._core.steps import Pad, Step
from portresize._kernels.llvm.engine import KERNEL
from portresize._kernels.llvm.errors import Unsupported
from portresize._kernels.llvm.isa import Isa
from portresize._kernels.llvm.program import Program
from tests.kernels.guarded import Side, block_of, guards, scratch, strided

Size = tuple[int, ...]


class Request(NamedTuple):
    """What is asked of an image.

    Attributes:
        spec: As of any request.
        form: The image, or the gradient of its result.
        steps: What kernels do.
        strides: Of the array that is read.
        parts: Into how many parts rows and items are cut.
        is_special: Whether there are infinities among the samples, NaN and subnormal numbers.
    """

    spec: Spec
    form: Form
    steps: tuple[Step, ...]
    strides: Size
    parts: tuple[int, int] = (1, 1)
    is_special: bool = False

    @classmethod
    def of(cls, spec: Spec, form: Form, strides: Size, back: Size = (), **words: Any) -> Request:
        """Return the request for an image, or for the gradient of one of size `back`, but for a canvas.

        Raises:
            TypeError, ValueError: There is no plan for it.
        """
        size = (form.shape[form.layout.index("H")], form.shape[form.layout.index("W")])
        steps = planned(spec, size, back).steps
        return cls(spec, form, steps[:-1] if steps and isinstance(steps[-1], Pad) else steps, strides, **words)

    def __str__(self) -> str:
        _, mode, dtype, shape = self.form
        return f"{mode} {dtype} {shape} {self.strides} {self.parts} {self.spec}: {'; '.join(map(str, self.steps))}"


def strides_of(rng: np.random.Generator, shape: Size, itemsize: int, *, may_repeat: bool) -> Size:
    """Return bytes along each axis: in any order, with gaps, backwards, at odd addresses, the same samples again."""
    strides, step = [0] * len(shape), itemsize
    is_plain = rng.random() < 0.3
    order = range(len(shape))[::-1] if is_plain or rng.random() < 0.5 else rng.permutation(len(shape))
    for axis in order:
        if not is_plain and rng.random() < 0.15:
            step += int(rng.choice([1, itemsize, 3 * itemsize]))
        strides[axis] = -step if not is_plain and rng.random() < 0.15 else step
        step *= shape[axis]
        if may_repeat and not is_plain and rng.random() < 0.03:
            strides[axis] = 0
    return tuple(strides)


def samples(rng: np.random.Generator, made: Request) -> np.ndarray:
    """Return an image."""
    _, _, dtype, shape = made.form
    if dtype.kind == "f":
        x = rng.normal(0.0, 100.0, shape).astype(dtype)
        if made.is_special:
            smallest = float(np.finfo(dtype).smallest_subnormal) * 7
            x[rng.random(shape) < 0.05] = rng.choice([np.inf, -np.inf, np.nan, -0.0, smallest])
        return x
    if dtype.kind == "c":
        return rng.integers(0, 256, (*shape[:-1], shape[-1] * dtype.itemsize), np.uint8).view(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype.newbyteorder("="), endpoint=True).astype(dtype)


class Watch:
    """What happens around the runs of a kernel; `memcheck` has more to say."""

    def target(self, memory: np.ndarray) -> None:
        """See the bytes that the result lies in, which nothing has written."""

    def scratch(self, made: Program) -> np.ndarray:
        """Return memory for a run."""
        return scratch(made)

    def run(self, made: Program, memory: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
        """Run the kernel."""
        KERNEL(made.kernel)(block_of(made, memory), x.ctypes.data, y.ctypes.data)

    def result(self, y: np.ndarray) -> None:
        """See the result."""


_PLAIN = Watch()


def check(made: Request, rng: np.random.Generator, isa: Isa, side: Side, watch: Watch = _PLAIN) -> bool:
    """Run a request between guards; whether there is a kernel for it."""
    form, steps = made.form, made.steps
    height, width = (form.layout.index(name) for name in "HW")
    x, x_bytes = strided(form.shape, made.strides, form.dtype, side)
    x[...] = samples(rng, made)
    before = x_bytes.copy()
    frame = Frame(array_api_compat.numpy, "cpu", form.layout, x.ndim)
    wanted = np.asarray(generic.perform(frame, np.ascontiguousarray(x), steps, STEPS))
    y, y_bytes = strided(
        wanted.shape, strides_of(rng, wanted.shape, form.dtype.itemsize, may_repeat=False), form.dtype, side
    )
    kept = y_bytes.copy()
    watch.target(y_bytes)
    with guards(side):
        try:
            items = items_of(form, steps, (x.strides, y.strides))
            places = [items.places(a.shape, a.strides, items.axes) for a in (x, y)]
            program = Program(
                isa, items.samples, items.sides, steps, (x.shape[height], x.shape[width]), places=(places[0], places[1])
            )
        except Unsupported:
            return False
        for rows, n in product(_cut(program.outputs, made.parts[0]), _cut(program.items, made.parts[1])):
            memory = watch.scratch(program)
            program.place(memory, memory.ctypes.data, items=n, rows=rows)
            watch.run(program, memory, x, y)
            del memory
    watch.result(y)
    found = y.copy()
    assert _bits(found, wanted), "another result than that of the numpy steps"
    assert (x_bytes == before).all(), "the source has changed"
    # The same bytes, with the result in its place, and nothing in the gaps.
    np.ndarray(y.shape, y.dtype, kept.data, y.ctypes.data - y_bytes.ctypes.data, y.strides)[...] = found
    assert (y_bytes == kept).all(), "something was written between the samples of the result"
    return True


def _cut(n: int, parts: int) -> list[tuple[int, int]]:
    """Return about equal ranges of `n`, none of them empty."""
    return [part for part in pairwise(n * i // parts for i in range(parts + 1)) if part[0] < part[1]]


def _bits(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether both are the same, bit for bit but for what a NaN carries."""
    if found.dtype.kind == "c":
        return found.tobytes() == wanted.tobytes()
    if found.dtype.kind != "f":
        return np.array_equal(found, wanted)
    same = (found == wanted) & (np.signbit(found) == np.signbit(wanted))
    return bool((same | (np.isnan(found) & np.isnan(wanted))).all())
