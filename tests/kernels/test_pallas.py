from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._cases import CASES, Case, pixels
from portresize._core.filters import Resampling
from portresize._core.fixed import quantize
from portresize._core.plan import plan
from portresize._core.report import assert_same
from portresize._core.spec import Spec
from portresize._core.steps import Pass, Step
from portresize._core.taps import Taps, taps
from portresize._kernels.pallas.band import band, weights
from portresize._kernels.pallas.chips import UNKNOWN, Chip, chip
from portresize._kernels.pallas.pieces import explain, pieces
from portresize._kernels.pallas.program import arrange, takes

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402  after the check that it is there

from portresize._backends import _jax_tpu  # noqa: E402
from portresize._kernels.pallas import kernel  # noqa: E402

Size = tuple[int, int]
_DIALECT = "pillow-13"
_BF16 = Chip("bf16", UNKNOWN.memory)


def _steps(source: Size, size: Size, resample: str = "bicubic", mode: str = "L") -> tuple[Step, ...]:
    spec = Spec("HW", mode, _DIALECT, size=size, resample=int(Resampling[resample.upper()]))
    return plan(spec, source).steps


def _passes(source: Size, size: Size, resample: str = "bicubic") -> list[Pass]:
    steps = [step for step in _steps(source, size, resample) if isinstance(step, Pass)]
    assert len(steps) == len(_steps(source, size, resample))
    return steps


def _of(case: Case) -> tuple[Step, ...]:
    box, gap = case.box or (), case.gap or 0.0
    return plan(Spec(case.layout, case.mode, _DIALECT, case.size, int(case.resample), box, gap), case.source).steps


def _taken() -> Iterator[Any]:
    """Cases with a kernel, but for the largest: interpreted, a kernel takes seconds for them."""
    for case in CASES:
        small = np.prod(case.shape) < 200_000 and np.prod(case.size) < 20_000
        if small and not all(piece.why for piece in pieces(_of(case), case.source)):
            yield pytest.param(case, id=case.name)


def _noise(*shape: int) -> np.ndarray:
    """Half of it black or white, so that sums reach both ends of what they can be."""
    random = np.random.default_rng(len(shape))
    noise = random.integers(0, 256, shape, np.uint8)
    return np.where(random.random(shape) < 0.5, random.choice(np.array([0, 255], np.uint8), shape), noise)


def _run(x: np.ndarray, passes: list[Pass], **words: Any) -> np.ndarray:
    return np.asarray(jax.jit(lambda x: kernel.run(x, passes, interpret=True, **words))(x))


@pytest.mark.parametrize("case", list(_taken()))
def test_every_case_is_equal(case: Case) -> None:
    x = pixels(case)
    resize = jax.jit(lambda x: _jax_tpu.perform(x, case.layout, _of(case), interpret=True))
    assert_same(np.asarray(resize(x)), portresize.resize(x, case.size, **case.arguments(_DIALECT)))


# In turn: W then H, H then W, one of them, loops over lines and planes, a last line and a last input left over.
@pytest.mark.parametrize("limbs", ["int8", "bf16"])
@pytest.mark.parametrize(
    ("source", "size", "resample"),
    [
        ((45, 61), (100, 90), "lanczos"),
        ((400, 30), (31, 33), "lanczos"),
        ((70, 33), (24, 33), "mks2021"),
        ((33, 70), (33, 24), "hamming"),
        ((1030, 140), (40, 20), "bilinear"),
        ((140, 1030), (20, 40), "box"),
        ((257, 129), (140, 150), "bicubic"),
        ((257, 129), (60, 40), "bicubic"),
        ((1, 9), (5, 7), "mks2013"),
    ],
)
def test_both_types_and_all_ways_are_equal(source: Size, size: Size, resample: str, limbs: Any) -> None:
    x = _noise(5, *source)
    actual = _run(x, _passes(source, size, resample), limbs=limbs)
    assert_same(actual, portresize.resize(x, size, resample, layout="NHW"))


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("size", [(21, 70), (9, 150)])
def test_interleaved_bands_are_equal(bands: int, size: Size) -> None:
    source = (60, 90)
    x = _noise(2, *source, bands)
    actual = _run(x.reshape(2, source[0], source[1] * bands), _passes(source, size), bands=bands)
    expected = portresize.resize(x, size, layout="NHWC", mode="RGBX" if bands == 4 else "RGB")
    assert_same(actual.reshape(expected.shape), expected)


@pytest.mark.parametrize("layout", ["HW", "HWC", "CHW", "NHWC", "NCHW", "WH", "HNW", "CWNH"])
def test_every_layout_is_equal(layout: str) -> None:
    extent = {"H": 40, "W": 53, "C": 3, "N": 2}
    x = _noise(*(extent[letter] for letter in layout))
    resize = jax.jit(lambda x: _jax_tpu.perform(x, layout, _steps((40, 53), (22, 31)), interpret=True))
    assert_same(np.asarray(resize(x)), portresize.resize(x, (22, 31), layout=layout))


def test_long_windows_in_floats_are_equal() -> None:
    # The sums of a window may leave what float32 holds, and blocks are added up as integers.
    source, size = (2, 1057), (2, 1)
    passes = _passes(source, size, "box")
    assert not arrange(passes, source, limbs="bf16").stages[0].band.exact
    x = np.concatenate([_noise(2, *source), np.zeros((1, *source), np.uint8), np.full((1, *source), 255, np.uint8)])
    assert_same(_run(x, passes, limbs="bf16"), portresize.resize(x, size, "box", layout="NHW"))


def test_tables_can_be_arguments() -> None:
    x = _noise(3, 40, 50)
    passes = _passes((40, 50), (20, 30))
    program, tables = kernel.prepare(passes, (40, 50))
    by_arguments = jax.jit(kernel.call, static_argnames=("program", "interpret"))
    actual = by_arguments(x, *tables, program=program, interpret=True)
    assert_same(np.asarray(actual), _run(x, passes))


def test_no_planes_at_all() -> None:
    assert kernel.run(jnp.zeros((0, 40, 50), jnp.uint8), _passes((40, 50), (20, 30))).shape == (0, 20, 30)


def test_a_batch_of_batches_is_mapped() -> None:
    x = _noise(2, 3, 40, 50)
    one = lambda planes: kernel.run(planes, _passes((40, 50), (20, 30)), interpret=True)  # noqa: E731
    assert_same(np.asarray(jax.vmap(one)(jnp.asarray(x))), portresize.resize(x, (20, 30), layout="NTHW"))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("on", [UNKNOWN, _BF16], ids=["int8", "bf16"])
def test_exports_for_tpus_with_a_batch_of_any_size(layout: str, on: Chip) -> None:
    extent = {"H": "64", "W": "80", "C": "3", "N": "n"}
    shape = jax.export.symbolic_shape(", ".join(extent[letter] for letter in layout))
    steps = _steps((64, 80), (30, 40))
    resize = jax.jit(lambda x: _jax_tpu.perform(x, layout, steps, on=on))
    exported = jax.export.export(resize, platforms=["tpu"])(jax.ShapeDtypeStruct(shape, jnp.uint8))
    assert "tpu_custom_call" in exported.mlir_module()
    assert str(exported.out_avals[0].shape[0]) == "n"


# A last line or input that is left over would be a vector, of which there are no products for TPUs.
@pytest.mark.parametrize("on", [UNKNOWN, _BF16], ids=["int8", "bf16"])
@pytest.mark.parametrize(
    ("source", "size"),
    [((257, 400), (140, 150)), ((400, 257), (40, 150)), ((33, 129), (33, 1)), ((129, 1), (1, 2)), ((1, 1), (5, 7))],
)
@pytest.mark.parametrize("layout", ["NHW", "NWH"])
def test_single_rows_and_columns_export_for_tpus(source: Size, size: Size, on: Chip, layout: str) -> None:
    resize = jax.jit(lambda x: _jax_tpu.perform(x, layout, _steps(source, size), on=on))
    shape = (2, *source) if layout == "NHW" else (2, *source[::-1])
    exported = jax.export.export(resize, platforms=["tpu"])(jax.ShapeDtypeStruct(shape, jnp.uint8))
    assert exported.mlir_module().count("@tpu_custom_call") == 1


@pytest.mark.parametrize(
    ("steps", "source", "on", "why"),
    [
        (_passes((512, 512), (224, 224)), (512, 512), UNKNOWN, ""),
        (_passes((2160, 3840), (512, 512)), (2160, 3840), UNKNOWN, ""),
        (
            _passes((2160, 3840), (512, 512)),
            (2160, 3840),
            chip("TPU v4"),
            "a plane needs 27 MiB of the 16 MiB of vector memory",
        ),
        (_passes((1, 1), (5, 5)), (1, 1), UNKNOWN, ""),
        (_steps((9, 9), (5, 5), mode="F"), (9, 9), UNKNOWN, "only 8-bit samples have kernels"),
        (_passes((9, 9), (5, 5)) * 2, (9, 9), UNKNOWN, "a kernel takes one pass along each axis"),
        (
            _passes((16, 70_000), (16, 5_000)),
            (16, 70_000),
            UNKNOWN,
            "625 products for each line are too long a program",
        ),
    ],
)
def test_what_a_kernel_takes(steps: list[Pass], source: Size, on: Chip, why: str) -> None:
    assert takes(steps, source, chip=on) == why


def test_bands_count_for_what_a_kernel_takes() -> None:
    passes, source = _passes((4000, 6000), (512, 512)), (4000, 6000)
    assert takes(passes, source) == ""
    assert takes(passes, source, bands=3).endswith("MiB of vector memory")


@pytest.mark.parametrize("resample", [member.name for member in Resampling if member != Resampling.NEAREST])
def test_weights_of_every_filter_are_within_bounds(resample: str) -> None:
    for n_in, n_out in [(512, 224), (3840, 7), (7, 100), (65, 64), (2000, 1999)]:
        table = quantize(taps(n_in, n_out, 0.0, float(n_in), Resampling[resample]))
        layout = band(table, n_in, 1, 32)
        matrix, _ = weights(table, layout)
        rebuilt = np.zeros((layout.n_padded, n_in), np.int64)
        for product in layout.products:
            for i, tile in enumerate(product.tiles):
                row = product.row + i * 96
                digits = matrix[row : row + 96].astype(np.int64).reshape(3, 32, -1)
                block = (digits * np.array([1, 1 << 8, 1 << 16])[:, None, None]).sum(axis=0)
                inputs = slice(product.block * 128, product.block * 128 + layout.size(product.block))
                rebuilt[tile * 32 : tile * 32 + 32, inputs] += block[:, : layout.size(product.block)]
        for o in range(n_out):
            window = slice(int(table.start[o]), int(table.start[o] + table.size[o]))
            assert (rebuilt[o, window] == table.weight[o, : table.size[o]]).all()
        assert np.abs(rebuilt).sum() == np.abs(table.weight.astype(np.int64)).sum()


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (1 << 23, "weights up to 8388608 have more than three digits to the base 256"),
        (7_000_000, "sums of 2097152..1787097152 cannot be clipped as float32"),
    ],
)
def test_weights_beyond_the_bounds_are_refused(weight: int, message: str) -> None:
    table = Taps(np.zeros(2, np.int32), np.ones(2, np.int32), np.full((2, 1), weight, np.int32))
    assert takes([Pass("W", table, "u8")], (8, 8)) == message
    with pytest.raises(OverflowError, match=message):
        band(table, 8, 1, 32)


def test_explains_itself() -> None:
    steps = plan(Spec("HWC", "RGB", _DIALECT, (20, 25), int(Resampling.BICUBIC), reducing_gap=2.0), (190, 217)).steps
    assert explain(steps, (190, 217)) == "TPU: reduce by XLA; passes along W and H in one kernel"
    assert explain((), (9, 9)) == "TPU: a copy"
    assert explain(_steps((9, 9), (5, 3), mode="F"), (9, 9)).count("by XLA (only 8-bit samples have kernels)") == 2


@pytest.mark.parametrize(
    ("kind", "limbs", "memory"), [("TPU v5 lite", "int8", 128), ("TPU v6 lite", "int8", 128), ("TPU7x", "bf16", 64)]
)
def test_chips_by_the_name_that_jax_gives_them(kind: str, limbs: str, memory: int) -> None:
    assert chip(kind) == (limbs, memory << 20)


def test_asking_does_not_import_jax() -> None:
    script = "import sys; import portresize._kernels.pallas.pieces; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("limbs", ["int8", "bf16"])
@pytest.mark.parametrize(
    ("source", "size"),
    [((37, 150), (20, 61)), ((150, 37), (9, 61)), ((41, 60), (41, 33)), ((60, 41), (33, 41))],
    ids=str,
)
def test_no_result_comes_from_memory_that_nothing_wrote(source: Size, size: Size, limbs: Any) -> None:
    # Of two passes the first makes whole tiles, and its lines need not fill a register. New memory holds NaN here, or
    # the largest integer, and a read or write beyond an array is an error.
    from jax.experimental.pallas import tpu

    poisoned: Any = tpu.InterpretParams(uninitialized_memory="nan")
    x = np.random.default_rng(0).integers(0, 256, (5, *source), np.uint8)
    run = jax.jit(lambda x: kernel.run(x, _passes(source, size), interpret=poisoned, limbs=limbs))
    with portresize.threads(1):
        assert_same(np.asarray(run(x)), np.asarray(portresize.resize(x, size, layout="NHW")))
