"""Words of a request that come before any image, as those of a module or a transform do."""

from __future__ import annotations

from typing import NamedTuple

from portresize._core import foreign, request
from portresize._core.filters import Resampling


class Words(NamedTuple):
    """Words in plain text; None is what depends on the image."""

    resample: str | None
    layout: str | None
    mode: str | None
    dialect: str


def checked(resample: object, layout: object, mode: object, dialect: object) -> Words:
    """Check the words of a request without its image: of a layout the letters, of a mode the name.

    Raises:
        TypeError: A word is of the wrong type.
        ValueError: A word is wrong whatever the image.

    >>> checked(1, "NCHW", None, "pillow-13")
    Words(resample='lanczos', layout='NCHW', mode=None, dialect='pillow-13')
    """
    name = request.dialect_name(dialect)
    request.dialect_of(name)
    if layout is not None:
        layout = request.layout_of((1,) * max(2, len(foreign.text(layout) or "")), layout)
    if mode is not None:
        mode = request.mode_name(mode)
    if resample is not None:
        resample = request.filter_of(resample, name, Resampling.BICUBIC).name.lower()
    return Words(resample, layout, mode, name)
