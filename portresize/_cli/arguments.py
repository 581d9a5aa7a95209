"""Words of the command line that mean more than text."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIZE = re.compile(r"(\d+)[xX×](\d+)", re.ASCII)


def size(text: str) -> tuple[int, int]:
    """`HEIGHTxWIDTH`."""
    match = _SIZE.fullmatch(text)
    height, width = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (height and width):
        msg = f'{text!r} is no size, expected HEIGHTxWIDTH, both at least 1, such as "128x96"'
        raise argparse.ArgumentTypeError(msg)
    return height, width


def box(text: str) -> tuple[float, ...]:
    """`LEFT,UPPER,RIGHT,LOWER`; whole numbers stay whole."""
    try:
        edges = [float(edge) for edge in text.split(",")]
    except ValueError:
        msg = f'{text!r} is no box, expected LEFT,UPPER,RIGHT,LOWER such as "0,0,640,480.5"'
        raise argparse.ArgumentTypeError(msg) from None
    return tuple(int(edge) if edge.is_integer() else edge for edge in edges)


def named(text: str, names: Mapping[str, str]) -> str:
    """What the library says of its arguments, in the command's own names for them.

    >>> named("`reducing_gap` is 0.5", {"reducing_gap": "--gap"})
    '`--gap` is 0.5'
    """
    return re.sub(r"`(\w+)`", lambda match: f"`{names.get(match[1], match[1])}`", text)


def by(pair: tuple[int, int]) -> str:
    """A size as it is written: `128x96`."""
    return f"{pair[0]}x{pair[1]}"
