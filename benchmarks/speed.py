"""How fast `portresize.resize` is, and what it takes: beside Pillow, torch and others, on this machine.

    python benchmarks/speed.py --out benchmarks/results/cpu.json

With llvmlite, numpy arrays meet the kernels of `portresize[cpu]`; without it, the numpy steps, which
benchmarks/numpy_steps.py measures more closely. What is not installed is left out and listed as such. pillow-simd has
Pillow's import name, and so needs an environment of its own, with numpy:

    CC="cc -mavx2" pip install pillow-simd numpy
    python benchmarks/speed.py --pillow-simd /that/environment/bin/python
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextvars import copy_context
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import threadpoolctl
from PIL import Image

import portresize
from benchmarks import first_call, memory, neighbours, processes, shares
from benchmarks.cases import RGB, Case, Pair, checked, first_pass, must_agree
from benchmarks.machine import environment
from benchmarks.table import Table
from benchmarks.timing import in_turn, noise, quotient, ratios, rounds, summary, timed, write

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any
Figures = dict[str, Any]
METHOD = (
    "Every result is compared with Pillow's, element by element, before it is timed. Contestants then run in turn in "
    "one process, once a round, in an order that changes from round to round so that each follows each other one "
    "equally often; large images get a third of the rounds. Figures are the median over rounds, the fastest and the "
    "quartiles; ratios are quotients of medians, or, of threads, medians of the quotients of each round. Pillow "
    "resizes images made before the timer starts, and does not turn "
    "them back into arrays, unless said otherwise. BLAS has one thread."
)

# Name, dtype, bands, layout and mode.
KINDS = [
    ("L", "uint8", (), "HW", "L"),
    ("RGBA", "uint8", (4,), "HWC", "RGBA"),
    ("RGB", "uint8", (3,), "NCHW", "RGB"),
    ("I;16", "uint16", (), "HW", "I;16"),
    ("I", "int32", (), "HW", "I"),
    ("F", "float32", (), "HW", "F"),
]
# Height, width, side of the result. The same shapes lying down cost as much and are resized the usual way round.
TALL = [(3840, 1080, 224, "bicubic"), (2048, 512, 128, "bilinear")]
# Seconds. Threads take a while to wake, and those of torch's OpenMP spin after their work on cores that others want.
WARM_UP, LOOP = 0.05, 0.02


def rgb(n_rounds: int) -> Figures:
    """RGB on one thread: Pillow, ours, torch, and what it takes merely to copy the input."""
    found: Figures = {}
    pairs = ("pillow/ours", "torch/ours", "ours/copy")
    table = Table("RGB, one thread, ms", "pillow", "ours", "torch", "copy", *pairs, "torch equal")
    for case in RGB:
        with portresize.threads(1):
            pair = checked(case)
            torch = _torch(case, pair, 1)
            contestants = {"pillow": pair.pillow, "ours": pair.ours}
            contestants |= {"torch": torch} if torch else {}
            contestants["copy"] = partial(np.copyto, np.empty_like(pair.x), pair.x)
            times = in_turn(contestants, rounds(case.shape, n_rounds))
        figures = found[case.name] = {**times, "ratios": ratios(times, *pairs)}
        if torch:
            figures["torch_equal"] = round(float((_pixels(torch()) == pair.expected).mean()), 6)
        table.times(case.name, times, **figures["ratios"], **{"torch equal": figures.get("torch_equal")})
    return found


def _torch(case: Case, pair: Pair, n_threads: int) -> Callable[[], Array] | None:
    """Torch's own resize of the same bytes, channels last, if it has the filter and is there; not exact."""
    if case.resample == "lanczos" or find_spec("torch") is None:
        return None
    import torch

    torch.set_num_threads(n_threads)
    x = torch.from_numpy(pair.x).permute(2, 0, 1)[None]
    return partial(torch.nn.functional.interpolate, x, size=case.size, mode=case.resample, antialias=True)


def _pixels(result: Array) -> Array:
    return result.permute(0, 2, 3, 1).numpy()


def threads(n_rounds: int) -> Figures:
    """What a second thread brings where image after image is resized, and two of ours beside two of torch's."""
    found: Figures = {}
    columns = ("ours 1", "ours 2", "torch 2", "ours 1/ours 2", "torch 2/ours 2", "two processes/one")
    table = Table("RGB, threads, ms a call in a loop", *columns)
    for i, case in enumerate(RGB):
        pair = checked(case)
        contestants: dict[str, Callable[[], Array]] = {}
        for n in (1, 2):
            contestants[f"ours {n}"] = act = _with_threads(n, pair.ours)
            must_agree(f"{case.name}, {n} threads", pair.expected, act()[None])
        if torch := _torch(case, pair, 2):
            contestants["torch 2"] = torch
        calls = _calls(contestants["ours 2"], LOOP)
        seconds = timed(contestants, n_rounds, calls=calls, warm_up=WARM_UP)
        times = {who: summary(values) for who, values in seconds.items()}
        quotients = {"ours 1/ours 2": quotient(seconds["ours 1"], seconds["ours 2"])}
        if torch:
            quotients["torch 2/ours 2"] = quotient(seconds["torch 2"], seconds["ours 2"])
        quotients["two processes/one"] = processes.speedup(i, max(3, n_rounds // 3))
        found[case.name] = {"calls": calls, **times, "ratios": quotients}
        table.times(case.name, times, **quotients)
    return found


def _calls(act: Callable[[], object], seconds: float) -> int:
    """How many calls take about so long."""
    start = time.perf_counter()
    act()
    return max(10, round(seconds / (time.perf_counter() - start)))


def _with_threads(n_threads: int, act: Callable[[], Array]) -> Callable[[], Array]:
    """The same as in a `with` block around the loop that calls it."""
    with portresize.threads(n_threads):
        return partial(copy_context().run, act)


def kinds(n_rounds: int) -> Figures:
    """Other kinds of samples, and batches, on one thread."""
    found: Figures = {}
    table = Table("other kinds, one thread, ms", "pillow", "ours", "pillow/ours")
    for (kind, dtype, bands, layout, mode), like in product(KINDS, RGB):
        height, width, _ = like.shape
        shape: tuple[int, ...] = (height, width, *bands)
        name = f"{kind} {like.name}"
        if layout == "NCHW":
            n_images = 32 if height * width < 1e6 else 4
            shape = (n_images, 3, height, width)
            name = f"{n_images} {kind} NCHW, {like.name}"
        case = Case(name, shape, dtype, layout, mode, like.size, like.resample)
        with portresize.threads(1):
            pair = checked(case)
            times = in_turn({"pillow": pair.pillow, "ours": pair.ours}, rounds(shape, n_rounds))
        found[name] = {**times, "ratios": ratios(times, "pillow/ours")}
        table.times(name, times, **found[name]["ratios"])
    return found


def vertical_first(n_rounds: int) -> Figures:
    """Tall RGB images, whose height Pillow 13 resizes first, and the same lying down, on one thread."""
    found: Figures = {}
    table = Table("tall and wide, one thread, ms", "first pass", "pillow", "ours", "pillow/ours")
    for height, width, side, resample in TALL:
        cases = [
            Case(f"{h}x{w} to {side}² {resample}", (h, w, 3), "uint8", "HWC", "RGB", (side, side), resample)
            for h, w in ((height, width), (width, height))
        ]
        with portresize.threads(1):
            pairs = {case: checked(case) for case in cases}
            contestants = {f"pillow {case.name}": pair.pillow for case, pair in pairs.items()}
            contestants |= {f"ours {case.name}": pair.ours for case, pair in pairs.items()}
            times = in_turn(contestants, rounds(cases[0].shape, n_rounds))
        for case in cases:
            own = {who: times[f"{who} {case.name}"] for who in ("pillow", "ours")}
            found[case.name] = {"first_pass": first_pass(case), **own, "ratios": ratios(own, "pillow/ours")}
            table.times(case.name, own, **found[case.name]["ratios"], **{"first pass": first_pass(case)})
    return found


def small(n_rounds: int) -> Figures:
    """Microseconds of a warm call, array to array, as many threads as there are by default."""
    found: Figures = {}
    table = Table("small RGB, array to array, us", "pillow", "ours", "pillow/ours")
    for n in (8, 16, 32, 64, 128, 256):
        name = f"{n}² to {n // 2}² bicubic"
        x = noise((n, n, 3), "uint8")
        contestants = {"pillow": partial(_through_pillow, x, n // 2), "ours": partial(_ours, x, n // 2)}
        must_agree(name, contestants["pillow"](), contestants["ours"]())
        # So that the clock and the change of contestants do not count.
        calls = _calls(contestants["ours"], 0.01)
        times = in_turn(contestants, n_rounds, calls=calls, unit="us")
        found[name] = {"calls": calls, **times, "ratios": ratios(times, "pillow/ours")}
        table.times(name, times, **found[name]["ratios"])
    return found


def _through_pillow(x: Array, side: int) -> Array:
    return np.asarray(Image.fromarray(x).resize((side, side), Image.Resampling.BICUBIC))


def _ours(x: Array, side: int) -> Array:
    return portresize.resize(x, (side, side))


def new_sizes(n_rounds: int) -> Figures:
    """Images of which no two are of one size, as data sets have them, to 224²: plans and tables are new each time."""
    rng = np.random.default_rng(1)
    sizes = rng.permutation([(height, width) for height in range(333, 513) for width in range(333, 513)])
    seconds: dict[str, list[float]] = {"pillow": [], "ours": []}
    with portresize.threads(1):
        # Code is generated before.
        portresize.resize(noise((300, 300, 3), "uint8"), (224, 224))
        for i, (height, width) in enumerate(sizes[: 10 * n_rounds]):
            x = noise((int(height), int(width), 3), "uint8")
            contestants = {"pillow": partial(_through_pillow, x, 224), "ours": partial(_ours, x, 224)}
            results = {}
            for who in list(contestants)[:: 1 if i % 2 else -1]:
                start = time.perf_counter()
                results[who] = contestants[who]()
                seconds[who].append(time.perf_counter() - start)
            must_agree(f"{height}x{width}", results["pillow"], results["ours"])
    times = {who: summary(values) for who, values in seconds.items()}
    name = "333²…512² to 224² bicubic"
    table = Table("ever new sizes, RGB, one thread, ms", "pillow", "ours", "pillow/ours")
    quotients = ratios(times, "pillow/ours")
    table.times(name, times, **quotients)
    return {name: {"images": len(seconds["ours"]), **times, "ratios": quotients}}


SECTIONS: dict[str, Callable[[int], Figures]] = {
    "rgb": rgb,
    "threads": threads,
    "shares": shares.measure,
    "kinds": kinds,
    "vertical_first": vertical_first,
    "small": small,
    "new_sizes": new_sizes,
    "first_call": first_call.measure,
    "memory": memory.measure,
}


def main(arguments: list[str]) -> None:
    """Measure, print tables, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*SECTIONS, "neighbours"]
    parser.add_argument("--out", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--repeat", type=int, default=61, help="rounds; large images get a third (default: 61)")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="SECTION", help=", ".join(names))
    parser.add_argument(
        "--pillow-simd", metavar="PYTHON", help="interpreter of an environment with pillow-simd and numpy"
    )
    options = parser.parse_args(arguments)
    if options.repeat < 3:
        parser.error("--repeat: at least 3, for the sake of the quartiles")
    sections = SECTIONS | {"neighbours": partial(neighbours.measure, pillow_simd=options.pillow_simd)}
    with threadpoolctl.threadpool_limits(1, "blas"):
        results = {**environment(), "method": METHOD, "repeat": options.repeat}
        for name in options.only:
            results[name] = {"load_before": _load(), **sections[name](options.repeat)}
            # After each section, so that what was measured survives whatever happens next.
            if options.out:
                write(results, options.out)


def _load() -> float | None:
    """Programs that wanted a core in the last minute: at most one where nobody disturbed."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


if __name__ == "__main__":
    main(sys.argv[1:])
