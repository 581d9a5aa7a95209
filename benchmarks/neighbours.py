"""Other libraries that shrink pictures, on one thread each: how fast, and how far from Pillow.

Each meets ours alone, in turn, so that the slow ones do not empty the caches of the quick ones. pillow-simd cannot: it
runs in a process of its own, benchmarks/pillow_simd.py, and ours by itself after it.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import portresize
from benchmarks.cases import RGB, Case, checked
from benchmarks.machine import fresh_python
from benchmarks.table import Table
from benchmarks.timing import in_turn, median, ratios, rounds
from portresize import Resampling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Array = Any
Figures = dict[str, Any]
SIMD = "pillow-simd"
SIMD_NOTE = "Image.resize in a process of its own; not in turn with ours, which runs by itself later"


class Neighbour(NamedTuple):
    """A library.

    Attributes:
        module: What it is imported as.
        note: What is called, and what is timed.
        prepare: From a case and its samples to what is timed.
    """

    module: str
    note: str
    prepare: Callable[[Case, Array], Callable[[], Array]]


def _opencv(case: Case, x: Array) -> Callable[[], Array]:
    import cv2

    cv2.setNumThreads(1)
    return partial(cv2.resize, x, case.size[::-1], interpolation=cv2.INTER_AREA)


def _jax(case: Case, x: Array) -> Callable[[], Array]:
    with _one_core():
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax

        jax.devices()
    method = {"bilinear": "linear", "bicubic": "cubic", "lanczos": "lanczos3"}[case.resample]

    @jax.jit
    def resized(samples: Array) -> Array:
        return jax.image.resize(samples.astype("float32"), (*case.size, samples.shape[2]), method)

    return lambda: resized(x).block_until_ready()


@contextmanager
def _one_core() -> Iterator[None]:
    """XLA makes as many threads as it finds cores, once; they stay on those they are born on."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _skimage(case: Case, x: Array) -> Callable[[], Array]:
    from skimage.transform import resize

    order = 1 if case.resample == "bilinear" else 3
    return partial(resize, x, case.size, order=order, anti_aliasing=True, preserve_range=True)


NEIGHBOURS = {
    "opencv": Neighbour("cv2", "cv2.resize, INTER_AREA for every filter, uint8; cv2.setNumThreads(1)", _opencv),
    "jax": Neighbour(
        "jax",
        "jax.image.resize with its antialias, jitted, on the CPU; from a numpy array, with the conversion to float32; "
        "rounding back is not timed; XLA's threads are held to one core",
        _jax,
    ),
    "scikit-image": Neighbour(
        "skimage",
        "skimage.transform.resize, anti_aliasing=True, preserve_range=True, order 1 for bilinear, else 3; from uint8 "
        "to float64; rounding back is not timed",
        _skimage,
    ),
}


def measure(n_rounds: int, *, pillow_simd: str | None = None) -> Figures:
    """All neighbours on the RGB cases, and how many of their elements are Pillow's.

    Args:
        n_rounds: How many times each is timed.
        pillow_simd: Interpreter of an environment with pillow-simd and numpy.
    """
    present = {name: neighbour for name, neighbour in NEIGHBOURS.items() if find_spec(neighbour.module)}
    left_out = {name: "not installed" for name in NEIGHBOURS if name not in present}
    notes = {name: neighbour.note for name, neighbour in present.items()}
    simd: list[tuple[Figures, Array]] = []
    try:
        version, simd = _pillow_simd(pillow_simd, n_rounds)
        notes[SIMD] = f"{version}: {SIMD_NOTE}"
    except (RuntimeError, OSError) as error:
        left_out[SIMD] = str(error)
    found: Figures = {"notes": notes, "left_out": left_out}
    columns = ("theirs", "ours", "theirs/ours", "exact", "equal", "largest", "cores")
    table = Table("neighbours, RGB, one thread, ms", *columns)
    for i, case in enumerate(RGB):
        figures = found[case.name] = {}
        with portresize.threads(1):
            pair = checked(case)
            for name, neighbour in present.items():
                act = neighbour.prepare(case, pair.x)
                result = np.asarray(act())
                cores = _cores(act)
                times = in_turn({"theirs": act, "ours": pair.ours}, rounds(case.shape, n_rounds))
                figures[name] = {**times, **_closeness(result, pair.expected[0]), "cores": cores}
            if simd:
                times = {"theirs": simd[i][0], **in_turn({"ours": pair.ours}, rounds(case.shape, n_rounds))}
                figures[SIMD] = {**times, **_closeness(simd[i][1], pair.expected[0])}
        for name, figure in figures.items():
            figure["ratios"] = ratios(figure, "theirs/ours")
            medians = {who: median(figure[who]) for who in ("theirs", "ours")}
            table.row(f"{case.name}, {name}", {**figure, **figure["ratios"], **medians})
    for name, reason in left_out.items():
        print(f"left out: {name}: {reason}")
    return found


def _closeness(result: Array, expected: Array) -> Figures:
    """How far from Pillow's, once rounded and clipped to bytes."""
    if result.dtype != np.uint8:
        result = np.clip(np.rint(result), 0, 255).astype(np.uint8)
    difference = np.abs(result.astype(np.int16) - expected)
    equal = float((difference == 0).mean())
    return {"exact": not difference.any(), "equal": round(equal, 6), "largest": int(difference.max())}


def _cores(act: Callable[[], object]) -> float:
    """Cores kept busy for a tenth of a second: more than 1 betrays threads that were not asked for."""
    # OpenCV brings an OpenBLAS whose threads spin for a moment after they are born.
    time.sleep(0.3)
    wall, busy = time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < 0.1:
        act()
    return round((time.process_time() - busy) / (time.perf_counter() - wall), 2)


def _pillow_simd(python: str | None, n_rounds: int) -> tuple[str, list[tuple[Figures, Array]]]:
    """Version, and for each case the times and the result.

    Raises:
        RuntimeError: It cannot be run.
        OSError: There is no such interpreter.
    """
    if not python:
        msg = "no interpreter given with --pillow-simd"
        raise RuntimeError(msg)
    cases = json.dumps([(case.shape, case.size, int(Resampling[case.resample.upper()])) for case in RGB])
    with tempfile.TemporaryDirectory() as folder:
        script = str(Path(__file__).with_name("pillow_simd.py"))
        found = json.loads(fresh_python(script, cases, str(n_rounds), folder, python=python))
        results = [np.load(Path(folder) / f"{i}.npy") for i in range(len(RGB))]
    if "post" not in found["version"]:
        msg = f"{python} has Pillow {found['version']}, not pillow-simd"
        raise RuntimeError(msg)
    return f"{found['version']} on numpy {found['numpy']}", list(zip(found["times"], results, strict=True))
