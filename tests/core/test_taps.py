from __future__ import annotations

import numpy as np
import pytest

from portresize._core import filters, fixed
from portresize._core.filters import Resampling
from portresize._core.taps import Taps, nearest, taps, transpose
from tests.core import reference

RNG = np.random.default_rng(20260722)
AXES = [
    (5, 3, 0.0, 5.0),
    (5, 3, 0.3, 4.1),
    (1, 7, 0.0, 1.0),
    (100, 1, 0.0, 100.0),
    (7, 7, 0.0, 7.0),
    (8, 6, 1.0, 7.0),
    (5, 4, 5.0, 5.0),
    (5, 4, 2.5, 2.5),
    (640, 224, 0.0, 640.0),
    (9, 9, 1e-12, 9.0 - 1e-12),
    # Taps exactly as far from the centre as the filter reaches.
    (20, 10, 0.5, 10.5),
    (20, 10, 1.0, 11.0),
    (40, 10, 5.0, 25.0),
    # Windows of which one tap or none is inside.
    (1, 1, 0.0, 0.0),
    (3, 2, 3.0, 3.0),
]
for _ in range(40):
    n_in, n_out = (int(n) for n in RNG.integers(1, 300, 2))
    edges = sorted(RNG.uniform(0, n_in, 2)) if RNG.random() < 0.5 else (0.0, float(n_in))
    AXES.append((n_in, n_out, float(edges[0]), float(edges[1])))


@pytest.mark.parametrize("name", reference.KERNELS)
def test_weights_are_the_scalar_formula_bit_for_bit(name: str) -> None:
    for n_in, n_out, lo, hi in AXES:
        table = taps(n_in, n_out, lo, hi, Resampling[name.upper()])
        quantized = fixed.quantize(table)
        for o, (first, row, integers) in enumerate(reference.weights(n_in, n_out, lo, hi, name)):
            assert table.size[o] == max(len(row), 0)
            assert not row or table.start[o] == first
            assert table.weight[o, : len(row)].tobytes() == np.array(row, np.float64).tobytes(), (
                n_in,
                n_out,
                lo,
                hi,
                o,
            )
            assert not table.weight[o, len(row) :].any()
            assert quantized.weight[o, : len(row)].tolist() == integers


@pytest.mark.parametrize("name", reference.KERNELS)
def test_a_kernel_is_the_scalar_formula_where_its_pieces_meet(name: str) -> None:
    # Which side of -3 lanczos counts no weight of a table tells but by rounding: windows begin later than that.
    kernel, _ = reference.KERNELS[name]
    meets = np.arange(-10, 11) / 2
    x = np.concatenate([meets, np.nextafter(meets, -np.inf), np.nextafter(meets, np.inf), [-0.0]])
    ours = filters.FILTERS[Resampling[name.upper()]].kernel(x.copy())
    assert ours.tolist() == [kernel(at) for at in x.tolist()]


@pytest.mark.parametrize("name", reference.KERNELS)
def test_the_weights_of_a_window_never_add_up_to_little_or_less(name: str) -> None:
    # So that dividing by any sum but 0 and dividing by sums above 0 are one rule: no test can tell them apart.
    filter_ = filters.FILTERS[Resampling[name.upper()]]
    least = 1.0
    for n_in in range(1, 16):
        for stretch in np.linspace(1.0, 3.0 * n_in, 60):
            center = np.linspace(0, n_in, 65)
            reach = filter_.support * stretch
            start = np.maximum((center - reach + 0.5).astype(np.int64), 0)
            size = np.minimum((center + reach + 0.5).astype(np.int64), n_in) - start
            tap = np.arange(max(int(size.max()), 1))[:, None]
            g = filter_.kernel((tap + start - center + 0.5) / stretch)
            total = np.where(tap < size, g, 0.0).sum(axis=0)
            least = min(least, total[total != 0.0].min(initial=1.0))
    assert least > 0.3


@pytest.mark.parametrize("name", ["hamming", "lanczos"])
def test_weights_do_not_depend_on_numpys_sine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = taps(97, 31, 0.25, 96.5, Resampling[name.upper()])
    monkeypatch.setattr(filters, "_numpy_uses_libm", lambda: False)
    again = taps.__wrapped__(97, 31, 0.25, 96.5, Resampling[name.upper()])
    assert again.weight.tobytes() == expected.weight.tobytes()


def test_tables_are_read_only_and_cached() -> None:
    table = taps(10, 5, 0.0, 10.0, Resampling.BICUBIC)
    assert taps(10, 5, 0.0, 10.0, Resampling.BICUBIC) is table
    assert fixed.quantize(table) is fixed.quantize(table)
    for array in (table.start, table.size, table.weight, fixed.quantize(table).weight):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize("name", reference.KERNELS)
def test_integer_weights_never_overflow(name: str) -> None:
    for n_in, n_out, lo, hi in AXES:
        weight = fixed.quantize(taps(n_in, n_out, lo, hi, Resampling[name.upper()])).weight.astype(np.int64)
        assert np.where(weight > 0, weight, 0).sum(axis=1).max() * 255 + fixed.HALF < 2**31


def test_weights_that_would_overflow_are_refused() -> None:
    table = Taps(np.zeros(1, np.int32), np.ones(1, np.int32), np.array([[2.1]]))
    with pytest.raises(OverflowError, match="which int32 cannot hold"):
        fixed.quantize(table)


def test_nearest_accumulates_its_position_but_not_for_16_bit_samples() -> None:
    assert nearest(2, 7, 0.0, 2.0, accumulate=True).tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert nearest(2, 7, 0.0, 2.0, accumulate=False).tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_nearest_marks_what_lies_outside() -> None:
    assert nearest(5, 3, 5.0, 5.0, accumulate=True).tolist() == [-1, -1, -1]


def test_reciprocals_are_pillows() -> None:
    assert [fixed.reciprocal(n) for n in (1, 3, 5, 7, 25)] == [2**24, 5592405, 3355443, 2396745, 671088]
    assert fixed.reciprocal(2**23) == 2
    assert fixed.reciprocal(2**24) == 0


def _matrix(table: Taps, n_in: int) -> np.ndarray:
    """A table as (n_out, n_in) weights, one at a time."""
    dense = np.zeros((table.n_out, n_in))
    for o, (start, size) in enumerate(zip(table.start, table.size, strict=True)):
        assert 0 <= start <= start + size <= n_in
        assert not table.weight[o, size:].any()
        dense[o, start : start + size] = table.weight[o, :size]
    return dense


@pytest.mark.parametrize("name", reference.KERNELS)
def test_transposed_weights_are_the_same_weights(name: str) -> None:
    for n_in, n_out, lo, hi in AXES:
        table = taps(n_in, n_out, lo, hi, Resampling[name.upper()])
        back = transpose(table, n_in)
        assert back.n_out == n_in
        np.testing.assert_array_equal(_matrix(back, n_out), _matrix(table, n_in).T)
        # No zeros were needed to fill windows: as many inputs are read as before.
        assert back.size.sum() == table.size.sum()
        assert back.n_taps == max(back.size.max(), 1)
        again = transpose(back, n_out)
        assert again.size.tolist() == table.size.tolist()
        assert again.start.tolist() == table.start.tolist()
        assert again.weight.tobytes() == table.weight.tobytes()


def test_a_sample_that_no_output_reads_has_an_empty_window() -> None:
    back = transpose(taps(5, 2, 1.0, 3.0, Resampling.BOX), 5)
    assert back.start.tolist() == [0, 0, 1, 0, 0]
    assert back.size.tolist() == [0, 1, 1, 0, 0]
    assert back.weight.tolist() == [[0.0], [1.0], [1.0], [0.0], [0.0]]


def test_a_table_that_reads_nothing_is_transposed_to_one_that_reads_nothing() -> None:
    nothing = Taps(np.zeros(3, np.int32), np.zeros(3, np.int32), np.zeros((3, 1)))
    back = transpose(nothing, 4)
    assert back.size.tolist() == [0, 0, 0, 0]
    assert back.weight.shape == (4, 1)


def test_windows_that_jump_back_and_forth_are_spanned_with_zeros() -> None:
    table = Taps(
        np.array([2, 0, 2], np.int32), np.array([1, 2, 1], np.int32), np.array([[7.0, 0.0], [3.0, 4.0], [5.0, 0.0]])
    )
    back = transpose(table, 3)
    assert back.start.tolist() == [1, 1, 0]
    assert back.size.tolist() == [1, 1, 3]
    assert back.weight[2].tolist() == [7.0, 0.0, 5.0]
    np.testing.assert_array_equal(_matrix(back, 3), _matrix(table, 3).T)


def test_a_transposed_table_is_read_only() -> None:
    back = transpose(taps(10, 5, 0.0, 10.0, Resampling.BICUBIC), 10)
    for array in (back.start, back.size, back.weight):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
