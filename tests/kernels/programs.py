"""Programs of kernels run by hand: at any level, on arrays and in memory of the test's choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import array_api_compat.numpy
import numpy as np

from portresize import Resampling
from portresize._backends import generic
from portresize._backends._frame import Frame
from portresize._backends._numpy_steps import STEPS
from portresize._core.adjoint import planned
from portresize._core.spec import Spec
from portresize._core.steps import Pad, Step
from portresize._kernels.llvm.engine import KERNEL
from portresize._kernels.llvm.isa import Isa
from portresize._kernels.llvm.layout import Samples, Side
from portresize._kernels.llvm.parts import sort
from portresize._kernels.llvm.program import Program

Allocate = Callable[[tuple[int, ...], Any], np.ndarray]


class Kind(NamedTuple):
    """A mode, how kernels name its samples, and how many bands an image has."""

    mode: str
    samples: str
    dtype: str
    bands: int

    def __str__(self) -> str:
        return f"{self.mode}-{self.samples}-{self.bands}"

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        return (height, width, self.bands) if self.bands > 1 else (height, width)

    def noise(self, height: int, width: int) -> np.ndarray:
        rng, shape = np.random.default_rng(height * 1000 + width), self.shape(height, width)
        if self.dtype.startswith("float"):
            return rng.normal(0.0, 100.0, shape).astype(self.dtype)
        limits = np.iinfo(self.dtype)
        return rng.integers(limits.min, limits.max, shape, self.dtype, endpoint=True)

    def spec(self, size: tuple[int, int], resample: str = "bicubic", dialect: str = "pillow-13", **words: Any) -> Spec:
        layout = "HWC" if self.bands > 1 else "HW"
        return Spec(layout, self.mode, dialect, size=size, resample=int(Resampling[resample.upper()]), **words)


KINDS = [
    Kind("L", "u8", "uint8", 1),
    Kind("La", "u8", "uint8", 2),
    Kind("LA", "u8", "uint8", 2),
    Kind("RGB", "u8", "uint8", 3),
    Kind("LAB", "u8", "uint8", 3),
    Kind("RGBA", "u8", "uint8", 4),
    Kind("RGBX", "u8", "uint8", 4),
    Kind("I;16", "u16", "uint16", 1),
    Kind("I", "i32", "int32", 1),
    Kind("I;16S", "i16", "int16", 1),
    Kind("I;32", "u32", "uint32", 3),
    Kind("F", "f32", "float32", 1),
    Kind("F", "f64", "float64", 3),
]


def steps_of(x: np.ndarray, spec: Spec, source: tuple[int, int] | tuple[()] = ()) -> tuple[Step, ...]:
    """Return the steps of `spec` for `x`, or those of its gradient for an image of `source`, but for a canvas."""
    steps = planned(spec, _size(x, spec), source).steps
    return steps[:-1] if steps and isinstance(steps[-1], Pad) else steps


def expected(x: np.ndarray, spec: Spec, source: tuple[int, int] | tuple[()] = ()) -> np.ndarray:
    """What the numpy steps give, which the conformance tests compare with Pillow."""
    frame = Frame(array_api_compat.numpy, "cpu", spec.layout, x.ndim)
    return np.asarray(generic.perform(frame, x, steps_of(x, spec, source), STEPS))


def _size(x: np.ndarray, spec: Spec) -> tuple[int, int]:
    """`(height, width)` of an image."""
    return x.shape[spec.layout.index("H")], x.shape[spec.layout.index("W")]


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Memory in which nothing is 0 by chance."""
    return np.frombuffer(bytearray(b"\xa5") * (int(np.prod(shape)) * np.dtype(dtype).itemsize), dtype).reshape(shape)


def program(
    x: np.ndarray, y: np.ndarray, spec: Spec, kind: Kind, isa: Isa, *, source: tuple[int, int] | tuple[()] = ()
) -> Program:
    """The program that turns `x` into `y`."""
    sides = [Side(a.strides[0], a.strides[1], a.strides[2] if a.ndim == 3 else 0) for a in (x, y)]
    samples = Samples(kind.samples, x.itemsize, kind.bands)
    return Program(isa, samples, (sides[0], sides[1]), steps_of(x, spec, source), (x.shape[0], x.shape[1]))


def run(
    x: np.ndarray,
    spec: Spec,
    kind: Kind,
    isa: Isa,
    *,
    source: tuple[int, int] | tuple[()] = (),
    parts: int = 1,
    allocate: Allocate = empty,
) -> np.ndarray:
    """The result for `x`, its rows made in so many runs; target and scratch from `allocate`."""
    height, width = sort(steps_of(x, spec, source), (x.shape[0], x.shape[1])).result
    y = allocate(kind.shape(height, width), x.dtype)
    made = program(x, y, spec, kind, isa, source=source)
    for part in range(parts):
        first, stop = height * part // parts, height * (part + 1) // parts
        if first < stop:
            memory = allocate((made.size // 8,), np.int64)
            made.place(memory, memory.ctypes.data, items=(0, 1), rows=(first, stop))
            KERNEL(made.kernel)(memory.ctypes.data, x.ctypes.data, y.ctypes.data)
    return y
