"""Is anything slower than Pillow? Every mode, filter, verb and size on one thread, and the slowest cells in the end.

    PORTRESIZE_NUM_THREADS=1 python benchmarks/grid.py --out benchmarks/results/grid.json

`--only "RGB 1080"` measures only cells whose names hold the text.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import threadpoolctl
from PIL import Image, ImageOps

import portresize
from benchmarks.cases import must_agree
from benchmarks.machine import environment
from benchmarks.table import Table
from benchmarks.timing import noise, quotient, summary, timed, write
from portresize import Resampling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Act = Callable[[Any], Any]
    Ours = Callable[..., Any]

Array = Any
METHOD = (
    "One thread. Contestants run in turn in one process, in an order that changes from round to round; within a round "
    "calls are repeated until they take about a millisecond. A ratio is the median of the quotients of each round, "
    "their time by ours: above 1, ours is faster. `image`: Pillow's own call on an image that is ready and stays one, "
    "without any conversion. `array`: Pillow from an array to an array, through Image.fromarray and numpy.asarray, as "
    "ours goes. `opencv`: cv2.resize with INTER_AREA, which is not exact. Thumbnails of Pillow change the image in "
    "place, so Pillow's call there is the `resize` that they consist of. Results are checked equal to Pillow's before "
    "timing. Cells whose ratio is below 1.15 are measured again with more rounds, and the second figure counts."
)
# Seconds of a round of a contestant, at least; rounds of small images, of large ones, and of a second measurement.
ROUND, ROUNDS, FEW, AGAIN = 0.001, 7, 3, 21
LARGE = 1_000_000
SIZES = [(8, 8), (32, 32), (100, 100), (224, 224), (512, 512), (1080, 1920), (3000, 4000)]
SLOWEST = 40
# Kinds of sizes, and the height in samples from which an image is of the next one.
KINDS = {"tiny": 64, "small": 1000, "large": 10**9}
COLUMNS = {"image": "Pillow", "array": "Pillow, array to array", "opencv": "OpenCV"}


class Mode(NamedTuple):
    """A mode of Pillow, and the arrays that hold it."""

    name: str
    dtype: str
    bands: int = 1

    @property
    def has_filters(self) -> bool:
        """Return whether it can be averaged at all."""
        return self.name not in {"1", "P"}


MODES = [
    Mode("L", "uint8"),
    Mode("LA", "uint8", 2),
    Mode("RGB", "uint8", 3),
    Mode("RGBA", "uint8", 4),
    Mode("CMYK", "uint8", 4),
    Mode("LAB", "uint8", 3),
    Mode("P", "uint8"),
    Mode("1", "bool"),
    Mode("I;16", "uint16"),
    Mode("I", "int32"),
    Mode("F", "float32"),
]


class Cell(NamedTuple):
    """A request.

    Attributes:
        name: What is asked.
        ours: On an array, with `mode`.
        theirs: On an image of Pillow's.
        opencv: On an array, where OpenCV has something like it.
    """

    name: str
    ours: Ours
    theirs: Act
    opencv: Act | None = None


def cells(mode: Mode, height: int, width: int) -> Iterator[Cell]:
    """All that is asked of images of a mode and a size."""
    filters = [name.lower() for name in Resampling.__members__] if mode.has_filters else ["nearest"]
    for scale in (0.4375, 0.9, 1.5):
        if height > 2000 and scale > 1:
            continue  # Seconds of Pillow's a call.
        for resample in filters:
            yield _resized(f"resize by {scale}", (round(height * scale), round(width * scale)), resample)
    for factor in (2, 3, 4, 8):
        size = (height // factor, width // factor)
        box = (0, 0, size[1] * factor, size[0] * factor)
        for resample in ("nearest", "box", "lanczos") if mode.has_filters else filters:
            cell = _resized(f"resize by 1/{factor}", size, resample, box=box)
            yield cell._replace(opencv=_area(mode, factor) if resample == "box" else None)
    for factor in (2, 3) if height <= 2000 else ():
        yield _resized(f"resize by {factor}", (factor * height, factor * width), "nearest")
    yield _resized("no-op", (height, width), "bicubic")
    edge = height // 4
    inner = (edge, edge, width - edge, height - edge)
    yield _resized("crop", (height - 2 * edge, width - 2 * edge), "bicubic", box=inner)
    yield _resized("box", (height // 3, width // 3), "bilinear", box=(1.5, 0.5, width - 1.5, height - 2.5))
    side = (height // 3, height // 3)
    if mode.has_filters and mode.name != "I;16":
        yield from _averages(mode, height, width)
        small = (height // 6 or 1, width // 6 or 1)
        yield _resized("gap 2", small, "bicubic", reducing_gap=2.0)
        size = portresize.thumbnail(np.zeros((height, width), np.uint8), side).shape
        yield Cell(
            "thumbnail",
            lambda x, mode: portresize.thumbnail(x, side, mode=mode),
            lambda image: image.resize(size[::-1], Image.Resampling.BICUBIC, reducing_gap=2.0),
        )
    for name in ("fit", "pad", "contain", "cover"):
        yield _fitted(name, side)
    yield Cell("scale", lambda x, mode: portresize.scale(x, 0.5, mode=mode), lambda image: ImageOps.scale(image, 0.5))


def _averages(mode: Mode, height: int, width: int) -> Iterator[Cell]:
    for factor in (2, 3, 4, 5, 8, 16):
        area = _area(mode, factor) if not height % factor and not width % factor else None
        yield Cell(
            f"reduce {factor}",
            lambda x, mode, factor=factor: portresize.reduce(x, factor, mode=mode),
            methodcaller("reduce", factor),
            area,
        )
    yield Cell(
        "reduce 3x2",
        lambda x, mode: portresize.reduce(x, (3, 2), mode=mode),
        lambda image: image.reduce((2, 3)),
    )


def _fitted(name: str, side: tuple[int, int]) -> Cell:
    ours, theirs = getattr(portresize, name), getattr(ImageOps, name)
    return Cell(name, lambda x, mode: ours(x, side, mode=mode), lambda image: theirs(image, side))


def _resized(name: str, size: tuple[int, int], resample: str, **words: Any) -> Cell:  # noqa: ANN401  as `resize` has them
    number = Resampling[resample.upper()]
    return Cell(
        f"{name} {resample}",
        lambda x, mode: portresize.resize(x, size, number, mode=mode, **words),
        lambda image: image.resize(size[::-1], int(number), **words),
    )


def _area(mode: Mode, factor: int) -> Act | None:
    """OpenCV's averages of blocks, for bands that are alike."""
    if mode.name not in {"L", "RGB", "CMYK"}:
        return None
    import cv2

    cv2.setNumThreads(1)

    def act(x: Array) -> Array:
        size = (x.shape[1] // factor, x.shape[0] // factor)
        whole = x[: size[1] * factor, : size[0] * factor]
        return cv2.resize(whole, size, interpolation=cv2.INTER_AREA)

    return act


def _image(mode: Mode, x: Array) -> Image.Image:
    if mode.dtype == "bool":
        return Image.fromarray(x)
    return Image.frombuffer(mode.name, x.shape[1::-1], x, "raw", mode.name, 0, 1).copy()


def _samples(mode: Mode, height: int, width: int) -> Array:
    shape = (height, width, mode.bands) if mode.bands > 1 else (height, width)
    return noise(shape, "uint8") > 127 if mode.dtype == "bool" else noise(shape, mode.dtype)


def _calls(act: Callable[[], object]) -> int:
    """How many calls fill a round."""
    act()
    start = time.perf_counter()
    act()
    return max(1, round(ROUND / (time.perf_counter() - start)))


def measure(mode: Mode, cell: Cell, x: Array, image: Image.Image) -> dict[str, Any]:
    """Ratios of a cell, and our own time.

    Raises:
        AssertionError: The results differ.
    """
    ours = partial(cell.ours, x, mode.name)
    must_agree(f"{mode.name} {cell.name}", np.asarray(cell.theirs(image)), ours())
    contestants: dict[str, Callable[[], object]] = {
        "ours": ours,
        "image": partial(cell.theirs, image),
        "array": lambda: np.asarray(cell.theirs(_image(mode, x))),
    }
    if cell.opencv:
        contestants["opencv"] = partial(cell.opencv, x)
    calls = _calls(ours)
    found: dict[str, Any] = {}
    for n_rounds in (FEW if calls == 1 else ROUNDS, AGAIN):
        seconds = timed(contestants, n_rounds, calls=calls)
        found = {who: quotient(times, seconds["ours"]) for who, times in seconds.items() if who != "ours"}
        if min(found.values()) > 1.15:
            break
    return {"ours_us": summary(seconds["ours"], "us")["median_us"], "calls": calls, **found}


def main(arguments: list[str]) -> None:
    """Measure, print the slowest cells, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--only", default="", metavar="TEXT", help="cells whose names hold this, such as 'RGB 1080'")
    options = parser.parse_args(arguments)
    found: dict[str, dict[str, Any]] = {}
    with threadpoolctl.threadpool_limits(1, "blas"), portresize.threads(1):
        for mode in MODES:
            for height, width in SIZES:
                x = _samples(mode, height, width)
                image = _image(mode, x)
                for cell in cells(mode, height, width):
                    name = f"{mode.name} {height}x{width} {cell.name}"
                    if options.only in name:
                        found[name] = measure(mode, cell, x, image)
            print(f"{mode.name}: done", file=sys.stderr, flush=True)
    counts = {rival: _counts(found, rival) for rival in COLUMNS}
    _show(found, counts)
    if options.out:
        write({**environment(), "method": METHOD, "counts": counts, "cells": found}, options.out)


def _size_of(name: str) -> str:
    """The kind of size of a cell, by the shorter side of its image."""
    height = int(name.split()[1].partition("x")[0])
    return next(kind for kind, end in KINDS.items() if height < end)


def _counts(found: dict[str, dict[str, Any]], rival: str) -> dict[str, Any]:
    """In how many cells ours is slower than `rival`: in all, by kind of size, and the slowest of each kind."""
    counts: dict[str, Any] = {}
    for kind in ("all", *KINDS):
        own = {n: f[rival] for n, f in found.items() if rival in f and kind in {"all", _size_of(n)}}
        if own:
            slowest = sorted(own, key=own.__getitem__)[:SLOWEST]
            slower = sum(ratio < 1 for ratio in own.values())
            median = round(statistics.median(own.values()), 3)
            counts[kind] = {"cells": len(own), "slower": slower, "median": median, "slowest": slowest}
    return counts


def _show(found: dict[str, dict[str, Any]], counts: dict[str, Any]) -> None:
    """Print the slowest cells beside each rival, and then in how many of them ours is slower."""
    for rival, title in COLUMNS.items():
        for kind, figures in counts[rival].items():
            if kind != "all":
                table = Table(f"{title}, {kind} images", "ours_us", *COLUMNS)
                for name in figures["slowest"]:
                    table.row(name, found[name])
    table = Table("Slower, and the median of their time over ours", "cells", "slower", "median", "least")
    for rival, title in COLUMNS.items():
        for kind, figures in counts[rival].items():
            table.row(f"{title}, {kind}", {**figures, "least": found[figures["slowest"][0]][rival]})


if __name__ == "__main__":
    main(sys.argv[1:])
