"""What a resize of bytes held in floats needs to be: linear, so that a gradient can pass its rounding by."""

from __future__ import annotations

from portresize._core import request
from portresize._core.modes import MODES


def axes_of(shape: tuple[int, ...], dtype: str, layout: object, mode: object, *, has_floats: bool) -> tuple[str, str]:
    """Layout and mode of an image of `shape`, whose `dtype` may hold floats.

    Raises:
        TypeError: It does not, or as in `request.mode_of`.
        ValueError: The mode multiplies alpha in or only moves numbers; or as in `request.layout_of` and `mode_of`.

    >>> axes_of((2, 9, 8), "float32", "CHW", None, has_floats=True)
    Traceback (most recent call last):
        ...
    ValueError: `mode` is "LA", which multiplies alpha in, which is not linear; expected another, such as mode="La"
    """
    if not has_floats:
        msg = (
            f"`image` has dtype {dtype}, expected floats that hold 0 to 255; integers have no gradient, resize "
            "them with portresize.resize"
        )
        raise TypeError(msg)
    if dtype not in MODES["F"].dtypes:
        # Of shorter floats some do not hold 0 to 255.
        msg = f"`image` has dtype {dtype}, expected one of {', '.join(MODES['F'].dtypes)} that holds 0 to 255; cast it"
        raise TypeError(msg)
    letters = request.layout_of(shape, layout)
    bands = shape[letters.index("C")] if "C" in letters else None
    name = request.mode_of("uint8", bands, mode)
    row = MODES[name]
    if row.alpha or row.kind == "index":
        why = "multiplies alpha in, which is not linear" if row.alpha else "holds numbers that only stand for colours"
        other = '"L"' if bands is None else {2: '"La"', 4: '"RGBX"'}.get(bands, '"L"')
        msg = f'`mode` is "{name}", which {why}; expected another, such as mode={other}'
        raise ValueError(msg)
    return letters, name
