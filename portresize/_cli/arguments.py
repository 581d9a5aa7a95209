"""Words of the command line that mean more than text."""

from __future__ import annotations

import argparse
import re

_SIZE = re.compile(r"(\d+)[xX×](\d+)", re.ASCII)


def size(text: str) -> tuple[int, int]:
    """`HEIGHTxWIDTH`."""
    match = _SIZE.fullmatch(text)
    if not match:
        msg = f'{text!r} is no size, expected HEIGHTxWIDTH such as "128x96"'
        raise argparse.ArgumentTypeError(msg)
    return int(match[1]), int(match[2])


def box(text: str) -> tuple[float, ...]:
    """`LEFT,UPPER,RIGHT,LOWER`; whole numbers stay whole."""
    try:
        edges = [float(edge) for edge in text.split(",")]
    except ValueError:
        msg = f'{text!r} is no box, expected LEFT,UPPER,RIGHT,LOWER such as "0,0,640,480.5"'
        raise argparse.ArgumentTypeError(msg) from None
    return tuple(int(edge) if edge.is_integer() else edge for edge in edges)


def by(pair: tuple[int, int]) -> str:
    """A size as it is written: `128x96`."""
    return f"{pair[0]}x{pair[1]}"
