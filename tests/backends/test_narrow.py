"""The software double against the hardware's, and the pair of floats within what it promises."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from portresize._backends import _narrow, _pair

Terms = list[tuple[np.ndarray, np.ndarray]]
Function = Callable[..., Any]
Run = Callable[[Function, list[np.ndarray]], np.ndarray]
Case = Callable[[np.random.Generator], Terms]

N = 60_000
FIRST, LAST = -(2**31), 2**31 - 1


def run_numpy(function: Function, arrays: list[np.ndarray]) -> np.ndarray:
    """`function(xp, arrays)` by numpy."""
    with np.errstate(over="ignore", invalid="ignore"):
        return function(np, arrays)


def run_strict(function: Function, arrays: list[np.ndarray]) -> np.ndarray:
    """The same on a device without 64-bit types."""
    xp = pytest.importorskip("array_api_strict")
    device = xp.Device("no_x64")
    with np.errstate(over="ignore", invalid="ignore"):
        result = function(xp, [xp.asarray(a, device=device) for a in arrays])
    assert result.device == device
    return np.asarray(xp.asarray(result, device=xp.Device("CPU_DEVICE")))


def run_jit(function: Function, arrays: list[np.ndarray]) -> np.ndarray:
    """The same as one program of XLA, which knows no 64-bit types either, and fuses what it can."""
    jax = pytest.importorskip("jax")
    with jax.enable_x64(False):
        return np.asarray(jax.jit(lambda arrays: function(jax.numpy, arrays))(arrays))


def run_torch(function: Function, arrays: list[np.ndarray]) -> np.ndarray:
    """The same by torch."""
    xp = pytest.importorskip("array_api_compat.torch")
    return function(xp, [xp.asarray(a) for a in arrays]).numpy()


INTERPRETED, COMPILED = [run_numpy, run_strict], [run_jit, run_torch]


def pairs(cases: Iterable[str], compiled: Iterable[str]) -> pytest.MarkDecorator:
    """Libraries times cases; jit and torch, which take seconds, only those of `compiled`."""
    chosen = [(run, case) for run in INTERPRETED for case in cases] + [
        (run, case) for run in COMPILED for case in compiled
    ]
    ids = [f"{run.__name__.removeprefix('run_')}-{case}" for run, case in chosen]
    return pytest.mark.parametrize(("run", "name"), chosen, ids=ids)


def double_sums(terms: Terms) -> list[np.ndarray]:
    """All partial sums, as Pillow has them."""
    sums, total = [], np.zeros(())
    for v, k in terms:
        total = np.asarray(total + v.astype(np.float64) * k)
        sums.append(total)
    return sums


def half_away(x: np.ndarray) -> np.ndarray:
    """Pillow's ROUND_UP on x86."""
    whole = np.trunc(np.where(x >= 0, x + 0.5, x - 0.5))
    return np.where((whole >= FIRST) & (whole <= LAST), whole, FIRST).astype(np.int32)


def full(r: np.random.Generator) -> np.ndarray:
    """Every int32 alike, its ends included."""
    v = r.integers(FIRST, LAST + 1, N, dtype=np.int64).astype(np.int32)
    v[:4] = FIRST, LAST, 0, -1
    return v


def any_size(r: np.random.Generator) -> np.ndarray:
    """Every bit length alike."""
    return full(r) >> r.integers(0, 32, N).astype(np.int32)


def few(r: np.random.Generator) -> np.ndarray:
    """Many halves, thirds and zeros."""
    return r.integers(-3, 4, N).astype(np.int32)


def u16(r: np.random.Generator) -> np.ndarray:
    """Mode I;16."""
    return r.integers(0, 65536, N).astype(np.int32)


def bicubic(x: float) -> float:
    """Pillow's bicubic_filter."""
    x = abs(x)
    if x < 1:
        return ((1.5 * x - 2.5) * x) * x + 1
    return (((x - 5) * x + 8) * x - 4) * -0.5 if x < 2 else 0.0


def lanczos(x: float) -> float:
    """Pillow's lanczos_filter."""

    def sinc(x: float) -> float:
        return math.sin(x * math.pi) / (x * math.pi) if x else 1.0

    return sinc(x) * sinc(x / 3) if -3 <= x < 3 else 0.0


def weights(filter: Callable[[float], float], support: float, scale: float) -> list[np.ndarray]:
    """Per tap, the weights of N outputs: phases of a resize by `scale`, over and over."""
    reach = support * max(scale, 1.0)
    rows = []
    for o in range(64):
        center = (o + 0.5) * scale
        start, stretch = math.floor(center - reach), max(scale, 1.0)
        g = [filter((start + j - center + 0.5) / stretch) for j in range(int(2 * reach) + 2)]
        rows.append([x / sum(g) for x in g])
    return list(np.resize(np.array(rows), (N, len(rows[0]))).T)


def _ties(count: int) -> Case:
    return lambda r: [(few(r), np.array(1 / count)) for _ in range(count)]


def _wide(r: np.random.Generator) -> Terms:
    k = [r.uniform(-4, 4, N) * 2.0 ** r.integers(-110, 1, N) * r.integers(0, 3, N).clip(0, 1) for _ in range(8)]
    return [(any_size(r), weight) for weight in k]


def _cancel(r: np.random.Generator) -> Terms:
    v, k = any_size(r), r.uniform(0, 1, N)
    after = [(few(r), np.array(1e-17)), (any_size(r), np.array(1e-33)), (few(r), np.array(0.5))]
    near = np.where(r.random(N) < 0.5, k, np.nextafter(k, 2))
    return [(v, k), *after[:1], (v, -near), *after]


def _half_and_less(r: np.random.Generator) -> Terms:
    # 0.5 - 2^-54 + 0.5 rounds to 1; so does what comes as many doubles below other halves.
    below = np.nextafter(np.nextafter(r.integers(0, 4, N) + 0.5, 0), r.integers(-9, 9, N))
    return [(np.where(r.random(N) < 0.5, 1, -1).astype(np.int32), below)]


CASES: dict[str, Case] = {
    "halves": _ties(2),
    "thirds": _ties(3),
    "sixths": _ties(6),
    "sevenths": _ties(7),
    "i32 random": lambda r: [(full(r), r.uniform(-0.5, 1, N)) for _ in range(5)],
    "i32 bicubic": lambda r: [(full(r), k) for k in weights(bicubic, 2.0, 0.7)],
    "i32 lanczos, zero crossings": lambda r: [(any_size(r), k) for k in weights(lanczos, 3.0, 1.0)],
    "few lanczos": lambda r: [(few(r), k) for k in weights(lanczos, 3.0, 0.5)],
    "u16 random": lambda r: [(u16(r), r.uniform(-0.5, 1, N)) for _ in range(5)],
    "u16 bicubic": lambda r: [(u16(r), k) for k in weights(bicubic, 2.0, 1.5)],
    "u16 lanczos": lambda r: [(u16(r), k) for k in weights(lanczos, 3.0, 0.75)],
    "overshoot": lambda r: [(full(r) | 0x7F000000, np.array(k)) for k in (1.7, -0.8, 0.6)],
    "zeros": lambda r: [(full(r), np.array(0.0)), (full(r) * 0, np.array(0.3)), (few(r), np.array(-0.5))],
    "wide": _wide,
    "cancelling": _cancel,
    "half and less": _half_and_less,
    "subnormal weights": lambda r: [(full(r), np.array(5e-324)), (few(r), np.array(2.5e-308)), (few(r), np.array(0.5))],
}


def terms_of(name: str) -> Terms:
    """The terms of a case, always the same."""
    return CASES[name](np.random.default_rng(sum(name.encode())))


@pairs(CASES, ["thirds", "u16 bicubic", "wide", "cancelling", "overshoot"])
def test_integer_sum_is_the_sum_of_doubles(run: Run, name: str) -> None:
    terms = terms_of(name)
    limit = _narrow.LIMITS["u16" if name.startswith("u16") else "i32"]
    samples, tables = zip(*terms, strict=True)

    def function(xp: Any, arrays: list[Any]) -> Any:
        return _narrow.half_away(xp, _narrow.integer_sum(xp, zip(arrays, tables, strict=True), limit=limit))

    np.testing.assert_array_equal(run(function, list(samples)), half_away(double_sums(terms)[-1]), strict=True)


@pytest.mark.parametrize("name", CASES)
def test_every_partial_sum_is_the_double_itself(name: str) -> None:
    terms, total = terms_of(name), None
    for (v, k), expected in zip(terms, double_sums(terms), strict=True):
        term = _narrow._product(np, *_narrow._sample_digits(np, v, narrow=name.startswith("u16")), k)
        for number, value in ((term, v * k), (total := _narrow.add(np, total, term) if total else term, expected)):
            mantissa = number.hi.astype(np.int64) * 2**29 + number.lo
            # At most 53 bits are left, so nothing rounds here.
            np.testing.assert_array_equal(np.ldexp(mantissa.astype(np.float64), number.exponent), value)


SAMPLES = {"few": few, "any size": any_size, "full": full}


@pytest.mark.parametrize("count", [2, 3, 7, 25])
@pairs(SAMPLES, ["any size"])
def test_integer_mean_multiplies_the_exact_sum(run: Run, name: str, count: int) -> None:
    r = np.random.default_rng(count)
    addends = [SAMPLES[name](r)[:5000] for _ in range(count)]
    exact = np.asarray(np.sum(addends, axis=0, dtype=np.int64), np.float64)
    result = run(lambda xp, arrays: _narrow.half_away(xp, _narrow.integer_mean(xp, arrays, 1.0 / count)), addends)
    np.testing.assert_array_equal(result, half_away(exact * (1.0 / count)), strict=True)


FLOATS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "normal": lambda r: r.normal(size=N),
    "0..255": lambda r: r.integers(0, 256, N),
    "wide": lambda r: r.normal(size=N) * 10.0 ** r.uniform(-15, 15, N),
    "huge": lambda r: r.normal(size=N) * 2.0**120,
}
TABLES: dict[str, list[np.ndarray]] = {
    "sevenths": [np.array(1 / 7)] * 7,
    "bicubic": weights(bicubic, 2.0, 1.5),
    "lanczos": weights(lanczos, 3.0, 0.75),
}


@pytest.mark.parametrize("table", TABLES)
@pairs(FLOATS, ["wide"])
def test_float_sum_keeps_its_promise(run: Run, name: str, table: str) -> None:
    r = np.random.default_rng(7)
    tables = TABLES[table]
    samples = [FLOATS[name](r).astype(np.float32) for _ in tables]
    exact = double_sums(list(zip(samples, tables, strict=True)))[-1]
    size = sum(np.abs(v.astype(np.float64) * k) for v, k in zip(samples, tables, strict=True))
    result = run(lambda xp, arrays: _pair.float_sum(xp, zip(arrays, tables, strict=True)), samples)
    assert result.dtype == np.float32
    # The last rounding is half an ulp, the pair before it n * 2^-47 of the sizes.
    error = np.abs(result - exact) - np.spacing(np.abs(exact).astype(np.float32)) / 2.0
    assert np.all(error <= len(tables) * 2.0**-47 * size)
    straight = np.abs(exact) >= len(tables) * 2.0**-22 * size
    ulps = np.abs(result - exact.astype(np.float32)) / np.spacing(np.abs(exact).astype(np.float32))
    assert ulps[straight].max() <= 1
    assert np.mean(ulps[straight] > 0) <= 0.01


def bare(x: Any) -> Any:
    """Without the class below."""
    return np.asarray(x) if isinstance(x, Exact) else x


class Exact(np.ndarray):
    """Refuses to round a product: fused with a sum or not, what follows is then the same."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [bare(x) for x in inputs]
        result = getattr(ufunc, method)(*plain, **kwargs)
        if ufunc is np.multiply:
            np.testing.assert_array_equal(result, np.multiply(*plain, dtype=np.float64))
        return result.view(Exact)


def test_float_sum_rounds_no_product() -> None:
    def wrap(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        return lambda *args, **kwargs: function(*map(bare, args), **kwargs).view(Exact)

    xp = SimpleNamespace(
        where=wrap(np.where),
        asarray=wrap(np.asarray),
        isfinite=np.isfinite,
        zeros_like=np.zeros_like,
        ones_like=np.ones_like,
        abs=np.abs,
    )
    r = np.random.default_rng(5)
    samples = [(r.normal(size=N) * 10.0 ** r.uniform(-9, 37, N)).astype(np.float32) for _ in TABLES["lanczos"]]
    result = _pair.float_sum(
        xp, ((v.view(Exact), k.astype(np.float64)) for v, k in zip(samples, TABLES["lanczos"], strict=True))
    )
    assert result.dtype == np.float32


def test_float_sum_is_the_same_fused_or_not() -> None:
    r = np.random.default_rng(3)
    samples = [(r.normal(size=N) * 10.0 ** r.uniform(-15, 30, N)).astype(np.float32) for _ in TABLES["lanczos"]]

    def function(xp: Any, arrays: list[Any]) -> Any:
        return _pair.float_sum(xp, zip(arrays, TABLES["lanczos"], strict=True))

    np.testing.assert_array_equal(run_jit(function, samples), run_numpy(function, samples), strict=True)


@pytest.mark.parametrize("tables", [[0.5, 0.5, 0.0], [1.0, 1.0, 1.0], [0.0, -1.0, 1.0], [1e-60, -1e-60, 1.0]], ids=str)
@pytest.mark.parametrize("run", [*INTERPRETED, *COMPILED])
def test_float_sum_treats_infinities_as_a_double_does(run: Run, tables: list[float]) -> None:
    inf, nan, big = np.inf, np.nan, 3e38
    rows = [[inf, 1, 0], [inf, inf, 1], [inf, -inf, 1], [1, nan, 1], [big, big, 1], [-big, -big, 1], [0, 1, -inf]]
    samples = list(np.array(rows, np.float32).T)
    host = [np.array(k) for k in tables]
    with np.errstate(over="ignore", invalid="ignore"):
        expected = double_sums(list(zip(samples, host, strict=True)))[-1].astype(np.float32)
    result = run(lambda xp, arrays: _pair.float_sum(xp, zip(arrays, host, strict=True)), samples)
    np.testing.assert_array_equal(result, expected, strict=True)


@pytest.mark.parametrize("count", [2, 3, 7, 16])
@pytest.mark.parametrize("run", [*INTERPRETED, *COMPILED])
def test_float_mean_keeps_its_promise(run: Run, count: int) -> None:
    r = np.random.default_rng(count)
    addends = [(r.normal(size=N) * 10.0 ** r.uniform(-3, 3, N)).astype(np.float32) for _ in range(count)]
    addends[0][:3], addends[1][:3] = [np.inf, np.inf, 3e38], [1, -np.inf, 3e38]
    with np.errstate(over="ignore", invalid="ignore"):
        exact = np.asarray(np.sum(addends, axis=0, dtype=np.float64) * (1.0 / count))
    result = run(lambda xp, arrays: _pair.float_mean(xp, arrays, 1.0 / count), addends)
    assert result.dtype == np.float32
    # The documented limit: 6e38 / count fits a float32 but the sum before it does not.
    np.testing.assert_array_equal(result[:3], [np.inf, np.nan, np.inf])
    size = np.abs(addends).astype(np.float64).sum(axis=0)[3:] / count
    exact, result = exact[3:], result[3:]
    error = np.abs(result - exact) - np.spacing(np.abs(exact).astype(np.float32)) / 2.0
    assert np.all(error <= count * 2.0**-47 * size)
