"""Random requests whose kernels run between guards, at every level of instruction sets, and back again for gradients.

    python -m tests.kernels.campaign COUNT [SEED [LEVEL]]

prints each request before it runs; a read or write beyond an array or a buffer kills the process. A result has to be
what the numpy steps give, bit for bit; neither the source nor the gaps of the result may change.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from portresize._backends._items import Form
from portresize._core.filters import Resampling
from portresize._core.modes import MODES
from portresize._core.spec import Spec
from portresize._kernels.llvm import engine
from tests.kernels.guarded import Side
from tests.kernels.requests import Request, check, strides_of

# Those that numpy has by itself; a float128 has bytes that mean nothing.
_DTYPES = {
    mode: names
    for mode, row in MODES.items()
    if (names := [name for name in row.dtypes if name in np.sctypeDict and name not in {"float128", "complex256"}])
}
_SIDES: tuple[Side, ...] = ("above", "above", "below")


def request(rng: np.random.Generator) -> Request | None:
    """Return a random request, or None if what was drawn is none."""
    mode = str(rng.choice(list(_DTYPES)))
    dtype = np.dtype(str(rng.choice(_DTYPES[mode])))
    dtype = dtype.newbyteorder() if rng.random() < 0.1 else dtype
    bands = MODES[mode].bands or int(rng.choice([1, 1, 1, 2, 3, 4, 5, 6, 7, 8]))
    letters = ["H", "W", *("C" * (bands > 1)), *("N" * int(rng.random() < 0.4)), *("T" * int(rng.random() < 0.1))]
    layout = "".join(rng.permutation(letters))
    long = (150, 300, 700)
    height, width = (int(rng.choice(long) if rng.random() < rare else rng.integers(1, 81)) for rare in (0.2, 0.02))
    spec = Spec(
        layout,
        mode,
        str(rng.choice(["pillow-13", "pillow-13", "pillow-12.3", "pillow-11"])),
        **_words(rng, height, width),
    )
    back = (height, width) if mode == "F" and rng.random() < 0.5 else ()
    lengths = {"C": bands, "N": int(rng.integers(1, 4)), "T": 2}
    try:
        if back:
            height, width = spec.result(back)
        shape = tuple({"H": height, "W": width, **lengths}[letter] for letter in layout)
        strides = strides_of(rng, shape, dtype.itemsize, may_repeat=True)
        parts = (int(rng.integers(1, 5)), int(rng.integers(1, 3)))
        form = Form(layout, mode, dtype, shape)
        return Request.of(spec, form, strides, back, parts=parts, is_special=bool(rng.random() < 0.2))
    except (ValueError, TypeError):
        return None


def _words(rng: np.random.Generator, height: int, width: int) -> dict[str, Any]:
    """What is asked, image and mode apart."""
    box: tuple[float, ...] = ()
    if rng.random() < 0.4:
        edges = [np.sort(rng.uniform(0, n, 2)) for n in (width, height)]
        corners = [edges[0][0], edges[1][0], edges[0][1], edges[1][1]]
        box = tuple(float(round(edge)) if rng.random() < 0.5 else float(edge) for edge in corners)
    if rng.random() < 0.15:
        return {
            "factor": (int(rng.integers(1, 9)), int(rng.integers(1, 9))),
            "box": box and tuple(map(float, map(round, box))),
        }
    sizes = [int(rng.choice([n, 1, 128, 256]) if rng.random() < 0.2 else rng.integers(1, 81)) for n in (height, width)]
    gap = float(rng.choice([1.0, 1.5, 3.0])) if rng.random() < 0.2 else 0.0
    return {"size": tuple(sizes), "resample": int(rng.choice(sorted(Resampling))), "box": box, "reducing_gap": gap}


def main(count: str, seed: str = "0", level: str = "") -> None:
    """Run so many requests that have kernels."""
    levels = [isa for isa in engine.levels() if level in {"", isa.name}]
    if int(count) < 1 or not levels:
        sys.exit(f"COUNT has to be >= 1 and LEVEL one of {', '.join(isa.name for isa in engine.levels())}")
    done = turn = 0
    while done < int(count):
        rng = np.random.default_rng([int(seed), turn])
        isa, side = levels[turn % len(levels)], _SIDES[turn // len(levels) % 3]
        made = request(rng)
        if made is not None:
            print(f"seed {seed}, turn {turn}, {isa.name}, {side}: {made}", flush=True)
            done += check(made, rng, isa, side)
        turn += 1
    names = ", ".join(isa.name for isa in levels)
    print(f"{done} requests of seed {seed} on {names}: nothing beyond an array was touched")


if __name__ == "__main__":
    main(*sys.argv[1:])
