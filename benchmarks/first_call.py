"""How long the first call takes in a fresh process: imports made late, tables, and the generation of code."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import fresh_python
from benchmarks.table import Table
from benchmarks.timing import summary

# Nothing but this is loaded before the call. The comparison comes after it, for it loads Pillow.
CHILD = """
import sys, time
import numpy, portresize
x = (numpy.arange(64 * 64 * 3) * 7919 % 251).reshape(64, 64, 3).astype(sys.argv[1])
start = time.perf_counter()
y = portresize.resize(x, (32, 32))
seconds = time.perf_counter() - start
from PIL import Image
bands = [Image.fromarray(numpy.ascontiguousarray(x[..., i])).resize((32, 32), 3) for i in range(3)]
assert (y == numpy.stack([numpy.asarray(band) for band in bands], -1)).all(), "the result differs from Pillow's"
print(seconds)
"""
DTYPES = ("uint8", "float32")


def measure(n_rounds: int) -> dict[str, Any]:
    """Milliseconds of the first `portresize.resize`, 64² RGB to 32², in processes of their own."""
    table = Table("first call in a process, ms", "median", "best")
    for dtype in DTYPES:
        _child(dtype)  # Files are read into the system's cache, and bytecode is written.
    seconds: dict[str, list[float]] = {dtype: [] for dtype in DTYPES}
    for _ in range(max(5, n_rounds // 3)):
        for dtype in DTYPES:
            seconds[dtype].append(_child(dtype))
    found = {}
    for dtype, times in seconds.items():
        figures = found[f"64² to 32² bicubic, {dtype}, 3 bands"] = {"processes": len(times), **summary(times)}
        table.row(f"64² to 32² bicubic, {dtype}", {"median": figures["median_ms"], "best": figures["best_ms"]})
    return found


def _child(dtype: str) -> float:
    # With bytecode kept, as pip leaves it when it installs.
    return float(fresh_python("-c", CHILD, dtype, PYTHONDONTWRITEBYTECODE=""))
