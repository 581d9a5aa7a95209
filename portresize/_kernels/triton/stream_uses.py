"""The streaming kernel with arguments that stand for its use: what a compiler without a GPU is given to try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portresize._kernels.triton.choice import KR, WALKS, Form, Walk
from portresize._kernels.triton.kernels import Use
from portresize._kernels.triton.stream import stream

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = {"x": "*u8", "y": "*u8", "wide": "*i8", "tall": "*i8"} | dict.fromkeys(
    ("start", "wide_bias", "tall_bias", "ends", "segments"), "*i32"
)


def use(name: str, form: Form, **words: bool | int) -> Use:
    """The kernel in a form, usually for images whose rows begin at multiples of 16 and are long enough."""
    usual = {"MASKED": False, "DENSE": True, "IN": 16, "OUT": 4, "ASM": True}
    cut = {
        "OW": form.ow,
        "OH": form.oh,
        "KR": form.kr,
        "KC": form.kc,
        "CHUNKS": form.chunks,
        "PAIRED": form.paired,
    }
    return Use(name, stream, _TYPES, cut | usual | words, tuple(_TYPES), form.ow * form.oh)


def uses() -> list[tuple[Use, dict[str, Any]]]:
    """All ways to walk with the fewest and the most samples, and all ways in which samples lie; and launch words."""
    return [(use(name, form, **words), form.options) for name, form, words in _kinds()]


def _kinds() -> Iterator[tuple[str, Form, dict[str, Any]]]:
    far = {"IN": 1, "OUT": 1, "DENSE": False, "MASKED": True}
    for walk in WALKS:
        name = f"{'pairs of ' if walk.paired else ''}{walk.ow}x{walk.oh}"
        for kc, chunks in ((32, 1), (64, 1), (32, 2), (32, walk.most), *([(64, 0)] if walk.ow == 16 else [])):
            yield f"{name}, {chunks or 'any number'} x {kc} samples", _form(walk, kc, chunks), {}
        yield f"{name}, one by one", _form(walk, 64, 1, single=True), {"IN": 1, "OUT": 1}
        yield f"{name}, far apart", _form(walk, 64, 1, single=True), far
    walk = WALKS[0]
    for align in (8, 4, 2):
        yield f"rows of multiples of {align}", _form(walk, 64, 1, single=align < 4), {"IN": align}
    yield "short rows", _form(walk, 64, 1), {"MASKED": True}
    yield "results of odd length", _form(walk, 64, 1), {"OUT": 1}


def _form(walk: Walk, kc: int, chunks: int, *, single: bool = False) -> Form:
    return Form(walk.ow, walk.oh, KR, kc, chunks, walk.paired, single)
