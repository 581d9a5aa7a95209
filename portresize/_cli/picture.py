"""The picture that `portresize compare` resizes: a file, or a photograph that is already on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from portresize._cli import libraries
from portresize._core.modes import PILLOWS, default_mode

# What Pillow has a mode for; our wider and narrower floats have no reference.
_DTYPES = ("uint8", "uint16", "int32", "float32", "bool")
_ALLOWED = f"{', '.join(_DTYPES[:-1])} or {_DTYPES[-1]}"
# By kind of dtype, what to do about one that is not among them.
_REMEDIES = {
    "f": "; cast it to float32",
    "i": "; cast it to int32, or to uint8 if its values are 0 to 255",
    "u": "; cast it to int32, or to uint8 if its values are 0 to 255",
}


class Picture(NamedTuple):
    """An array (height, width) or (height, width, bands), how Pillow reads it, and where it came from."""

    name: str
    array: np.ndarray
    mode: str


def read(path: Path | None) -> Picture:
    """The picture at `path`, or the default one.

    Raises:
        OSError: There is no such file, or it may not be read.
        TypeError: An array of a dtype that Pillow has no mode for.
        ValueError: No picture, or an array of another shape.
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
    from PIL import Image, UnidentifiedImageError

    try:
        return _opened(path)
    except Image.DecompressionBombError as error:
        msg = f"{path.name} has more pixels than Pillow opens ({error}); save it as an array in a .npy file"
        raise ValueError(msg) from None
    except MemoryError:
        raise
    # Pillow's readers raise what they happen to: OSError for a file cut short, SyntaxError for a broken PNG, and for
    # others zlib.error, NotImplementedError, AttributeError, RuntimeError or classes of their own.
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = "unknown format" if isinstance(error, UnidentifiedImageError) else error
        msg = (
            f"{path.name} is no picture that Pillow reads ({reason}); "
            "expected an image file, or an array in a .npy or .npz file"
        )
        raise ValueError(msg) from None


def _opened(path: Path) -> Picture:
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
        elif wanted not in PILLOWS:
            wanted = "RGB"
        return Picture(path.name, np.array(image.convert(wanted)), wanted)


def _from_array(path: Path) -> Picture:
    try:
        name, array = _loaded(path)
    except (MemoryError, TypeError):
        raise
    # numpy's own text advises to load objects nevertheless, and names no file. A damaged archive raises zlib.error, a
    # damaged header tokenize.TokenError.
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        msg = f"{path.name} holds objects or is damaged, expected a numeric array: {_ALLOWED}; save one with numpy.save"
        raise ValueError(msg) from None
    array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.name not in _DTYPES:
        remedy = _REMEDIES.get(array.dtype.kind, "")
        msg = f"{name} has dtype {array.dtype}, for which Pillow has no mode; expected {_ALLOWED}{remedy}"
        raise TypeError(msg)
    flat = array.ndim == 2
    if not (flat or (array.ndim == 3 and 1 <= array.shape[2] <= 4)) or not array.size:
        msg = f"{name} has shape {array.shape}, expected (height, width) or (height, width, bands) with 1 to 4 bands"
        raise ValueError(msg)
    return Picture(name, array, default_mode(array.dtype.name, 1 if flat else array.shape[2]))


def _loaded(path: Path) -> tuple[str, np.ndarray]:
    """The array of a file, the first one of several, and what to call it."""
    # Opened here, since numpy leaves a damaged archive open.
    with path.open("rb") as file:
        stored = np.load(file)
        if isinstance(stored, np.ndarray):
            return path.name, stored
        with stored:
            if not stored.files:
                msg = f"{path.name} holds no array"
                raise TypeError(msg)
            return f"{path.name}[{stored.files[0]}]", stored[stored.files[0]]
