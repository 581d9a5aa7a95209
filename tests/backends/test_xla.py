"""The operations of XLA that jax lowers a plan to: exact in either order, in 32 bits as promised, for any batch."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._cases import CASES, Case, pixels
from portresize._core.guarantee import GUARANTEE, kind_of
from portresize._core.plan import plan
from portresize._core.report import assert_same
from portresize._core.spec import Spec
from portresize._core.steps import Pass, Step

jax = pytest.importorskip("jax", reason="jax is not installed")

from portresize._backends import _xla, _xla_pass  # noqa: E402  they import jax

DIALECT = "pillow-13"
ROOT = Path(__file__).parents[2]
UNROLLED = _xla_pass._Integer().unrolled
SMALL = [case for case in CASES if "bench" not in case.tags]


def _named(pattern: str) -> pytest.MarkDecorator:
    """The small cases whose whole names match."""
    chosen = [case for case in SMALL if re.fullmatch(pattern, case.name)]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case.name)


# Each arithmetic, with few taps and many, and a reduction. `jax:steps` in tests/libraries.py runs all cases too.
EACH = r"(F|I|I;16|RGBA)-bicubic-down|F-lanczos-nonfinite|(F|I)-.*-gap"


def _steps(case: Case) -> tuple[Step, ...]:
    spec = Spec(case.layout, case.mode, DIALECT, case.size, int(case.resample), case.box or (), case.gap or 0.0)
    return plan(spec, case.source).steps


@cache
def _expected(case: Case) -> tuple[np.ndarray, np.ndarray]:
    image = pixels(case)
    return image, np.asarray(portresize.resize(image, case.size, **case.arguments(DIALECT)))


def _run(image: np.ndarray, layout: str, steps: tuple[Step, ...], **how: bool) -> np.ndarray:
    with jax.enable_x64(how["wide"]):
        return np.asarray(jax.jit(lambda x: _xla.perform(x, layout, steps, **how))(image))


# What a CPU gets is "jax:steps" in tests/libraries.py, which meets all cases.
@_named(EACH + "|(I|F)-.*-1|.*-to-one-pixel")
def test_passes_at_once_are_exact(case: Case) -> None:
    image, expected = _expected(case)
    assert_same(_run(image, case.layout, _steps(case), wide=True), expected)


@_named(EACH + "|F-.*one-pixel|I-.*-1")
def test_32_bits_are_as_good_as_promised(case: Case) -> None:
    image, expected = _expected(case)
    bound = GUARANTEE["no-float64"].bound(kind_of(case.mode, str(image.dtype), case.resample))
    difference = bound.judge(_run(image, case.layout, _steps(case), wide=False), expected, image)
    assert not difference, str(difference)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "HCW", "WHC", "CNWH", "THWCN"])
@pytest.mark.parametrize("cpu", [False, True])
def test_a_layout_is_only_an_order_of_axes(layout: str, cpu: bool) -> None:
    # 70 rows are two blocks of 48, of which the second begins within the first; 19 are two of 16.
    lengths = {"H": 70, "W": 19, "C": 3, "N": 2, "T": 2}
    image = np.random.default_rng(7).integers(0, 256, [lengths[letter] for letter in layout], np.uint8)
    expected = portresize.resize(image, (9, 30), "lanczos", layout=layout)
    steps = plan(Spec(layout, "RGB", DIALECT, (9, 30), 1), (70, 19)).steps
    assert_same(_run(image, layout, steps, wide=True, cpu=cpu), expected)


@pytest.mark.parametrize("rows", [1, 15, 16, 17, 33, 64, 65, 81, 129])
def test_blocks_cover_any_number_of_rows(rows: int) -> None:
    image = np.random.default_rng(rows).integers(0, 256, (rows, 20, 3), np.uint8)
    expected = portresize.resize(image, (rows, 7), "bilinear", layout="HWC")
    steps = plan(Spec("HWC", "RGB", DIALECT, (rows, 7), 2), (rows, 20)).steps
    assert_same(_run(image, "HWC", steps, wide=True, cpu=True), expected)


@pytest.mark.parametrize("n_taps", [UNROLLED - 1, UNROLLED, UNROLLED + 1, 200])
def test_many_taps_are_a_loop(n_taps: int) -> None:
    image = np.random.default_rng(n_taps).integers(0, 256, (4, n_taps), np.uint8)
    steps = plan(Spec("HW", "L", DIALECT, (4, 1), 4), (4, n_taps)).steps
    expected = portresize.resize(image, (4, 1), "box")
    assert_same(_run(image, "HW", steps, wide=True), expected)
    program = str(jax.make_jaxpr(lambda x: _xla.perform(x, "HW", steps, wide=True))(image))
    assert ("scan" in program) == (n_taps > UNROLLED)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("cpu", [False, True])
def test_half_floats_round_once_a_pass(dtype: str, cpu: bool) -> None:
    # A double that float32 rounds onto the midpoint of two halves would be rounded a second time.
    image = jax.numpy.asarray(np.random.default_rng(0).standard_normal((40, 33)) * 100).astype(dtype)
    host = np.asarray(image)
    resized, reduced = portresize.resize(host, (20, 21)), portresize.reduce(host, (3, 2))
    for spec, expected in (
        (Spec("HW", "F", DIALECT, (20, 21)), resized),
        (Spec("HW", "F", DIALECT, factor=(3, 2)), reduced),
    ):
        result = _run(image, "HW", plan(spec, (40, 33)).steps, wide=True, cpu=cpu)
        assert_same(result.astype(np.float32), expected.astype(np.float32))


@pytest.mark.parametrize("cpu", [False, True])
def test_subnormal_floats_are_not_zeros(cpu: bool) -> None:
    image = (np.random.default_rng(1).integers(-(2**24), 2**24, (19, 23)) * 2.0**-149).astype(np.float32)
    steps = plan(Spec("HW", "F", DIALECT, (9, 30), 1), (19, 23)).steps
    assert_same(_run(image, "HW", steps, wide=True, cpu=cpu), portresize.resize(image, (9, 30), "lanczos"))


def _program(case: Case, x64: bool, **how: bool) -> str:
    """The program for images of any number, from abstract values alone, with nothing promoted in silence."""
    shape = jax.export.symbolic_shape(", ".join(["b", *map(str, case.shape)]))
    image = jax.ShapeDtypeStruct(shape, pixels(case).dtype)
    layout, steps = "N" + case.layout, _steps(case)
    with jax.enable_x64(x64), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        return str(jax.jit(lambda x: _xla.perform(x, layout, steps, **how)).trace(image).jaxpr)


@_named("(F|I|I;16|RGBA|LAB|1)-bicubic-down|.*-bicubic-gap")
def test_a_narrow_program_has_no_64_bit_types(case: Case) -> None:
    for x64, cpu in product([False, True], [False, True]):
        program = _program(case, x64, wide=False, cpu=cpu)
        assert re.findall(r"\b[iuf]64\b|\bcomplex128\b", program) == []


def test_that_test_sees_64_bit_types() -> None:
    case = next(case for case in SMALL if case.name == "F-bicubic-down")
    assert re.findall(r"\bf64\b", _program(case, x64=True, wide=True))


@pytest.mark.parametrize("how", [{"wide": True}, {"wide": True, "cpu": True}, {"wide": False}], ids=str)
def test_an_exported_program_takes_any_batch(how: dict[str, bool]) -> None:
    # A box in which every row of weights counts, so that the tables cannot be stored more tightly.
    steps = plan(Spec("NHWC", "RGB", DIALECT, (100, 90), 1), (301, 280)).steps
    image = np.random.default_rng(0).integers(0, 256, (3, 301, 280, 3), np.uint8)
    expected = portresize.resize(image, (100, 90), "lanczos", layout="NHWC")
    shape = jax.export.symbolic_shape("b, 301, 280, 3")
    function = jax.jit(lambda x: _xla.perform(x, "NHWC", steps, **how))
    platforms = ["cpu"] if how.get("cpu") else ["cpu", "cuda", "tpu"]
    exported = jax.export.export(function, platforms=platforms)(jax.ShapeDtypeStruct(shape, np.uint8))
    packed = exported.serialize()
    assert len(packed) < sum(step.taps.weight.nbytes for step in steps if isinstance(step, Pass)) + 32 * 1024
    again = jax.export.deserialize(packed)
    for n in (1, 3):
        assert_same(np.asarray(again.call(image[:n])), expected[:n])


def test_passes_stay_apart_on_a_cpu() -> None:
    # Or XLA takes the first pass again for each tap of the second, which no result shows.
    steps = plan(Spec("HWC", "RGB", DIALECT, (32, 32), 3), (64, 64)).steps
    function = jax.jit(lambda x: _xla.perform(x, "HWC", steps, wide=True, cpu=True))
    program = function.lower(jax.ShapeDtypeStruct((64, 64, 3), np.uint8)).compile().as_text()
    assert len(re.findall(r" call\(.*inlineable=.false.", program)) == 4  # turned, convolved, back; and the other pass


DEVICES = """
import json, jax, numpy as np
from portresize._backends import _xla
from portresize._core.plan import plan
from portresize._core.spec import Spec
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

mesh = jax.make_mesh((8,), ("d",), axis_types=(AxisType.Auto,))
answers = []
x = np.random.default_rng(0).integers(0, 256, (8, 80, 64, 3)).astype(np.uint8)
steps = plan(Spec("NHWC", "RGB", "pillow-13", (24, 200), 2), (80, 64)).steps
for cpu in (False, True):
    def act(x):
        return _xla.perform(x, "NHWC", steps, wide=True, cpu=cpu)

    alone = np.asarray(jax.jit(act)(x))
    for axis in range(3):
        placed = jax.device_put(x, NamedSharding(mesh, P(*[None] * axis, "d")))
        compiled = jax.jit(act).lower(placed).compile()
        result, text = compiled(placed), compiled.as_text()
        found = [word for word in ("all-", "collective-permute", "reduce-scatter") if word in text]
        equal = bool((np.asarray(result) == alone).all())
        answers.append([axis, equal, found, list(result.sharding.shard_shape(result.shape))])
print(json.dumps(answers))
"""


def test_a_sharded_batch_needs_no_other_device() -> None:
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    child = subprocess.run(
        [sys.executable, "-c", DEVICES], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr[-3000:]
    answers: list[Any] = json.loads(child.stdout)
    assert len(answers) == 6
    for axis, equal, collectives, shard in answers:
        assert equal
        if axis == 0:
            assert (collectives, shard) == ([], [1, 24, 200, 3])
        else:
            assert collectives  # or the words would not be those of XLA
