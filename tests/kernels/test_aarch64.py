"""Kernels for aarch64 give what those of this machine give."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")
pytest.importorskip("unicorn", reason="could not import 'unicorn': the dependency group emulator has it")

from unicorn.arm64_const import UC_ARM64_REG_FPCR

from portresize._core.spec import Spec
from portresize._kernels.llvm import library
from portresize._kernels.llvm.isa import LEVELS, Isa
from tests.kernels.emulator import Aarch64
from tests.kernels.programs import KINDS, Kind, empty, expected, program

ARM = [name for name, isa in LEVELS.items() if isa.triple.startswith("aarch64")]
# Wide and tall, up and down, one pass alone, less than a vector and a window at each edge.
SHAPES = [((29, 37), (17, 11)), ((90, 21), (11, 17)), ((20, 9), (20, 30)), ((9, 20), (31, 20)), ((3, 2), (5, 7))]


@pytest.fixture(scope="module", params=ARM)
def level(request: pytest.FixtureRequest) -> tuple[Isa, Aarch64]:
    isa = LEVELS[request.param]
    return isa, Aarch64(isa)


def _check(level: tuple[Isa, Aarch64], monkeypatch: pytest.MonkeyPatch, x: np.ndarray, spec: Spec, kind: Kind) -> None:
    """Assert that the emulated kernels give what the numpy steps give."""
    isa, processor = level
    monkeypatch.setattr(library, "address", processor.address)
    wanted = expected(x, spec)
    y = empty(wanted.shape, x.dtype)
    made = program(x, y, spec, kind, isa)
    memory = empty((made.size // 8,), np.int64)
    made.place(memory, memory.ctypes.data, items=(0, 1), rows=(0, made.outputs))
    processor.run(made.kernel, [memory, x, y], made.tables())
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("resample", ["lanczos", "box", "nearest"])
def test_emulated_kernels_equal_the_numpy_steps(
    level: tuple[Isa, Aarch64], monkeypatch: pytest.MonkeyPatch, kind: Kind, resample: str
) -> None:
    for source, size in SHAPES:
        _check(level, monkeypatch, kind.noise(*source), kind.spec(size, resample), kind)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.samples != "u8"], ids=str)
def test_emulated_kernels_compute_in_the_default_state(
    level: tuple[Isa, Aarch64], monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    processor = level[1]._processor
    # RMode towards 0, and FZ.
    other = 3 << 22 | 1 << 24
    processor.reg_write(UC_ARM64_REG_FPCR, other)
    try:
        for source, size in SHAPES:
            _check(level, monkeypatch, kind.noise(*source), kind.spec(size, "lanczos"), kind)
        assert processor.reg_read(UC_ARM64_REG_FPCR) == other
    finally:
        processor.reg_write(UC_ARM64_REG_FPCR, 0)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.samples != "u16"], ids=str)
def test_emulated_averages_equal_the_numpy_steps(
    level: tuple[Isa, Aarch64], monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    spec = Spec("HWC" if kind.bands > 1 else "HW", kind.mode, "pillow-13", factor=(3, 5))
    _check(level, monkeypatch, kind.noise(29, 37), spec, kind)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.samples == "u8"], ids=str)
def test_emulated_halves_equal_the_numpy_steps(
    level: tuple[Isa, Aarch64], monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    for height in (20, 90):
        x = kind.noise(height, 42)
        _check(level, monkeypatch, x, kind.spec((height // 2, 21), "box"), kind)
        _check(
            level, monkeypatch, x, Spec("HWC" if kind.bands > 1 else "HW", kind.mode, "pillow-13", factor=(2, 2)), kind
        )
