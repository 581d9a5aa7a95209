"""Gradients: every sample is written, whatever was in the memory before, where windows of the way back are empty."""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

from portresize import Resampling
from portresize._backends import _host, _numpy_steps, generic
from portresize._backends._frame import Frame
from portresize._core.adjoint import adjoint
from portresize._core.fixed import quantize
from portresize._core.plan import plan
from portresize._core.report import assert_same
from portresize._core.spec import Spec
from portresize._core.steps import Pad
from portresize._core.taps import Taps, nearest, taps, transpose
from portresize._kernels import handler
from portresize._kernels.llvm import engine, recipe, tables
from portresize._kernels.llvm.dot import Bytes, Pairs
from portresize._kernels.llvm.isa import Isa
from tests.kernels.frames import answer, made
from tests.kernels.programs import KINDS, Kind, empty, expected, run

HERE = engine.levels()
FLOATS = [kind for kind in KINDS if kind.mode == "F"]
# Images and what is asked of them. Windows of the way back are empty in front, behind and in between; results of 128
# and 256 rows fill whole chunks, after which there is none for what follows; in some parts of the rows all are empty.
CASES: list[tuple[tuple[int, int], dict[str, Any]]] = [
    ((300, 20), {"size": (128, 16), "box": (2.0, 90.0, 18.0, 210.0)}),
    ((900, 12), {"size": (128, 12), "box": (0.0, 300.0, 12.0, 600.0)}),
    ((900, 30), {"size": (256, 10), "box": (3.5, 0.0, 20.0, 16.5)}),
    ((40, 300), {"size": (16, 128), "box": (200.0, 30.0, 299.0, 39.0)}),
    ((257, 9), {"size": (128, 9), "resample": 0}),
    ((257, 257), {"size": (128, 128), "resample": 0}),
    ((600, 30), {"size": (128, 7), "resample": 0, "box": (1.0, 1.0, 29.0, 130.0)}),
    ((7, 5), {"size": (256, 64), "resample": 0, "box": (1.0, 1.0, 4.0, 3.0)}),
    ((500, 21), {"size": (64, 7), "resample": 4, "box": (0.0, 0.0, 21.0, 64.5)}),
    ((383, 50), {"factor": (3, 7)}),
]


def _spec(layout: str, *, resample: int = 3, **words: Any) -> Spec:
    return Spec(layout, "F", "pillow-13", resample=resample, **words)


@pytest.mark.parametrize("isa", HERE, ids=[isa.name for isa in HERE])
@pytest.mark.parametrize("kind", FLOATS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_sample_of_a_gradient_is_written(case: Any, kind: Kind, isa: Isa) -> None:
    source, words = case
    spec = _spec("HWC" if kind.bands > 1 else "HW", **words)
    x = kind.noise(*spec.result(source))
    wanted = expected(x, spec, source)
    for parts in (1, 2, 3, 8, 40):
        np.testing.assert_array_equal(run(x, spec, kind, isa, source=source, parts=parts), wanted)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_sample_of_a_gradient_is_written_for_xla(
    case: Any, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "WORTH_THREAD", 1)
    source, words = case
    spec, by = _spec("NHW", **words), handler.of(HERE[0])
    for number in (1, 5):
        x = np.random.default_rng(0).normal(size=(number, *spec.result(source))).astype(np.float32)
        result = made(by, spec, x.shape, x.dtype, back_to=source, threads=threads)
        assert_same(answer(by, result.recipe, x, empty(result.shape, x.dtype)), expected(x, spec, source))


@pytest.mark.parametrize(
    "words",
    [
        {"size": (10, 10), "box": (0.0, 0.0, 20.0, 20.0), "reducing_gap": 1.0},
        {"size": (10, 10), "box": (2.0, 2.0, 22.0, 22.0), "reducing_gap": 1.0},
        {"size": (10, 10), "box": (2.0, 2.0, 22.0, 22.0)},
        {"size": (30, 40), "canvas": (50, 60, 7, 8), "fill": (0.0,)},
        {"size": (10, 10), "box": (2.0, 2.0, 12.0, 12.0), "canvas": (50, 60, 7, 8), "fill": (0.0,)},
    ],
    ids=str,
)
def test_a_canvas_is_filled_wherever_it_comes_in_the_plan(words: Any) -> None:
    # On the way back through an average of which a part was cut out, the canvas is resized in its turn.
    spec, source = _spec("HW", **words), (22, 22)
    x = np.random.default_rng(0).normal(size=spec.result(source)).astype(np.float32)
    frame = Frame(array_api_compat.numpy, "cpu", "HW", 2)
    steps = adjoint(plan(spec, source)).steps
    found = _host.run(x, spec, source)
    if any(isinstance(step, Pad) for step in steps[:-1]):
        assert found is None
    else:
        assert found is not None
        assert_same(found, np.asarray(generic.perform(frame, x, steps, _numpy_steps.STEPS)))


# Tables alone, on any number of rows.


def _finished(table: tables.Table, parts: int, chunk: int, outputs: int) -> np.ndarray:
    """Return how often each output is made, walking as the kernel does; an output is made once its last unit is in."""
    made = np.zeros(outputs, int)
    for part in range(parts):
        first, stop = outputs * part // parts, outputs * (part + 1) // parts
        if first == stop:
            continue
        walk = table.walk(first, stop, chunk)
        assert 0 <= walk.begin < walk.end <= table.length
        begun = np.zeros(outputs, bool)
        for number, begin in enumerate(range(walk.begin, walk.end, chunk)):
            end = min(begin + chunk, walk.end)
            for out in range(*walk.visits[number]):
                assert first <= out < stop
                window = range(table.first[out], table.stop[out])
                assert begun[out] == (window.start < begin)
                begun[out] = True
                made[out] += window.stop <= end
    return made


@given(
    n_in=st.integers(1, 400),
    n_out=st.integers(1, 300),
    edges=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    resample=st.sampled_from(sorted(Resampling)),
    parts=st.integers(1, 9),
    chunk=st.sampled_from([16, 32, 64, 128]),
    is_back=st.booleans(),
)
def test_every_output_is_made_once(
    *,
    n_in: int,
    n_out: int,
    edges: tuple[float, float],
    resample: Resampling,
    parts: int,
    chunk: int,
    is_back: bool,
) -> None:
    low, high = (edge * n_in for edge in sorted(edges))
    if resample is Resampling.NEAREST:
        index = nearest(n_in, n_out, low, high, accumulate=True)
        inside = index >= 0
        table = Taps(np.where(inside, index, 0), inside.astype(np.int32), inside.astype(np.float64)[:, None])
    else:
        table = taps(n_in, n_out, low, high, resample)
    if is_back:
        table, n_in = transpose(table, n_in), n_out
    made = _finished(tables.exact(table, n_in), parts, chunk, table.n_out)
    np.testing.assert_array_equal(made, 1)
    if not is_back and resample is not Resampling.NEAREST and (table.size > 0).all():
        for dot in (Pairs(), Bytes()):
            made = _finished(tables.quads(quantize(table), n_in, dot), parts, chunk // 4, table.n_out)
            np.testing.assert_array_equal(made, 1)
