"""Widths from 1 to 70 at every kind of samples, between guards, and back again for gradients.

    python -m tests.kernels.sweep avx2 above 1

prints each request before it runs; a read or write beyond an array or a buffer kills the process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from portresize._backends._items import Form
from portresize._core.spec import Spec
from portresize._kernels.llvm.isa import LEVELS
from tests.kernels.guarded import Side
from tests.kernels.programs import KINDS, Kind
from tests.kernels.requests import Request, check

Size = tuple[int, int]
_SIDES: dict[str, Side] = {"above": "above", "below": "below"}


def specs(kind: Kind, step: int) -> Iterator[tuple[Size, Spec]]:
    """Yield every `step`th width and some heights; one pass and two in either order, up and down, and all else."""
    for width in range(1, 71, step):
        height = (1, 3, 17, 40)[width % 4]
        size, tall = (height, width), (150, width)
        yield size, kind.spec((7, 9), "lanczos")
        yield size, kind.spec((height, max(1, width * 2 // 3)))
        yield size, kind.spec((height + 5, width))
        yield tall, kind.spec((11, 9), "box")
        yield tall, kind.spec((75, max(1, width // 2)), "box")
        yield size, kind.spec((height * 2 + 1, width * 2 + 1), "nearest")
        yield size, kind.spec((2, max(1, width * 2 // 5)), "nearest")
        if kind.samples != "u16":
            layout = "HWC" if kind.bands > 1 else "HW"
            yield size, Spec(layout, kind.mode, "pillow-13", factor=(2, 3))
            yield size, Spec(layout, kind.mode, "pillow-13", factor=(3, 2))
            yield tall, Spec(layout, kind.mode, "pillow-13", factor=(2, 2))
            yield tall, kind.spec((10, max(1, width // 8)), reducing_gap=1.0)
        if height > 4 and width > 4:
            for box in ((0.0, 0.0, 2.5, 2.5), (width - 2.5, height - 2.5, float(width), float(height))):
                yield size, kind.spec((5, 6), box=box)


def requests(kind: Kind, step: int) -> Iterator[Request]:
    """Yield each image without gaps, with gaps after which the last pixel is one that is read, and upside down."""
    for size, spec in specs(kind, step):
        backs: list[tuple[int, ...]] = [(), *([size] if kind.mode == "F" else [])]
        for back in backs:
            height, width = spec.result(size) if back else size
            shape = kind.shape(height, width)
            row, pixel = width * kind.bands * np.dtype(kind.dtype).itemsize, kind.bands * np.dtype(kind.dtype).itemsize
            form = Form(spec.layout, kind.mode, np.dtype(kind.dtype), shape)
            band = shape[2:] and (np.dtype(kind.dtype).itemsize,)
            for rows, pixels in ((row, pixel), (4 * row, 2 * pixel), (-4 * row, -2 * pixel)):
                strides: Any = (rows, pixels, *band)
                yield Request.of(spec, form, strides, back, parts=(1 + width % 2, 1))


def main(level: str, side: str, step: str) -> None:
    """Run all requests of all kinds at one level, or every third width or so."""
    rng = np.random.default_rng(0)
    for kind in KINDS:
        for request in requests(kind, int(step)):
            print(request, flush=True)
            check(request, rng, LEVELS[level], _SIDES[side])


if __name__ == "__main__":
    main(*sys.argv[1:])
