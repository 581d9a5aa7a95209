"""What changed between Pillow's versions, one row per version that changed a result.

Source: Pillow's release notes, src/PIL and src/libImaging of 7.0.0 ... 13.0.0; every row is checked against golden
files that its Pillow made (tests/golden), every release by random requests (tests/property/test_old_pillows.py).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from portresize._core import foreign
from portresize._core.filters import Resampling

PassOrder = Literal["horizontal", "tall", "loss"]
ThumbnailSize = Literal["rounded", "closest_or_error", "closest"]

# Named one by one: a filter that Pillow gains later must not appear in the dialects before it.
_SIX = frozenset(
    {
        Resampling.NEAREST,
        Resampling.BOX,
        Resampling.BILINEAR,
        Resampling.HAMMING,
        Resampling.BICUBIC,
        Resampling.LANCZOS,
    }
)
_EIGHT = _SIX | {Resampling.MKS2013, Resampling.MKS2021}


class Dialect(NamedTuple):
    """The rules of one range of Pillow versions.

    Attributes:
        filters: Filters that exist.
        pass_order: `"horizontal"`: always the horizontal pass first. `"tall"`: images over 100 times as tall as wide
            that lose height are resized in two separate calls, height first. `"loss"`: vertical first if the height
            loses more than twice as many samples as the width.
        nearest_alpha: Whether alpha is multiplied in for NEAREST too.
        u16_filters: Whether I;16 takes other filters than NEAREST.
        u16_default: Filter of `resize` for I;16 if none is named.
        u16_overshoot: Treatment of I;16 results beyond 0..65535: `"clip"`, or `"bytes"`: each byte clipped apart.
        alpha_gap: Whether `reducing_gap` reaches images with alpha.
        unit_reduce_crops: Whether reducing by 1 is a plain crop, and does not multiply alpha in.
        thumbnail_size: `"closest"`: the side that follows from the aspect becomes the neighbouring integer that keeps
            the aspect best, at least 1. `"closest_or_error"`: the same, but an error where the lower neighbour is a
            height of 0. `"rounded"`: one side after the other is rounded, half to even.
        contain: Whether `contain` exists.
        cover: Whether `cover` exists.
        rounds: Whether `contain` and `pad` round sizes and offsets, half to even; they cut fractions off otherwise.
        empty_sizes: Whether `contain` may answer with an empty image when a side rounds to 0.
    """

    filters: frozenset[Resampling]
    pass_order: PassOrder = "horizontal"
    nearest_alpha: bool = False
    u16_filters: bool = False
    u16_default: Resampling = Resampling.BICUBIC
    u16_overshoot: Literal["clip", "bytes"] = "bytes"
    alpha_gap: bool = False
    unit_reduce_crops: bool = False
    thumbnail_size: ThumbnailSize = "closest"
    contain: bool = False
    cover: bool = False
    rounds: bool = False
    empty_sizes: bool = False


_7_0 = Dialect(_SIX, nearest_alpha=True, thumbnail_size="rounded")
_7_1 = _7_0._replace(thumbnail_size="closest_or_error")
_7_2 = _7_1._replace(thumbnail_size="closest")
_8_2 = _7_2._replace(nearest_alpha=False)
_8_3 = _8_2._replace(u16_default=Resampling.NEAREST, contain=True)
_9_3 = _8_3._replace(rounds=True)
_10_1 = _9_3._replace(cover=True)
_11_0 = _10_1._replace(u16_filters=True, u16_default=Resampling.BICUBIC)
_12_2 = _11_0._replace(pass_order="tall")
_12_3 = _12_2._replace(u16_overshoot="clip")
_13_0 = _12_3._replace(
    filters=_EIGHT,
    pass_order="loss",
    alpha_gap=True,
    unit_reduce_crops=True,
    empty_sizes=True,
)

# Every released minor version, oldest first, with the row in force.
VERSIONS: dict[tuple[int, int], Dialect] = {
    (7, 0): _7_0,
    (7, 1): _7_1,
    (7, 2): _7_2,
    (8, 0): _7_2,
    (8, 1): _7_2,
    (8, 2): _8_2,
    (8, 3): _8_3,
    (8, 4): _8_3,
    (9, 0): _8_3,
    (9, 1): _8_3,
    (9, 2): _8_3,
    (9, 3): _9_3,
    (9, 4): _9_3,
    (9, 5): _9_3,
    (10, 0): _9_3,
    (10, 1): _10_1,
    (10, 2): _10_1,
    (10, 3): _10_1,
    (10, 4): _10_1,
    (11, 0): _11_0,
    (11, 1): _11_0,
    (11, 2): _11_0,
    (11, 3): _11_0,
    (12, 0): _11_0,
    (12, 1): _11_0,
    (12, 2): _12_2,
    (12, 3): _12_3,
    (13, 0): _13_0,
}
NEWEST = max(VERSIONS)
DEFAULT = "pillow-13"

# A major version alone means its newest minor, which comes last.
_BY_NAME = {f"pillow-{major}": row for (major, _), row in VERSIONS.items()}
_BY_NAME |= {f"pillow-{major}.{minor}": row for (major, minor), row in VERSIONS.items()}


# No cache and no regular expression: torch.compile traces through here.
def dialect(name: str) -> Dialect:
    """The row of rules that `name` selects.

    Args:
        name: `"pillow-13"`, `"pillow-12.3"`, `"pillow-7.2.0"`…: a released version of Pillow, 7.0 or newer.

    Raises:
        ValueError: No such version is known.

    >>> dialect("pillow-12") == dialect("pillow-12.3.0"), dialect("pillow-10.4").pass_order
    (True, 'horizontal')
    """
    # A patch release never changed a result.
    minor, _, patch = name.rpartition(".") if name.count(".") == 2 else (name, "", "0")
    if minor in _BY_NAME and patch.isdecimal():
        return _BY_NAME[minor]
    oldest, newest = (".".join(map(str, version)) for version in (min(VERSIONS), NEWEST))
    msg = (
        f'`dialect` is {foreign.shown(name)}, expected a released Pillow from "pillow-{oldest}" to "pillow-{newest}", '
        f'such as "{DEFAULT}" or "pillow-12.1"'
    )
    raise ValueError(msg)
