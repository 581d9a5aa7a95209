"""What changed between Pillow's versions, one row per version that changed a result.

Source: Pillow's release notes and src/libImaging of 9.5.0 ... 13.0.0; every row is checked against that Pillow or
against golden files that it made (tests/golden).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from portresize._core import foreign
from portresize._core.filters import Resampling

PassOrder = Literal["horizontal", "tall", "loss"]


class Dialect(NamedTuple):
    """The rules of one range of Pillow versions.

    Attributes:
        pass_order: `"horizontal"`: always the horizontal pass first. `"tall"`: images over 100 times as tall as wide
            that lose height are resized in two separate calls, height first. `"loss"`: vertical first if the height
            loses more than twice as many samples as the width.
        filters: Filters that exist.
        u16_filters: Whether I;16 takes other filters than NEAREST, and bicubic by default.
        u16_overshoot: What becomes of I;16 results beyond 0..65535: `"clip"`, or `"bytes"`: each byte clipped apart.
        alpha_gap: Whether `reducing_gap` reaches images with alpha.
        unit_reduce_crops: Whether reducing by 1 is a plain crop, and does not multiply alpha in.
        cover: Whether `cover` exists.
        empty_sizes: Whether `contain` may answer with an empty image when a side rounds to 0.
    """

    pass_order: PassOrder = "horizontal"
    filters: frozenset[Resampling] = frozenset(Resampling) - {Resampling.MKS2013, Resampling.MKS2021}
    u16_filters: bool = False
    u16_overshoot: Literal["clip", "bytes"] = "bytes"
    alpha_gap: bool = False
    unit_reduce_crops: bool = False
    cover: bool = False
    empty_sizes: bool = False


_9_5 = Dialect()
_10_1 = _9_5._replace(cover=True)
_11_0 = _10_1._replace(u16_filters=True)
_12_2 = _11_0._replace(pass_order="tall")
_12_3 = _12_2._replace(u16_overshoot="clip")
_13_0 = _12_3._replace(
    pass_order="loss",
    filters=frozenset(Resampling),
    alpha_gap=True,
    unit_reduce_crops=True,
    empty_sizes=True,
)

# Every released minor version, oldest first, with the row in force.
VERSIONS: dict[tuple[int, int], Dialect] = {
    (9, 5): _9_5,
    (10, 0): _9_5,
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
        name: `"pillow-13"`, `"pillow-12.3"`, `"pillow-9.5.0"`…: a released version of Pillow, 9.5 or newer.

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
