"""The judge: the installed Pillow, and which dialect it speaks."""

from __future__ import annotations

import numpy as np
import PIL
from PIL import Image

from portresize._core.dialect import VERSIONS, Dialect, dialect

DIALECT = f"pillow-{PIL.__version__}"
RULES: Dialect = dialect(DIALECT)
FILTERS = sorted(RULES.filters)
assert tuple(int(part) for part in PIL.__version__.split(".")[:2]) in VERSIONS


def picture(array: np.ndarray, mode: str) -> Image.Image:
    """`array` as Pillow's image of `mode`."""
    if mode in {"1", "I;16", "I", "F"}:
        return Image.fromarray(array)
    return Image.frombytes(mode, (array.shape[1], array.shape[0]), np.ascontiguousarray(array).tobytes())
