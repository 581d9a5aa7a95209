"""Pillow's image modes, and rows of our own for dtypes that it has no mode for: bands, arithmetic, what needs care.

Pillow reads arrays of int8, int16 and uint32 into mode I, whose samples are int32. Here they keep their dtype: int16
and uint32 have rows named like the raw modes that Pillow reads them with. A dtype whose samples can only be moved is a
mode of its own name.

Source: Pillow 13.0.0, src/libImaging/Resample.c (dispatch by type), src/PIL/Image.py (alpha, modes 1 and P;
`_fromarray_typemap`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

# The arithmetic of a mode: "index" samples are copied whatever the filter; "float" is F and our wider and narrower
# floats; "i16" and "u32" are computed as u16 is, in their own range; "moved" samples take no filter that computes.
Kind = Literal["index", "u8", "u16", "i32", "float", "i16", "u32", "moved"]


class Mode(NamedTuple):
    """One row of the table of modes.

    Attributes:
        kind: Arithmetic of its samples.
        bands: Bands that belong together, or 0 for a mode of one band, of which an array may hold any number side by
            side.
        dtypes: Names of the dtypes that hold it, Pillow's own first.
        alpha: Whether the last band is alpha that resizing has to multiply in first.
        signed: Bands that Pillow keeps as signed bytes, so that their sign bit is flipped while it computes.
        cast: Dtypes that hold the samples of a "moved" mode and can be computed with, in words.
    """

    kind: Kind
    bands: int
    dtypes: tuple[str, ...]
    alpha: bool = False
    signed: tuple[int, ...] = ()
    cast: str = ""

    @property
    def is_whole(self) -> bool:
        """Samples are integers."""
        return not self.dtypes[0].startswith(("float", "complex", "bcomplex"))


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
    "I;16S": Mode("i16", 0, ("int16",)),
    "I;32": Mode("u32", 0, ("uint32",)),
}

# Names of numpy, torch, jax and ml_dtypes; of those with less than 8 bits, a sample is a byte of its own.
_CASTS = {
    "int8": "int16",
    "int64": "int32 or uint32 (if the values fit) or float64",
    "uint64": "uint32 (if the values fit) or float64",
    **dict.fromkeys(("int1", "int2", "int4"), "int16"),
    **dict.fromkeys(("uint1", "uint2", "uint4"), "uint8"),
    **dict.fromkeys(("float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn"), "float32"),
    **dict.fromkeys(("float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"), "float32"),
    **dict.fromkeys(("float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn"), "float32"),
    "float128": "float64",
    **dict.fromkeys(("complex32", "bcomplex32", "complex64"), "float32, the real and the imaginary part apart"),
    **dict.fromkeys(("complex128", "complex256"), "float64, the real and the imaginary part apart"),
}
PILLOWS = tuple(name for name in MODES if name not in {"I;16S", "I;32"})
"""Names of Pillow's own modes."""
MODES |= {name: Mode("moved", 0, (name,), cast=cast) for name, cast in _CASTS.items()}

_BY_BANDS = {2: "LA", 3: "RGB", 4: "RGBA"}
# The modes of uint8 but L are for the caller to name.
_BY_DTYPE = {dtype: name for name, row in MODES.items() for dtype in row.dtypes} | {"uint8": "L"}


def default_mode(dtype: str, bands: int) -> str:
    """Return the mode that `PIL.Image.fromarray` would choose, or the one of our own that keeps the dtype.

    Any number of bands it has no mode for are independent.

    Raises:
        KeyError: No mode holds `dtype`.

    >>> default_mode("uint8", 4), default_mode("uint8", 5), default_mode("float32", 3), default_mode("int64", 1)
    ('RGBA', 'L', 'F', 'int64')
    """
    return _BY_BANDS.get(bands, "L") if dtype == "uint8" else _BY_DTYPE[dtype]
