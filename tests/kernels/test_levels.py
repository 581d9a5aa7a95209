"""Every level of instruction sets: its code is generated, and where this machine runs it, results are equal."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

pytest.importorskip("llvmlite")

from portresize._core.fixed import quantize
from portresize._core.spec import Spec
from portresize._core.steps import Pass, Take
from portresize._core.taps import Taps
from portresize._kernels.llvm import engine, library
from portresize._kernels.llvm.address import ArrayAddress, FunctionAddress, Key
from portresize._kernels.llvm.dot import Bytes, Pairs, SignedBytes, Singles
from portresize._kernels.llvm.errors import Unsupported
from portresize._kernels.llvm.isa import LEVELS, Isa
from portresize._kernels.llvm.layout import Samples, Side
from portresize._kernels.llvm.program import Program
from tests.kernels.programs import KINDS, Kind, empty, expected, program, run

HERE = engine.levels()
L, RGB, F = KINDS[0], KINDS[3], KINDS[-2]
# Shapes for which a first pass along W, along H, and a single pass serve; up and down; rows that fill no vector.
SHAPES = [
    ((37, 29), (11, 17)),
    ((300, 20), (7, 50)),
    ((20, 400), (50, 33)),
    ((64, 64), (64, 20)),
    ((64, 64), (20, 64)),
    ((1, 1), (5, 3)),
    ((33, 70), (200, 9)),
    ((150, 131), (1, 1)),
]


@pytest.mark.parametrize("name", LEVELS)
def test_every_function_is_generated_for_every_level(name: str) -> None:
    isa = LEVELS[name]
    machine = engine.machine_for(isa, jit=False)
    for key in filter(partial(library.exists, isa), library.every_key()):
        assert machine.emit_object(engine.parse(str(library.write(isa, key)), machine)), key


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("kind", ["f32", "f64", "i32", "u16"])
def test_no_product_is_added_before_it_is_rounded(name: str, kind: str) -> None:
    isa = LEVELS[name]
    machine = engine.machine_for(isa, jit=False)
    for order in library.ORDERS:
        module = engine.parse(str(library.write(isa, (f"resize_{order}", kind, 1))), machine)
        text = machine.emit_assembly(module)
        assert "mulpd" in text or "fmul" in text
        assert not [line for line in text.splitlines() if line.split()[:1] and _fuses(line.split()[0])]


def _fuses(instruction: str) -> bool:
    return instruction.startswith(("vfmadd", "vfmsub", "vfnm", "fmla", "fmls", "fmadd", "fmsub", "fnm"))


@pytest.mark.parametrize("isa", HERE, ids=[isa.name for isa in HERE])
@pytest.mark.parametrize("kind", KINDS, ids=str)
class TestEveryLevelEqualsTheNumpySteps:
    @pytest.mark.parametrize("dialect", ["pillow-13", "pillow-11"])
    @pytest.mark.parametrize("resample", ["nearest", "box", "lanczos"])
    def test_resize(self, isa: Isa, kind: Kind, resample: str, dialect: str) -> None:
        for i, (source, size) in enumerate(SHAPES):
            x, spec = kind.noise(*source), kind.spec(size, resample, dialect)
            np.testing.assert_array_equal(run(x, spec, kind, isa, parts=1 + i % 3), expected(x, spec))

    @pytest.mark.parametrize("box", [(), (1.5, 2.25, 20.0, 8.75), (2.0, 1.0, 9.0, 7.0)])
    @pytest.mark.parametrize("gap", [0.0, 1.0, 2.0])
    def test_boxes_and_gaps(self, isa: Isa, kind: Kind, box: tuple[float, ...], gap: float) -> None:
        if kind.samples == "u16" and gap:
            return
        for source, size in [((37, 29), (3, 5)), ((310, 21), (4, 20))]:
            x, spec = kind.noise(*source), kind.spec(size, box=box, reducing_gap=gap)
            np.testing.assert_array_equal(run(x, spec, kind, isa, parts=2), expected(x, spec))

    @pytest.mark.parametrize("factor", [(2, 3), (5, 4), (1, 7), (7, 1), (40, 50)])
    def test_reduce(self, isa: Isa, kind: Kind, factor: tuple[int, int]) -> None:
        if kind.samples == "u16":
            return
        x, spec = kind.noise(37, 29), Spec("HWC" if kind.bands > 1 else "HW", kind.mode, "pillow-13", factor=factor)
        np.testing.assert_array_equal(run(x, spec, kind, isa, parts=3), expected(x, spec))

    @pytest.mark.parametrize("width", [3, 16, 35, 100, 399, 900])
    def test_nearest_neighbours_of_every_scale(self, isa: Isa, kind: Kind, width: int) -> None:
        # Rows twice and thrice, columns as near and as far apart as one shuffle, several and none take.
        x = kind.noise(5, 100)
        for height, box in [(13, ()), (4, (0.0, 0.0, 33.5, 4.5)), (2, (66.5, 1.0, 100.0, 5.0))]:
            spec = kind.spec((height, width), "nearest", box=box)
            np.testing.assert_array_equal(run(x, spec, kind, isa, parts=2), expected(x, spec))

    @pytest.mark.parametrize(("height", "dialect"), [(40, "pillow-13"), (40, "pillow-11"), (180, "pillow-13")])
    def test_halves(self, isa: Isa, kind: Kind, height: int, dialect: str) -> None:
        # Both orders of the passes; as wide as a vector, wider, and less wide; with lines that no window reaches.
        for width in (16, 64, 150):
            x = kind.noise(height + 3, width + 5)
            spec = kind.spec((height // 2, width // 2), "box", dialect, box=(2.0, 3.0, 2.0 + width, 3.0 + height))
            np.testing.assert_array_equal(run(x, spec, kind, isa, parts=2), expected(x, spec))
            view = _views(x)[1]
            np.testing.assert_array_equal(run(view, spec, kind, isa), expected(x, spec))

    @pytest.mark.parametrize(
        "factor",
        [(2, 2), (3, 2), (2, 3), (4, 4), (5, 5), (3, 6), (2, 7), (8, 8), (20, 4), (128, 2), (16, 16)],
    )
    def test_reduce_wide_images(self, isa: Isa, kind: Kind, factor: tuple[int, int]) -> None:
        # More columns than a vector has sums, with and without a partial block.
        if kind.samples == "u16":
            return
        spec = Spec("HWC" if kind.bands > 1 else "HW", kind.mode, "pillow-13", factor=factor)
        for width in (128, 175):
            x = kind.noise(43, width)
            np.testing.assert_array_equal(run(x, spec, kind, isa, parts=2), expected(x, spec))

    def test_neighbours_outside_of_the_source(self, isa: Isa, kind: Kind) -> None:
        # As rounding leaves some of very wide images: the first, the last and one in the middle, with a row before.
        x, steps = kind.noise(4, 50), []
        for axis, n in (("H", 4), ("W", 50)):
            index = np.repeat(np.arange(n, dtype=np.int32), 2)
            index[[0, n, -1]] = -1
            steps.append(Take(axis, index))  # type: ignore[arg-type]  # one letter of two
        rows, columns = (step.index for step in steps)
        wanted = np.where(
            ((rows < 0)[:, None] | (columns < 0)).reshape(8, 100, *[1] * (x.ndim - 2)), 0, x[rows][:, columns]
        )
        for view in (x, _views(x)[1]):
            y = empty(kind.shape(8, 100), x.dtype)
            sides = [Side(a.strides[0], a.strides[1], a.strides[2] if a.ndim == 3 else 0) for a in (view, y)]
            made = Program(isa, Samples(kind.samples, x.itemsize, kind.bands), (sides[0], sides[1]), steps, (4, 50))
            memory = empty((made.size // 8,), np.int64)
            made.place(memory, memory.ctypes.data, items=(0, 1), rows=(0, 8))
            engine.KERNEL(made.kernel)(memory.ctypes.data, view.ctypes.data, y.ctypes.data)
            np.testing.assert_array_equal(y, wanted)

    def test_strides(self, isa: Isa, kind: Kind) -> None:
        spec = kind.spec((11, 17))
        for view in _views(kind.noise(37, 29)):
            np.testing.assert_array_equal(run(view, spec, kind, isa), expected(view, spec))


def _views(x: NDArray[Any]) -> list[NDArray[Any]]:
    """The same samples with gaps, backwards, band by band, and one byte beside where they would be aligned."""
    wide = np.zeros((x.shape[0] * 2, x.shape[1] * 2, *x.shape[2:]), x.dtype)
    backwards, apart = wide[::-2, ::-2], wide.copy()[::2, ::2]
    backwards[...] = apart[...] = x
    odd = np.empty(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    odd[...] = x
    planar = [] if x.ndim == 2 else [np.ascontiguousarray(x.transpose(2, 0, 1)).transpose(1, 2, 0), x[..., ::-1]]
    return [backwards, apart, odd, np.asfortranarray(x), *planar]


@pytest.mark.parametrize("dot", [Bytes(), SignedBytes(), Pairs(), Singles()], ids=lambda dot: type(dot).__name__)
# Beyond 1.98, in units of 2**-22, a weight has more digits; those of Pillow's filters stay below 1.3.
@given(weights=st.lists(st.integers(int(-1.98 * 2**22), int(1.98 * 2**22)), min_size=4, max_size=4))
def test_the_digits_of_a_weight_make_up_the_weight(dot: Any, weights: list[int]) -> None:
    words = dot.encode(np.array([weights], np.int32))
    if isinstance(dot, Bytes):
        low, middle, high = words.view(np.int8).reshape(3, 4).astype(int)
        again = low + (middle << 8) + (high << 16)
    elif isinstance(dot, Pairs):
        low, high = words.view(np.int16).reshape(2, 2, 2).transpose(0, 2, 1).reshape(2, 4).astype(int)
        again = low + (high << 11)
    else:
        again = words[0]
    assert again.tolist() == weights


@pytest.mark.parametrize("dot", [Bytes(), SignedBytes(), Pairs()], ids=lambda dot: type(dot).__name__)
def test_a_weight_that_has_too_many_digits_is_refused(dot: Any) -> None:
    with pytest.raises(Unsupported, match="a weight has digits of more than"):
        dot.encode(np.full((1, 4), 2**30, np.int32))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.mode in {"RGB", "F"}], ids=str)
def test_sums_wait_for_another_chunk_only(kind: Kind) -> None:
    # Enlarged from three rows to so many, all of them have parts of the same.
    x, spec = kind.noise(3, 40), kind.spec((6000, 40), "lanczos")
    y = np.empty(kind.shape(6000, 40), x.dtype)
    assert program(x, y, spec, kind, HERE[0]).size < 2**18
    np.testing.assert_array_equal(run(x, spec, kind, HERE[0]), expected(x, spec))


@pytest.mark.parametrize(
    ("kind", "spec", "key"),
    [
        (RGB, RGB.spec((20, 32), "nearest"), ("lookup", 2)),
        (RGB, RGB.spec((20, 32), "box"), ("halve", "WH", 2)),
        (RGB, Spec("HWC", "RGB", "pillow-13", factor=(2, 2)), ("halve", "both", 2)),
        (RGB, Spec("HWC", "RGB", "pillow-13", factor=(3, 2)), ("average", 3)),
        (L, L.spec((20, 32), "box"), ("part", "WH", 1)),
        (L, Spec("HW", "L", "pillow-13", factor=(2, 2)), ("part", "both", 1)),
        (F, Spec("HW", "F", "pillow-13", factor=(3, 8)), ("reduce", "f32", 1, 8)),
        (F, Spec("HW", "F", "pillow-13", factor=(3, 9)), ("reduce", "f32", 1, 0)),
    ],
    ids=["nearest", "box", "by 2", "by 3x2", "box of one band", "by 2 of one band", "floats by 8", "floats by 9"],
)
def test_images_that_are_wide_enough_take_the_fast_way(kind: Kind, spec: Spec, key: Key) -> None:
    isa = LEVELS["avx2"]
    if isa not in HERE:
        pytest.skip("a processor without AVX2")
    x = kind.noise(40, 64)
    height, width = spec.result(x.shape[:2])
    made = program(x, np.empty(kind.shape(height, width), x.dtype), spec, kind, isa)
    addresses = [made.kernel, *(word.value for word in made.words())]
    assert key in {address.key for address in addresses if isinstance(address, FunctionAddress)}


@pytest.mark.parametrize("isa", HERE, ids=[isa.name for isa in HERE])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_place_in_a_row_fits_32_bits(kind: Kind, isa: Isa) -> None:
    # The tile of a row so wide takes 2 GiB, of which nothing is allocated here.
    item = np.dtype(kind.dtype).itemsize
    pixel = kind.bands * item
    widest = (2**31 - 1) // (library.arithmetic(isa, kind.samples, kind.bands).tile_growth * pixel) // 4 * 4

    def make(width: int) -> Program:
        # One output at the right end has a few taps, whatever the width.
        table = Taps(np.array([width - 4], np.int32), np.array([4], np.int32), np.full((1, 4), 0.25))
        step = Pass("W", quantize(table), "u8") if kind.samples == "u8" else Pass("W", table, "float")
        sides = (Side(width * pixel, pixel, item), Side(pixel, pixel, item))
        return Program(isa, Samples(kind.samples, item, kind.bands), sides, [step], (1, width))

    for place in (values["w_first"] for _, _, values, _ in make(widest)._layout._fills if "w_first" in values):
        assert isinstance(place, ArrayAddress)
        assert place.array.min() > 2**31 - 2**14
    with pytest.raises(Unsupported, match=f"an image {widest + 4} pixels wide"):
        make(widest + 4)
