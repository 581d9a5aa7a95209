"""The law of the adjoint, on whole matrices: ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for all images of one element, and so for all.

A plan applied to every such image gives A, its adjoint gives Aᵀ. None of these images makes two terms of a sum differ
from zero, so that an entry is a product of one weight a step, and nothing else was rounded. Of two weights the product
is the same in either order, bit for bit. `Reduce` alone has one reciprocal forwards, 1 / (v * h), and two, 1 / v and
1 / h, backwards: then an entry may be off by every rounding there is.
"""

from __future__ import annotations

import re
from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portresize._backends import _numpy_steps, generic
from portresize._backends._frame import Frame
from portresize._core.adjoint import adjoint
from portresize._core.cache import LONG
from portresize._core.filters import Resampling
from portresize._core.plan import Plan, plan
from portresize._core.report import assert_same
from portresize._core.spec import Spec
from portresize._core.steps import Blank, Crop, Pad, Pass, Reduce, Take

Size = tuple[int, int]
FILTERS = sorted(Resampling)
CONVOLVING = [f for f in FILTERS if f != Resampling.NEAREST]
# Both ways in which numpy executes a plan.
EXECUTORS: dict[str, dict[type, generic.Do]] = {"generic": {}, "numpy": _numpy_steps.STEPS}
# Roundings of an entry where a plan averages. Forwards: the reciprocal and up to two products. Backwards, once or
# twice: two reciprocals and up to three products.
ROUNDINGS = 8


def _plan(source: Size, mode: str = "F", dialect: str = "pillow-13", layout: str = "HW", **words: Any) -> Plan:
    return plan(Spec(layout, mode, dialect, **words), source)


def _run(plan: Plan, x: np.ndarray, layout: str, executor: str = "generic") -> np.ndarray:
    return np.asarray(generic.perform(Frame(xp, "cpu", layout, x.ndim), x, plan.steps, EXECUTORS[executor]))


def _matrix(plan: Plan, executor: str = "generic") -> np.ndarray:
    """What each sample of the source is to each sample of the result, without what is there anyway."""
    n = plan.source[0] * plan.source[1]
    images = np.concatenate([np.zeros((1, n)), np.eye(n)]).reshape(1 + n, *plan.source)
    result = _run(plan, images, "NHW", executor).reshape(1 + n, plan.result[0] * plan.result[1])
    return (result[1:] - result[0]).T


def _averages(plan: Plan) -> bool:
    return any(isinstance(step, Reduce) for step in plan.steps)


def _check(forward: Plan) -> None:
    """The law, and that the adjoint of the adjoint is the plan again."""
    back = adjoint(forward)
    assert (back.source, back.result) == (forward.result, forward.source)
    expected = _matrix(forward).T
    found = {name: _matrix(back, name) for name in EXECUTORS} | {"again": _matrix(adjoint(back)).T}
    for actual in found.values():
        if not _averages(forward):
            assert_same(actual, expected)
        # A rounding is off by 2**-53 of what it rounds at most; one more stands for the products of such errors.
        assert (np.abs(actual - expected) <= (ROUNDINGS + 1) * 2.0**-53 * np.abs(expected)).all()


def _kinds(plan: Plan) -> list[str]:
    return [step.axis if isinstance(step, Pass) else type(step).__name__ for step in plan.steps]


@pytest.mark.parametrize("resample", CONVOLVING, ids=lambda resample: resample.name.lower())
@pytest.mark.parametrize(
    ("source", "size"),
    [((9, 7), (4, 3)), ((4, 3), (9, 7)), ((9, 3), (4, 8)), ((5, 6), (5, 13)), ((1, 1), (3, 2)), ((11, 6), (1, 1))],
    ids=["smaller", "larger", "both", "one axis", "from one", "to one"],
)
def test_the_adjoint_of_every_filter_is_its_transposed_matrix(source: Size, size: Size, resample: Resampling) -> None:
    _check(_plan(source, size=size, resample=resample))


@pytest.mark.parametrize("resample", FILTERS, ids=lambda resample: resample.name.lower())
@pytest.mark.parametrize(
    "box",
    [(0.3, 1.7, 5.9, 6.25), (0.0, 0.0, 3.5, 4.0), (2.25, 3.0, 7.0, 9.0), (3.5, 0.0, 3.5, 9.0), (7.0, 9.0, 7.0, 9.0)],
    ids=["inside", "first corner", "last corner", "no width", "beyond"],
)
def test_boxes(box: tuple[float, ...], resample: Resampling) -> None:
    _check(_plan((9, 7), size=(4, 5), box=box, resample=resample))


@pytest.mark.parametrize("dialect", ["pillow-13", "pillow-12"])
def test_either_pass_may_be_the_first(dialect: str) -> None:
    forward = _plan((12, 7), dialect=dialect, size=(3, 5))
    assert _kinds(forward) == (["H", "W"] if dialect == "pillow-13" else ["W", "H"])
    assert _kinds(adjoint(forward)) == _kinds(forward)[::-1]
    _check(forward)


def test_tall_images_are_two_calls() -> None:
    forward = _plan((201, 2), dialect="pillow-12.2", size=(5, 1))
    assert _kinds(forward) == ["H", "W"]
    _check(forward)


@pytest.mark.parametrize("gap", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("box", [(), (1.5, 2.0, 11.0, 16.75)], ids=["whole", "box"])
def test_reducing_gap(box: tuple[float, ...], gap: float) -> None:
    forward = _plan((17, 13), size=(3, 2), box=box, reducing_gap=gap, resample=Resampling.LANCZOS)
    assert _averages(forward)
    _check(forward)


@pytest.mark.parametrize("factor", [(2, 3), (3, 1), (1, 4), (4, 4), (20, 2)])
@pytest.mark.parametrize("box", [(), (1, 2, 7, 9)], ids=["whole", "box"])
def test_every_sample_of_a_block_has_its_share_even_of_a_partial_one(box: tuple[int, ...], factor: Size) -> None:
    _check(_plan((11, 8), factor=factor, box=box))


def test_the_shares_of_a_partial_block_are_larger() -> None:
    back = adjoint(_plan((5, 3), factor=(2, 2)))
    assert_same(_run(back, np.full((3, 2), 4.0), "HW"), np.array([[1.0, 1.0, 2.0]] * 4 + [[2.0, 2.0, 4.0]]))


@pytest.mark.parametrize("size", [(4, 3), (23, 15), (9, 20), (1, 1)])
def test_a_sample_gets_the_gradients_of_all_its_copies(size: Size) -> None:
    forward = _plan((9, 7), size=size, resample=Resampling.NEAREST)
    assert {type(step) for step in forward.steps} == {Take}
    _check(forward)
    assert_same(_run(adjoint(forward), np.ones(size), "HW").sum(), np.float64(size[0] * size[1]))


def test_a_crop_is_put_back_on_zeros() -> None:
    back = adjoint(_plan((9, 7), size=(3, 4), box=(2, 1, 6, 4)))
    assert back.steps == (Pad(9, 7, 1, 2, (0,)),)
    _check(_plan((9, 7), size=(3, 4), box=(2, 1, 6, 4)))


@pytest.mark.parametrize("fill", [(0,), (7.5,)])
def test_a_canvas_is_cut_off_whatever_it_is_filled_with(fill: tuple[float, ...]) -> None:
    forward = _plan((6, 5), size=(4, 7), canvas=(9, 7, 3, 0), fill=fill)
    assert adjoint(forward).steps[0] == Crop(3, 0, 4, 7)
    _check(forward)


def test_no_sample_of_a_forgotten_image_matters() -> None:
    back = adjoint(_plan((6, 5), size=(0, 3), canvas=(4, 3, 2, 0)))
    assert back.steps == (Crop(2, 0, 0, 3), Blank(6, 5))
    _check(_plan((6, 5), size=(0, 3), canvas=(4, 3, 2, 0)))
    _check(_plan((0, 5), size=(2, 3)))


def test_a_copy_stays_a_copy() -> None:
    for back in (
        adjoint(_plan((5, 7), size=(5, 7))),
        adjoint(_plan((5, 7), size=(5, 7), canvas=(5, 7, 0, 0))),
        adjoint(Plan((5, 7), (5, 7), (Crop(0, 0, 5, 7),))),
    ):
        assert back.steps == ()
        y = np.ones(back.source)
        assert not np.shares_memory(_run(back, y, "HW"), y)


@pytest.mark.parametrize("layout", ["HWC", "CHW", "NWHC", "WCH"])
def test_an_adjoint_runs_in_any_layout(layout: str) -> None:
    rng = np.random.default_rng(1)
    back = adjoint(_plan((9, 7), size=(4, 5), box=(0.5, 1, 6, 8), reducing_gap=1.0))
    y = rng.standard_normal(tuple({"H": 4, "W": 5, "C": 3, "N": 2}[letter] for letter in layout))
    front = [layout.index(letter) for letter in layout if letter not in "HW"] + [layout.index("H"), layout.index("W")]
    expected = _run(back, y.transpose(front), "N" * (len(layout) - 2) + "HW")
    assert_same(_run(back, y, layout).transpose(front), expected)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_an_adjoint_keeps_the_dtype_and_rounds_once_a_pass(dtype: str, executor: str) -> None:
    back = adjoint(_plan((64, 48), size=(20, 90), resample=Resampling.LANCZOS))
    y = np.random.default_rng(2).standard_normal(back.source).astype(dtype)
    actual, exact = _run(back, y, "HW", executor), _run(back, y.astype(np.float64), "HW")
    assert actual.dtype == y.dtype
    # The first rounding goes through the second pass; 1 % more for what the doubles themselves and the product lose.
    first, second = (np.abs(step.taps.weight).sum(axis=1).max() for step in back.steps if isinstance(step, Pass))
    largest = first * second * np.abs(y).max() + np.abs(exact).max()
    assert np.abs(actual - exact).max() <= 1.01 * np.finfo(dtype).eps / 2 * largest


def test_infinities_stay_in_the_windows_that_read_them() -> None:
    forward = _plan((40, 1), size=(10, 1))
    y = np.zeros((10, 1))
    y[3] = np.inf
    with np.errstate(invalid="ignore"):
        x = _run(adjoint(forward), y, "HW")[:, 0]
    read = _matrix(forward)[3] != 0.0
    assert np.isinf(x[read]).all()
    assert not x[~read].any()


def test_inner_products_of_large_images_agree() -> None:
    rng = np.random.default_rng(3)
    forward = _plan((640, 480), size=(224, 300), box=(10.5, 0, 480, 600.25), reducing_gap=1.2)
    x, y = rng.standard_normal(forward.source), rng.standard_normal(forward.result)
    there = _run(forward, x, "HW", "numpy")
    back = _run(adjoint(forward), y, "HW", "numpy")
    # Sums of some 1e5 products of either sign, at most 5e-14 apart for five seeds.
    assert abs((there * y).sum() - (x * back).sum()) <= 1e-11


@st.composite
def _requests(draw: st.DrawFn) -> Plan:
    """A plan for floats that anyone could ask for."""
    length = st.integers(1, 12)
    source, size = draw(st.tuples(length, length)), draw(st.tuples(length, length))
    edges = []
    for n in source:
        edge = st.integers(0, n) if draw(st.booleans()) else st.floats(0, n)
        edges.append(sorted((draw(edge), draw(edge))))
    (top, bottom), (left, right) = edges
    words: dict[str, Any] = {"box": (left, top, right, bottom) if draw(st.booleans()) else ()}
    if draw(st.integers(0, 4)) == 0:
        words["factor"] = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
        whole = int(left) < int(right) and int(top) < int(bottom)
        words["box"] = tuple(int(edge) for edge in words["box"]) if whole else ()
        size = Spec("HW", "F", "pillow-13", **words).result(source)
    else:
        words["size"] = size
        words["resample"] = int(draw(st.sampled_from(FILTERS)))
        averages = not words["box"] or (left < right and top < bottom)
        words["reducing_gap"] = draw(st.sampled_from([0.0, 1.0, 1.5])) if averages else 0.0
    if draw(st.booleans()):
        before, after = draw(st.tuples(st.integers(0, 3), st.integers(0, 3))), draw(st.integers(0, 2))
        words["canvas"] = (size[0] + before[0] + after, size[1] + before[1], *before)
        words["fill"] = (draw(st.sampled_from([0, 3, -2.5])),)
    return _plan(source, dialect=draw(st.sampled_from(["pillow-13", "pillow-12.2", "pillow-12.1"])), **words)


@settings(max_examples=300, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(_requests())
def test_random_requests(forward: Plan) -> None:
    _check(forward)


@pytest.mark.parametrize(
    ("forward", "step"),
    [
        (
            _plan((768, 256), "RGB", layout="HWC", size=(256, 256)),
            "u8 pass along H: samples 0..768 -> 256, 12 taps, weights int32 12.0 KiB",
        ),
        (_plan((6, 6), "I", factor=(2, 3)), "i32 reduce by 2x3"),
        (_plan((6, 6), "RGBA", layout="HWC", size=(2, 3), box=(0, 0, 3, 2)), "premultiply by alpha"),
        (_plan((6, 6), "LAB", layout="HWC", factor=(2, 2)), "flip the top bit of bands 1, 2"),
    ],
    ids=["u8", "i32", "alpha", "signed"],
)
def test_integers_have_no_gradient(forward: Plan, step: str) -> None:
    text = (
        f'`plan` has the step "{step}", which rounds to integers; expected steps on floats, as in mode "F"; cast the '
        "image to a float dtype"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        adjoint(forward)


def test_an_adjoint_prints_itself() -> None:
    forward = _plan((40, 30), size=(4, 3), box=(0, 10, 30, 40), reducing_gap=1.5, canvas=(6, 3, 1, 0), fill=(9,))
    assert str(adjoint(forward)).splitlines() == [
        "6x3 -> 40x30",
        "1. crop to 4x3 at row 1, column 0",
        "2. float pass along H: samples 0..4 -> 8, 4 taps, weights float64 0.2 KiB",
        "3. float pass along W: samples 0..3 -> 5, 3 taps, weights float64 0.1 KiB",
        "4. float pass along H: samples 0..8 -> 40, 1 taps, weights float64 0.3 KiB",
        "5. float pass along W: samples 0..5 -> 30, 1 taps, weights float64 0.2 KiB",
    ]


def test_adjoints_are_cached() -> None:
    forward = _plan((9, 7), size=(3, 4))
    assert adjoint(forward) is adjoint(_plan((9, 7), size=(3, 4)))


def test_of_long_adjoints_two_are_kept() -> None:
    import gc
    import weakref

    made = [weakref.ref(adjoint(_plan((1, 2 * LONG + i), size=(1, 7))).steps[0].taps.weight) for i in range(6)]  # type: ignore[union-attr]  # a Pass
    gc.collect()
    assert sum(table() is not None for table in made) == 2
