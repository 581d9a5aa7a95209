"""How much memory a call takes beyond its input and its result, in fresh processes, on one thread.

Run as a program it is such a process: `python benchmarks/memory.py RGB 1080 resident`.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import tracemalloc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import portresize
from benchmarks.machine import fresh_python
from benchmarks.table import Table
from benchmarks.timing import noise

if TYPE_CHECKING:
    from collections.abc import Callable

METHOD = (
    "MiB beyond input and result, medians over processes. `resident`: growth of the peak resident set (VmHWM, which is "
    "set back before the call; ru_maxrss would begin at what the parent process had) less the bytes of the result; "
    "blocks of 64 KiB or more are mapped and unmapped one by one, without huge pages, so that none hides in what was "
    "freed before. It sees native scratch, and is good to about a quarter of a MiB. `traced`: tracemalloc's peak less "
    "the bytes of the result, which sees Python and numpy only, and pages that were never touched. `first` is the "
    "first call for that shape, tables of weights included, which grow with the scale as Pillow's do; `again` the "
    "second, which finds the scratch that the first one kept, and `scratch` is how much that is. "
    "A smaller image of the same kind and scales was resized before, so that generating code does not count."
)
KINDS = {"RGB": ("uint8", (3,)), "F": ("float32", ())}
WIDTH, SIDE, HEIGHTS = 1920, 224, (1080, 2160, 4320, 8640)
RESET, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
VARIABLES = {"MALLOC_MMAP_THRESHOLD_": "65536", "NUMPY_MADVISE_HUGEPAGE": "0", "PORTRESIZE_NUM_THREADS": "1"}
VARIABLES |= {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}


def measure(n_rounds: int) -> dict[str, Any]:
    """Extra memory for images of equal width and growing height, to one size."""
    if not RESET.exists():
        return {"left_out": "needs Linux's /proc"}
    found: dict[str, Any] = {"method": METHOD, "processes": max(3, n_rounds // 12)}
    columns = [*(f"{way} {when}" for way in PEAKS for when in ("first", "again")), "scratch"]
    table = Table("extra memory, MiB", *columns)
    for kind in KINDS:
        for height in HEIGHTS:
            name = f"{kind} {height}x{WIDTH} to {SIDE}² bicubic"
            runs: list[dict[str, float]] = []
            for _ in range(found["processes"]):
                # One process for both ways would let one see what the other took.
                answers = [fresh_python(__file__, kind, str(height), way, **VARIABLES) for way in PEAKS]
                runs.append({key: value for text in answers for key, value in json.loads(text).items()})
            found[name] = {column: round(statistics.median(run[column] for run in runs), 3) for column in columns}
            table.row(name, found[name])
    return found


def resident(act: Callable[[], Any]) -> tuple[int, Any]:
    """Bytes by which the peak resident set grows in a call, and its result."""
    gc.collect()
    RESET.write_text("5", encoding="ascii")  # proc(5): sets the peak to what there is now.
    before = _peak()
    result = act()
    return _peak() - before, result


def _peak() -> int:
    line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def traced(act: Callable[[], Any]) -> tuple[int, Any]:
    """Peak of the bytes that Python and numpy allocate in a call, and its result."""
    gc.collect()
    tracemalloc.start()
    result = act()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, result


def _scratch() -> int:
    """Bytes that this thread keeps for its next call."""
    if not sys.modules.get("llvmlite"):
        return 0
    from portresize._backends import _call

    ready = _call._KEPT.ready  # noqa: SLF001  nobody else asks
    return sum(block.memory.nbytes for block in ready.blocks) if ready else 0


PEAKS = {"resident": resident, "traced": traced}


def main(kind: str, height: int, way: str) -> None:
    """Measure one image in this process."""
    dtype, bands = KINDS[kind]
    resize = partial(portresize.resize, size=(SIDE, SIDE), resample="bicubic")
    # A quarter of everything: the same scales, and so the same code.
    small = noise((height // 4, WIDTH // 4, *bands), dtype)
    with portresize.threads(1):
        portresize.resize(small, (SIDE // 4, SIDE // 4), "bicubic")
        PEAKS[way](partial(noise, (8, 8), dtype))  # What measuring itself takes at first.
        x = noise((height, WIDTH, *bands), dtype)
        found, results = {}, []
        for when in ("first", "again"):
            peak, result = PEAKS[way](partial(resize, x))
            found[f"{way} {when}"] = (peak - result.nbytes) / 2**20
            results.append(result)
        found["scratch"] = _scratch() / 2**20
    # Last, for it loads Pillow.
    from PIL import Image

    image = Image.fromarray(x)
    expected = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    assert all((result == expected).all() for result in results), "results differ from Pillow's"
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
