"""Samples that are the same on every run, and contestants timed in turn. Needs nothing but numpy."""

from __future__ import annotations

import json
import statistics
import time
from itertools import count, islice, repeat
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Array = Any
# What is measured of one contestant: `median_ms`, `best_ms` and so on.
Summary = dict[str, float]
UNITS = {"ms": 1e3, "us": 1e6}


def noise(shape: tuple[int, ...], dtype: str) -> Array:
    """The same samples on every run."""
    rng = np.random.default_rng(0)
    if dtype == "float32":
        return rng.normal(0.0, 100.0, shape).astype(np.float32)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def rounds(shape: tuple[int, ...], asked: int) -> int:
    """How many rounds an image of `shape` gets: a third, but three at least, if it is large."""
    return asked if np.prod(shape) < 4e6 else max(3, asked // 3)


def orders(n: int) -> Iterator[list[int]]:
    """Orders in which `n` contestants run, round after round, without end.

    Rows of a Williams square, every other square mirrored: over 2 n rounds each contestant has each place equally
    often, and within a round runs equally often after each other one. So nobody inherits the caches always from the
    same one, as plain rotation would have it.

    >>> list(islice(orders(3), 6))
    [[0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [0, 2, 1], [1, 0, 2]]
    """
    zigzag = [(i + 1) // 2 if i % 2 else -(i // 2) for i in range(n)]
    for turn in count():
        row = [(place + turn) % n for place in zigzag]
        yield row[::-1] if turn // n % 2 else row


def in_turn(
    contestants: Mapping[str, Callable[[], object]],
    n_rounds: int,
    *,
    calls: int = 1,
    warm_up: float = 0.0,
    unit: str = "ms",
) -> dict[str, Summary]:
    """Time of one call of each contestant, summed up; as `timed`."""
    seconds = timed(contestants, n_rounds, calls=calls, warm_up=warm_up)
    return {name: summary(times, unit) for name, times in seconds.items()}


def timed(
    contestants: Mapping[str, Callable[[], object]], n_rounds: int, *, calls: int = 1, warm_up: float = 0.0
) -> dict[str, list[float]]:
    """Seconds of one call of each contestant, all of them once a round, in an order that changes.

    Args:
        contestants: What to call, by name.
        n_rounds: How many times each is timed.
        calls: How many calls are timed together, for those too short for the clock.
        warm_up: Seconds for which each is called before, so that its own threads are awake and those of the one before
            have gone to sleep.
    """
    acts = list(contestants.items())
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for order in islice(orders(len(acts)), n_rounds):
        for name, act in (acts[place] for place in order):
            stop = time.perf_counter() + warm_up
            while time.perf_counter() < stop:
                act()
            start = time.perf_counter()
            for _ in repeat(None, calls):
                act()
            seconds[name].append((time.perf_counter() - start) / calls)
    return seconds


def summary(seconds: list[float], unit: str = "ms") -> Summary:
    """Median and spread."""
    low, middle, high = statistics.quantiles(seconds, n=4)
    figures = {"median": middle, "best": min(seconds), "quartile_1": low, "quartile_3": high}
    return {f"{name}_{unit}": round(UNITS[unit] * value, 4) for name, value in figures.items()}


def median(figures: Summary) -> float:
    """The median, whatever its unit."""
    return next(value for name, value in figures.items() if name.startswith("median"))


def ratios(times: Mapping[str, Summary], *pairs: str) -> dict[str, float]:
    """Quotients of medians, for pairs such as `"pillow/ours"` of which both ran."""
    found = {}
    for pair in pairs:
        slow, fast = pair.split("/")
        if slow in times and fast in times:
            found[pair] = round(median(times[slow]) / median(times[fast]), 3)
    return found


def quotient(slow: list[float], fast: list[float]) -> float:
    """The median of the quotients round by round, for machines whose pace changes from second to second."""
    return round(statistics.median(a / b for a, b in zip(slow, fast, strict=True)), 3)


def write(figures: Mapping[str, Any], path: Path) -> None:
    """Keep the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
