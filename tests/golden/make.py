"""Write what the installed Pillow answers to the requests below, for dialects whose Pillow the tests do not install.

Run by `nox -s golden`, once per old Pillow, with nothing but numpy and that Pillow installed, on Python 3.8 for those
that have no wheels for a newer one. Every file is named and checksummed in manifest.json.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests import answers

HERE = Path(__file__).parent
MANIFEST = HERE / "manifest.json"

FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
NUMBERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}

if TYPE_CHECKING:
    # Verb, mode, source (height, width), and the arguments in portresize's words.
    Request = tuple[str, str, tuple[int, int], dict[str, Any]]


def requests() -> dict[str, Request]:
    """Requests that touch every rule in the table of dialects, by name."""
    found: dict[str, Request] = {}

    def add(verb: str, mode: str, source: tuple[int, int], **words: Any) -> None:
        text = ",".join(f"{key}={value}".replace(" ", "") for key, value in words.items())
        found[f"{verb}-{mode}-{source[0]}x{source[1]}-{text}"] = (verb, mode, source, words)

    for resample in FILTERS:
        for mode in ("L", "RGBA", "I;16", "I", "F"):
            # Height loses more than twice what width loses: vertical first from 13 on, horizontal first before.
            add("resize", mode, (23, 12), size=(7, 11), resample=resample)
            add("resize", mode, (9, 14), size=(13, 5), resample=resample, box=(1.25, 0.5, 12.75, 8.0))
            # A crop, which any filter answers in every mode.
            add("resize", mode, (9, 8), size=(5, 4), resample=resample, box=(3, 1, 7, 6))
        # Over a hundred times as tall as wide: two calls in 12.2 and 12.3.
        add("resize", "L", (230, 2), size=(31, 5), resample=resample)
        add("resize", "RGB", (210, 2), size=(17, 1), resample=resample, box=(0.5, 3.25, 1.75, 200.5))
        # The gap reaches alpha from 13 on.
        add("resize", "RGBA", (40, 36), size=(5, 6), resample=resample, reducing_gap=1.5)
        add("resize", "RGB", (40, 36), size=(5, 6), resample=resample, reducing_gap=1.5)
    for mode in ("I;16", "L", "LA", "1", "P", "F"):
        add("resize", mode, (11, 7), size=(5, 9))
        add("resize", mode, (11, 7), size=(4, 3), box=(2, 1, 5, 5))
    for mode in ("L", "RGBA", "I", "F"):
        add("reduce", mode, (11, 13), factor=(3, 2))
        add("reduce", mode, (11, 13), factor=(1, 1), box=(2, 1, 9, 8))
        add("thumbnail", mode, (40, 61), size=(9, 9))
    # The side that follows from the aspect is rounded one way in 7.0 and another since, and below 1 is an error in 7.1.
    for source, size in (((60, 60), (7, 9)), ((61, 97), (20, 33)), ((97, 61), (20, 33)), ((2, 99), (30, 30))):
        add("thumbnail", "L", source, size=size, resample="box")
    for size in ((5, 7), (5, 5), (31, 8), (3, 50)):
        for verb in ("contain", "cover", "fit", "pad"):
            add(verb, "L", (21, 31), size=size)
    # A side rounds to 0, which is an empty image from 13 on and an error before.
    add("contain", "L", (1, 20), size=(5, 5))
    add("pad", "L", (1, 20), size=(5, 5))
    for factor in (0.5, 1.5, 0.33):
        add("scale", "L", (5, 7), factor=factor)
    return found


def pixels(name: str, mode: str, source: tuple[int, int]) -> np.ndarray:
    """Noise that depends on the request's name alone, by integer arithmetic that no library version can change."""
    bands = answers.BANDS.get(mode)
    shape = (*source, bands) if bands else source
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    state = (np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(seed)) % 2**32
    for _ in range(3):
        state = (state ^ (state >> np.uint64(15))) * np.uint64(2246822519) % np.uint64(2**32)
    state = state ^ (state >> np.uint64(13))
    if mode == "1":
        return (state % 2 == 1).reshape(shape)
    if mode == "F":
        return (state.astype(np.float64) / 2**20 - 2000).astype(np.float32).reshape(shape)
    dtype = {"I;16": np.uint16, "I": np.uint32}.get(mode, np.uint8)
    values = (state >> np.uint64(32 - 8 * np.dtype(dtype).itemsize)).astype(dtype)
    return values.view(np.int32 if mode == "I" else dtype).reshape(shape)


def answer(request: Request, image: np.ndarray) -> np.ndarray | None:
    """What this Pillow answers; None for an error."""
    verb, mode, _, words = request
    if "resample" in words:
        words = dict(words, resample=NUMBERS[words["resample"]])
    found = answers.answer(answers.Request(verb, mode, image, words))
    return None if isinstance(found, str) else found


def main() -> None:
    """Write this Pillow's file and its line in the manifest."""
    import PIL

    found = {}
    for name, request in requests().items():
        result = answer(request, pixels(name, request[1], request[2]))
        found[name] = np.array("error") if result is None else result
    file = HERE / f"pillow-{PIL.__version__}.npz"
    np.savez_compressed(file, **found)  # type: ignore[arg-type]  # the stub takes names for options
    manifest = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}
    manifest[file.name] = {
        "pillow": PIL.__version__,
        "requests": len(found),
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "numpy": np.__version__,
        "python": sys.version.split()[0],
    }
    MANIFEST.write_text(json.dumps(dict(sorted(manifest.items())), indent=2) + "\n")


if __name__ == "__main__":
    main()
