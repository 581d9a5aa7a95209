"""Pillow's image modes: how many bands, which arithmetic, which bands need care.

Source: Pillow 13.0.0, src/libImaging/Resample.c (dispatch by type), src/PIL/Image.py (alpha, modes 1 and P).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

# The arithmetic of a mode: "index" can only be copied; "float" is F and our wider and narrower floats.
Kind = Literal["index", "u8", "u16", "i32", "float"]


class Mode(NamedTuple):
    """One row of the table of modes.

    Attributes:
        kind: Arithmetic of its samples.
        bands: Bands that belong together, or 0 for a mode of one band, of which an array may hold any number side by
            side.
        dtypes: Names of the dtypes that hold it, Pillow's own first.
        alpha: Whether the last band is alpha that resizing has to multiply in first.
        signed: Bands that Pillow keeps as signed bytes, so that their sign bit is flipped while it computes.
    """

    kind: Kind
    bands: int
    dtypes: tuple[str, ...]
    alpha: bool = False
    signed: tuple[int, ...] = ()


_U8 = ("uint8",)

MODES: dict[str, Mode] = {
    "1": Mode("index", 0, ("bool",)),
    "P": Mode("index", 0, _U8),
    "L": Mode("u8", 0, _U8),
    "LA": Mode("u8", 2, _U8, alpha=True),
    "La": Mode("u8", 2, _U8),
    "PA": Mode("u8", 2, _U8),
    "RGB": Mode("u8", 3, _U8),
    "YCbCr": Mode("u8", 3, _U8),
    "HSV": Mode("u8", 3, _U8),
    "LAB": Mode("u8", 3, _U8, signed=(1, 2)),
    "RGBA": Mode("u8", 4, _U8, alpha=True),
    "RGBa": Mode("u8", 4, _U8),
    "RGBX": Mode("u8", 4, _U8),
    "CMYK": Mode("u8", 4, _U8),
    "I": Mode("i32", 0, ("int32",)),
    "I;16": Mode("u16", 0, ("uint16",)),
    "F": Mode("float", 0, ("float32", "float64", "float16", "bfloat16")),
}


_BY_BANDS = {2: "LA", 3: "RGB", 4: "RGBA"}
_BY_DTYPE = {"bool": "1", "uint8": "L", "uint16": "I;16", "int32": "I"} | dict.fromkeys(MODES["F"].dtypes, "F")


def default_mode(dtype: str, bands: int) -> str:
    """The mode that `PIL.Image.fromarray` would choose; any number of bands it has no mode for are independent.

    Raises:
        KeyError: No mode holds `dtype`.

    >>> default_mode("uint8", 4), default_mode("uint8", 5), default_mode("float32", 3)
    ('RGBA', 'L', 'F')
    """
    return _BY_BANDS.get(bands, "L") if dtype == "uint8" else _BY_DTYPE[dtype]
