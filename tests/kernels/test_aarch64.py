"""Kernels for aarch64 give what those of this machine give."""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy
import numpy as np
import pytest

from portresize import Resampling
from portresize._backends import generic
from portresize._backends.numpy import STEPS
from portresize._core.plan import plan
from portresize._core.spec import Spec

pytest.importorskip("llvmlite")
pytest.importorskip("unicorn", reason="could not import 'unicorn': the dependency group emulator has it")

from portresize._kernels.llvm import library
from portresize._kernels.llvm.isa import LEVELS
from portresize._kernels.llvm.layout import Samples, Side
from portresize._kernels.llvm.program import Program
from tests.kernels.emulator import Aarch64

ARM = [name for name, isa in LEVELS.items() if isa.triple.startswith("aarch64")]
# Mode, kind of samples, dtype and bands.
KINDS = [
    ("L", "u8", np.uint8, 1),
    ("La", "u8", np.uint8, 2),
    ("RGB", "u8", np.uint8, 3),
    ("RGBX", "u8", np.uint8, 4),
    ("RGBA", "u8", np.uint8, 4),
    ("LAB", "u8", np.uint8, 3),
    ("I;16", "u16", np.uint16, 1),
    ("I", "i32", np.int32, 1),
    ("F", "f32", np.float32, 1),
    ("F", "f64", np.float64, 3),
]
# Wide and tall, up and down, one pass alone, less than a vector and a window at each edge.
SHAPES = [((29, 37), (17, 11)), ((90, 21), (11, 17)), ((20, 9), (20, 30)), ((9, 20), (31, 20)), ((3, 2), (5, 7))]


def _noise(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    rng = np.random.default_rng(0)
    if np.issubdtype(dtype, np.floating):
        return rng.normal(0.0, 100.0, shape).astype(dtype)
    return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.fixture(scope="module", params=ARM)
def level(request: pytest.FixtureRequest) -> tuple[Any, Aarch64]:
    isa = LEVELS[request.param]
    return isa, Aarch64(isa)


def _check(level: tuple[Any, Aarch64], monkeypatch: pytest.MonkeyPatch, x: np.ndarray, spec: Spec, kind: str) -> None:
    """Assert that the emulated kernels give what the numpy steps give, which are proven against Pillow."""
    isa, processor = level
    monkeypatch.setattr(library, "address", processor.address)
    source = (x.shape[0], x.shape[1])
    expected = generic.execute(x, spec, array_api_compat.numpy, STEPS)
    y = np.zeros_like(expected, order="C")
    sides = tuple(Side(a.strides[0], a.strides[1], a.strides[2] if a.ndim == 3 else 0) for a in (x, y))
    samples = Samples(kind, x.itemsize, 1 if x.ndim == 2 else x.shape[2])
    program = Program(isa, samples, (sides[0], sides[1]), plan(spec, source).steps, source)
    memory = np.zeros(program.size // 8, np.int64)
    program.place(memory, memory.ctypes.data)
    program.bound(memory, 0, program.outputs)
    program.item(memory, x.ctypes.data + program.offset, y.ctypes.data)
    processor.run(program.kernel, memory.ctypes.data, [memory, x, y, *program.tables()])
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("case", KINDS, ids=[f"{case[0]}-{case[1]}" for case in KINDS])
@pytest.mark.parametrize("resample", ["lanczos", "box", "nearest"])
def test_emulated_kernels_equal_the_numpy_steps(
    level: tuple[Any, Aarch64], monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, Any, int], resample: str
) -> None:
    mode, kind, dtype, bands = case
    for source, size in SHAPES:
        x = _noise((*source, bands) if bands > 1 else source, dtype)
        spec = Spec("HWC"[: x.ndim], mode, "pillow-13", size=size, resample=int(Resampling[resample.upper()]))
        _check(level, monkeypatch, x, spec, kind)


@pytest.mark.parametrize("case", [case for case in KINDS if case[1] != "u16"])
def test_emulated_averages_equal_the_numpy_steps(
    level: tuple[Any, Aarch64], monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, Any, int]
) -> None:
    mode, kind, dtype, bands = case
    x = _noise((29, 37, bands) if bands > 1 else (29, 37), dtype)
    _check(level, monkeypatch, x, Spec("HWC"[: x.ndim], mode, "pillow-13", factor=(3, 5)), kind)
