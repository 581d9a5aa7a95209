"""Times pillow-simd, in the environment that has it in Pillow's place; benchmarks/neighbours.py starts this.

    python benchmarks/pillow_simd.py CASES ROUNDS FOLDER

CASES is JSON: for each, the shape of an RGB image, the size of the result (height, width), and Pillow's number for the
filter. Prints JSON: version, and the times of each; its results are left in FOLDER as 0.npy, 1.npy and so on.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from benchmarks.timing import in_turn, noise, rounds


def main(cases: str, n_rounds: int, folder: Path) -> None:
    """Time every case."""
    found = []
    for i, (shape, (height, width), resample) in enumerate(json.loads(cases)):
        image = Image.fromarray(noise(tuple(shape), "uint8"))
        act = partial(image.resize, (width, height), resample)
        np.save(folder / f"{i}.npy", np.asarray(act()))
        found.append(in_turn({"pillow-simd": act}, rounds(tuple(shape), n_rounds))["pillow-simd"])
    print(json.dumps({"version": PIL.__version__, "numpy": np.__version__, "times": found}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
