"""How much a program of a kernel computes, and with what it is launched."""

from __future__ import annotations

from typing import Any, NamedTuple

# Four warps; gathers need no stages. Sums in double must not be contracted to a fused multiply-add.
OPTIONS: dict[str, Any] = {"num_warps": 4, "num_stages": 1, "enable_fp_fusion": False}


class Tiles(NamedTuple):
    """P x Q outputs of a pass, or Q elements of a line: eight for each of 128 threads, or sixteen moved together.

    Attributes:
        along: Where lines run along the axis: a column for each thread, which shares its weights over the rows.
        across: Where they run across it, and samples are moved together.
        uneven: Where they are not.
        little: Where lines are short.
        line: Elements of anything but a pass.
    """

    along: tuple[int, int] = (8, 128)
    across: tuple[int, int] = (8, 256)
    uneven: tuple[int, int] = (4, 256)
    little: tuple[int, int] = (16, 64)
    line: int = 512


TILES = Tiles()


def together(itemsize: int, *numbers: int) -> int:
    """How many samples may be moved at once if all `numbers` are to be multiples of it: sixteen bytes, four, or one.

    >>> together(1, 32, 160), together(1, 32, 36), together(4, 32, 36), together(8, 3)
    (16, 4, 4, 1)
    """
    fitting = (n for n in (16 // itemsize, 4 // itemsize) if n and not any(number % n for number in numbers))
    return next(fitting, 1)
