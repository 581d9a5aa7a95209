"""Time and memory of `resize` by the numpy steps, beside Pillow's, on one thread; and what backs their choices.

    python benchmarks/numpy_steps.py --out benchmarks/results/numpy.json

The numpy steps serve where the kernels of `portresize[cpu]` do not, and here always. Pillow's images are made before
its timer starts and are not turned back into arrays, so that its time is that of `Image.resize` alone. Ours is that of
`portresize.resize` on an array, its plan already in the cache. Both run in turn in one process, after a check that
every element of the results is equal.
"""

from __future__ import annotations

import os

# Before portresize is imported, so that no kernel is ever made.
os.environ["PORTRESIZE_ISA"] = "none"

import argparse
import sys
import time
import tracemalloc
from functools import partial
from pathlib import Path
from typing import Any

import array_api_compat.numpy
import threadpoolctl

from benchmarks.cases import Case, checked
from benchmarks.machine import environment
from benchmarks.timing import in_turn, noise, rounds, summary, write
from portresize import Resampling
from portresize._backends import _blocks, _convolve
from portresize._backends import _numpy_steps as backend
from portresize._backends._frame import Frame
from portresize._core.fixed import quantize
from portresize._core.plan import plan
from portresize._core.steps import Pass
from portresize._core.taps import Taps, taps

METHOD = (
    "One process, BLAS held to one thread. Contestants run in turn, each once a round; milliseconds are the median "
    "over rounds, with the fastest and the quartiles. `ratio` is Pillow's median by ours, `ratio_best` the same of the "
    "fastest. Results are checked equal to Pillow's before timing."
)

CASES = [
    Case("RGB 512² to 128² bilinear", (512, 512, 3), "uint8", "HWC", "RGB", (128, 128), "bilinear"),
    Case("RGB 512² to 224² bilinear", (512, 512, 3), "uint8", "HWC", "RGB", (224, 224), "bilinear"),
    Case("RGB 1080x1920 to 224² bicubic", (1080, 1920, 3), "uint8", "HWC", "RGB", (224, 224), "bicubic"),
    Case("RGB 2160x3840 to 512² lanczos", (2160, 3840, 3), "uint8", "HWC", "RGB", (512, 512), "lanczos"),
    Case("RGB 224² to 512² bicubic", (224, 224, 3), "uint8", "HWC", "RGB", (512, 512), "bicubic"),
    Case("L 512² to 224² bilinear", (512, 512), "uint8", "HW", "L", (224, 224), "bilinear"),
    Case("RGBA 512² to 224² bilinear", (512, 512, 4), "uint8", "HWC", "RGBA", (224, 224), "bilinear"),
    Case("F 512² to 224² bilinear", (512, 512), "float32", "HW", "F", (224, 224), "bilinear"),
    Case("I;16 512² to 224² bilinear", (512, 512), "uint16", "HW", "I;16", (224, 224), "bilinear"),
    Case("RGB 8x512² NCHW to 224² bilinear", (8, 3, 512, 512), "uint8", "NCHW", "RGB", (224, 224), "bilinear"),
    Case("RGB 2160x3840 to 256² bicubic, gap 2", (2160, 3840, 3), "uint8", "HWC", "RGB", (256, 256), "bicubic", 2.0),
]

# One pass over one axis: what the height of a band, or none, costs. Axis 1 of HWC is transposed in blocks, axis 0 not.
FORMS = [
    ((512, 512, 3), 1, 2048, "box"),
    ((512, 512, 3), 1, 1024, "bilinear"),
    ((224, 224, 3), 1, 512, "bicubic"),
    ((224, 512, 3), 0, 512, "bicubic"),
    ((512, 512, 3), 1, 256, "box"),
    ((512, 512, 3), 1, 224, "bilinear"),
    ((512, 224, 3), 0, 224, "bilinear"),
    ((512, 512, 3), 1, 128, "bilinear"),
    ((1080, 1920, 3), 1, 224, "bicubic"),
    ((1080, 224, 3), 0, 224, "bicubic"),
    ((2160, 3840, 3), 1, 512, "lanczos"),
]
HEIGHTS = {"by taps": 0, "bands of 4": 4, "bands of 8": 8, "bands of 16": 16, "bands of 32": 32}


def measure_case(case: Case, repeat: int) -> dict[str, Any]:
    """Pillow and ours on one case, and the memory that ours takes beyond input and result."""
    pair = checked(case)
    times = in_turn({"pillow": pair.pillow, "ours": pair.ours}, repeat)
    tracemalloc.start()
    result = pair.ours()
    extra = tracemalloc.get_traced_memory()[1] - result.nbytes
    tracemalloc.stop()
    return {
        **times,
        "ratio": round(times["pillow"]["median_ms"] / times["ours"]["median_ms"], 3),
        "ratio_best": round(times["pillow"]["best_ms"] / times["ours"]["best_ms"], 3),
        "extra_peak_mib": round(extra / 2**20, 2),
    }


def measure_form(shape: tuple[int, ...], axis: int, n_out: int, resample: str, repeat: int) -> dict[str, Any]:
    """Every form of one 8-bit pass; all results are checked equal."""
    x = noise(shape, "uint8")
    step = Pass("HW"[axis], _quantized(shape[axis], n_out, resample), "u8")  # type: ignore[arg-type]  # one letter of two
    frame = Frame(array_api_compat.numpy, "cpu", "HWC", 3)
    forms = {name: partial(backend.convolve_in_bands, frame, x, step, height) for name, height in HEIGHTS.items()}
    expected = _convolve.convolve(frame, x, step)
    for name, form in forms.items():
        if not (form() == expected).all():
            msg = f"{name} differs from generic"
            raise AssertionError(msg)
    times = in_turn(forms, repeat)
    return {"taps": step.taps.n_taps, "chosen": f"bands of {backend.band_height(step.taps)}", **times}


def _quantized(n_in: int, n_out: int, resample: str) -> Taps:
    return quantize(taps(n_in, n_out, 0.0, float(n_in), Resampling[resample.upper()]))


def measure_plan(n_out: int, resample: str, repeat: int) -> dict[str, Any]:
    """Cold tables of a 4000-wide axis: weights, fixed-point weights, and bands; all caches cleared each time."""
    seconds: dict[str, list[float]] = {"taps": [], "quantize": [], "taps and quantize": [], "bands": []}
    for _ in range(repeat):
        for cache in (plan, taps, quantize, _blocks.bands):
            cache.cache_clear()
        start = time.perf_counter()
        table = taps(4000, n_out, 0.0, 4000.0, Resampling[resample.upper()])
        made = time.perf_counter()
        table = quantize(table)
        fixed = time.perf_counter()
        _blocks.bands(table, backend.band_height(table))
        end = time.perf_counter()
        for name, span in zip(seconds, (made - start, fixed - made, fixed - start, end - fixed), strict=True):
            seconds[name].append(span)
    return {name: summary(times) for name, times in seconds.items()}


def main(arguments: list[str]) -> None:
    """Measure, print a table, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--repeat", type=int, default=31, help="rounds a case; large images get a third (default: 31)")
    options = parser.parse_args(arguments)
    with threadpoolctl.threadpool_limits(1, "blas"):
        results = {**environment(), "method": METHOD, "repeat": options.repeat, "cases": {}, "forms": {}, "plan": {}}
        print("BLAS on one thread;", METHOD, end="\n\n")
        print(f"{'case':40}{'Pillow ms':>11}{'ours ms':>10}{'ratio':>8}{'of best':>9}{'extra MiB':>11}")
        for case in CASES:
            figures = results["cases"][case.name] = measure_case(case, rounds(case.shape, options.repeat))
            print(
                f"{case.name:40}{figures['pillow']['median_ms']:11.2f}{figures['ours']['median_ms']:10.2f}"
                f"{figures['ratio']:8.2f}{figures['ratio_best']:9.2f}{figures['extra_peak_mib']:11.1f}",
                flush=True,
            )
        print(f"\n{'8-bit pass, median ms':44}" + "".join(f"{name:>13}" for name in HEIGHTS) + "   chosen")
        for shape, axis, n_out, resample in FORMS:
            name = f"{'x'.join(map(str, shape))}, axis {axis} to {n_out} {resample}"
            figures = results["forms"][name] = measure_form(shape, axis, n_out, resample, rounds(shape, options.repeat))
            medians = "".join(f"{figures[form]['median_ms']:13.2f}" for form in HEIGHTS)
            print(f"{name:44}{medians}   {figures['chosen']}", flush=True)
        print(f"\n{'cold tables, median ms':36}{'taps':>10}{'quantize':>10}{'both':>10}{'bands':>10}")
        for n_out, resample in (
            (224, "bilinear"),
            (224, "bicubic"),
            (1000, "bicubic"),
            (1000, "lanczos"),
            (512, "lanczos"),
        ):
            name = f"4000 to {n_out} {resample}"
            figures = results["plan"][name] = measure_plan(n_out, resample, options.repeat)
            print(f"{name:36}" + "".join(f"{part['median_ms']:10.3f}" for part in figures.values()), flush=True)
    if options.out:
        write(results, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
