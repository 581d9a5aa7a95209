"""How fast `portresize.resize` is under `jax.jit` on the CPU: beside Pillow, `jax.image.resize` and the kernels alone.

    python benchmarks/jax_cpu.py --out benchmarks/results/jax.json

The whole process stays on one core, where XLA has one thread, as Pillow has.
"""

from __future__ import annotations

import os

if hasattr(os, "sched_setaffinity"):
    # Before jax is imported: XLA makes as many threads as it finds cores, once.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.environ["JAX_PLATFORMS"] = "cpu"

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import threadpoolctl

import portresize
from benchmarks.cases import RGB, Case, checked, images_of, must_agree
from benchmarks.machine import environment
from benchmarks.table import Table
from benchmarks.timing import in_turn, ratios, rounds, write
from portresize._backends import _jax_cpu

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any
Figures = dict[str, Any]
METHOD = (
    "One process on one core. Results of portresize are compared with Pillow's, element by element, before they are "
    "timed; that of jax.image.resize is not equal. Contestants run in turn, once a round, in an order that changes. "
    "Figures are the median over rounds, the fastest and the quartiles; ratios are quotients of medians. `pillow` "
    "resizes images made before, `kernels` is portresize.resize on a numpy array, `jit` the same under jax.jit, "
    "`xla` what jit does without llvmlite, and `jax.image` jax.image.resize from uint8 by way of float32 with its "
    "antialias, jitted, without rounding back. `compile_s` is the time to trace, lower and compile, once."
)
SMALL = Case("32² to 16² bicubic", (32, 32, 3), "uint8", "HWC", "RGB", (16, 16), "bicubic")
BATCHES = [
    Case("8x512² to 224² bilinear, NHWC", (8, 512, 512, 3), "uint8", "NHWC", "RGB", (224, 224), "bilinear"),
    Case("8x512² to 224² bilinear, NCHW", (8, 3, 512, 512), "uint8", "NCHW", "RGB", (224, 224), "bilinear"),
]
METHODS = {"bilinear": "linear", "bicubic": "cubic", "lanczos": "lanczos3"}


def measure(case: Case, n_rounds: int) -> Figures:
    """All contestants on one case."""
    pair = checked(case)
    x = jnp.asarray(pair.x)
    act = partial(portresize.resize, size=case.size, resample=case.resample, layout=case.layout, mode=case.mode)
    ours, compile_ours = _compiled(act, x)
    with mock.patch.object(_jax_cpu, "native", return_value=None):
        by_xla, compile_xla = _compiled(act, x)
    for name, compiled in (("jit", ours), ("xla", by_xla)):
        must_agree(f"{case.name}, {name}", pair.expected, images_of(case, np.asarray(compiled(x))))
    theirs, compile_theirs = _compiled(_jax_image(case), x)
    times = in_turn(
        {
            "pillow": pair.pillow,
            "kernels": pair.ours,
            "jit": lambda: ours(x).block_until_ready(),
            "xla": lambda: by_xla(x).block_until_ready(),
            "jax.image": lambda: theirs(x).block_until_ready(),
        },
        rounds(case.shape, n_rounds),
        calls=20 if case is SMALL else 1,
        unit="us" if case is SMALL else "ms",
    )
    found = ratios(times, "pillow/jit", "jit/kernels", "jax.image/jit", "pillow/xla", "jax.image/xla")
    seconds = {"jit": compile_ours, "xla": compile_xla, "jax.image": compile_theirs}
    return {**times, "ratios": found, "compile_s": seconds}


def _jax_image(case: Case) -> Callable[[Array], Array]:
    """`jax.image.resize` on the same samples."""

    def act(samples: Array) -> Array:
        sides = dict(zip("HW", case.size, strict=True))
        shape = [sides.get(letter, length) for letter, length in zip(case.layout, samples.shape, strict=True)]
        return jax.image.resize(samples.astype("float32"), shape, METHODS[case.resample])

    return act


def _compiled(act: Callable[[Array], Array], x: Array) -> tuple[Callable[[Array], Array], float]:
    """The function, ready to run as a user of jax.jit runs it, and how long that took."""
    # A new one each time: jax keeps what it has compiled by the function.
    compiled = jax.jit(partial(act))
    start = time.perf_counter()
    compiled.lower(x).compile()
    seconds = round(time.perf_counter() - start, 3)
    compiled(x).block_until_ready()
    return compiled, seconds


def main(arguments: list[str]) -> None:
    """Measure, print a table, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--rounds", type=int, default=40, help="rounds a case; large images get a third (default: 40)")
    options = parser.parse_args(arguments)
    # What is made once in a process is not what a case is compiled in.
    jax.jit(lambda x: portresize.resize(x, (2, 3)))(np.zeros((9, 9), np.uint8))
    served = _jax_cpu.serving()
    kernels = served.target or f"none: {served.why}"
    results: Figures = {**environment(), "method": METHOD, "kernels": kernels, "cases": {}}
    columns = ("pillow", "kernels", "jit", "xla", "jax.image", "pillow/jit", "jit/kernels", "jax.image/jit")
    table = Table("under jax.jit, one thread, ms (small: µs)", *columns, "pillow/xla", "compile")
    with threadpoolctl.threadpool_limits(1, "blas"), portresize.threads(1):
        for case in [*RGB, *BATCHES, SMALL]:
            figures = results["cases"][case.name] = measure(case, options.rounds)
            times = {name: value for name, value in figures.items() if name in columns}
            table.times(case.name, times, **figures["ratios"], compile=figures["compile_s"]["jit"])
    if options.out:
        write(results, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
