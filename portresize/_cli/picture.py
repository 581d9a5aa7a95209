"""The picture that `portresize compare` resizes: a file, or a photograph that is already on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from portresize._cli import libraries
from portresize._core.modes import MODES, default_mode

# What Pillow has a mode for; our wider and narrower floats have no reference.
_DTYPES = ("uint8", "uint16", "int32", "float32")


class Picture(NamedTuple):
    """An array (height, width) or (height, width, bands), how Pillow reads it, and where it came from."""

    name: str
    array: np.ndarray
    mode: str


def read(path: Path | None) -> Picture:
    """The picture at `path`, or the default one.

    Raises:
        OSError: It cannot be read.
        TypeError: An array of a dtype that Pillow has no mode for.
        ValueError: An array of another shape.
    """
    if path is None:
        return _default()
    if path.suffix.lower() in {".npy", ".npz"}:
        return _from_array(path)
    return _from_image(path)


def _default() -> Picture:
    """The photograph among matplotlib's samples, or without it rings that show every kind of aliasing."""
    try:
        matplotlib = libraries.load("matplotlib", "matplotlib")
        return _from_image(Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg"))
    except (libraries.Missing, FileNotFoundError):
        y, x = np.mgrid[-1:1:512j, -1:1:512j]
        phase = 200 * (x * x + y * y)
        rings = [127.5 + 127.5 * np.cos(phase + band) for band in range(3)]
        return Picture("rings", np.stack(rings, -1).astype(np.uint8), "RGB")


def _from_image(path: Path) -> Picture:
    from PIL import Image

    with Image.open(path) as image:
        wanted = image.mode
        if wanted == "P":
            # As palette indices it could only be copied.
            wanted = "RGBA" if "transparency" in image.info else "RGB"
        elif wanted == "1":
            wanted = "L"
        elif wanted.startswith("I;16") and wanted != "I;16":
            wanted = "I"
        elif wanted not in MODES:
            wanted = "RGB"
        return Picture(path.name, np.array(image.convert(wanted)), wanted)


def _from_array(path: Path) -> Picture:
    stored = np.load(path)
    if isinstance(stored, np.ndarray):
        name, array = path.name, stored
    else:
        with stored:
            if not stored.files:
                msg = f"{path.name} holds no array"
                raise ValueError(msg)
            name, array = f"{path.name}[{stored.files[0]}]", stored[stored.files[0]]
    array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.name not in _DTYPES:
        msg = f"{name} has dtype {array.dtype}, expected {', '.join(_DTYPES)}"
        raise TypeError(msg)
    flat = array.ndim == 2
    if not (flat or (array.ndim == 3 and 1 <= array.shape[2] <= 4)) or not array.size:
        msg = f"{name} has shape {array.shape}, expected (height, width) or (height, width, bands) with 1 to 4 bands"
        raise ValueError(msg)
    return Picture(name, array, default_mode(array.dtype.name, 1 if flat else array.shape[2]))
