"""Words of a request that come before any image, as those of a module or a transform do."""

from __future__ import annotations

from portresize._core import request
from portresize._core.filters import Resampling
from portresize._core.modes import MODES


def checked(resample: object, layout: str | None, mode: str | None, dialect: str) -> str | None:
    """The filter's name, or None for what depends on the image.

    Of a layout the letters are checked, and of a mode the name.

    Raises:
        TypeError: A word is of the wrong type.
        ValueError: A word is wrong whatever the image.

    >>> checked(1, "NCHW", None, "pillow-13")
    'lanczos'
    """
    request.dialect_of(dialect)
    if layout is not None:
        request.layout_of((1,) * max(2, len(str(layout))), layout)
    if mode not in (None, *MODES):
        request.mode_of("uint8", None, mode)
    return None if resample is None else request.filter_of(resample, dialect, Resampling.BICUBIC).name.lower()
