"""Every kernel with arguments that stand for its use: what a compiler without a GPU is given to try.

A kernel is compiled once for each of its words that differ. For `gather.convolve`, which has most, an image meets one
of four numbers of taps in a group, one of the forms below, and its own arithmetic; sizes and strides make no more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from portresize._kernels.triton import blocks, gather, pixels
from portresize._kernels.triton.tiles import TILES


class Use(NamedTuple):
    """A kernel in use.

    Attributes:
        name: What for.
        kernel: Of Triton.
        types: Of arguments that are neither int32 nor known, as Triton writes them.
        words: What is known when it is compiled.
        aligned: Pointers that are multiples of 16.
        outputs: What a program writes.
    """

    name: str
    kernel: Any
    types: dict[str, str]
    words: dict[str, Any]
    aligned: tuple[str, ...]
    outputs: int

    def signature(self) -> dict[str, str]:
        """Types of all arguments, as `triton.compiler.ASTSource` takes them."""
        return {name: self._type(name) for name in self.kernel.arg_names}

    def _type(self, name: str) -> str:
        return "constexpr" if name in self.words else self.types.get(name, "i32")


# Pointers of samples by arithmetic; bfloat16 are moved as their bits.
POINTERS = {
    "u8": "*u8",
    "u16": "*u16",
    "u16-bytes": "*u16",
    "i32": "*i32",
    "f16": "*fp16",
    "bf16": "*i16",
    "f32": "*fp32",
    "f64": "*fp64",
}


def _pass(name: str, kind: str, group: int, tile: tuple[int, int], **words: bool | int) -> Use:
    usual = {"DOWN": False, "DENSE": True, "STEP": 0, "ALIGN": 1, "WIDE": False}
    return Use(
        f"{kind} pass {name}, groups of {group}",
        gather.convolve,
        {"x": POINTERS[kind], "y": POINTERS[kind], "start": "*i32", "weight": "*i32" if kind == "u8" else "*fp64"},
        {"KIND": kind, "GROUP": group, "P": tile[0], "Q": tile[1]} | usual | words,
        ("x", "y", "start", "weight"),
        tile[0] * tile[1],
    )


def _reduce(kind: str, *, pairs: bool) -> Use:
    return Use(
        f"{kind} reduce, {'whole' if pairs else 'partial'} blocks",
        blocks.reduce,
        {"x": POINTERS[kind], "y": POINTERS[kind], "factor": "i32" if kind == "u8" else "i64"},
        {"KIND": kind, "PAIRS": pairs, "WIDE": False, "Q": TILES.line},
        ("x", "y"),
        TILES.line,
    )


def uses() -> list[Use]:
    """The usual ones, and each that no usual one has a part of."""
    along, across, uneven, little, line = TILES
    passes = [
        *(_pass("along RGB", "u8", group, along, STEP=3) for group in (1, 2, 4, 8)),
        *(_pass("along planes", "u8", group, along, STEP=1) for group in (2, 8)),
        *(_pass("across rows", "u8", group, across, DOWN=True, ALIGN=16) for group in (1, 2, 4, 8)),
        _pass("across rows of odd length", "u8", 2, uneven, DOWN=True),
        _pass("across short rows", "u8", 2, little, DOWN=True),
        _pass("along far strides", "u8", 2, along, DENSE=False, WIDE=True),
        _pass("across far strides", "u8", 2, uneven, DOWN=True, DENSE=False, WIDE=True),
    ]
    floats = [
        _pass("along planes", kind, group, along, STEP=1)
        for kind in POINTERS
        if kind != "u8"
        for group in ((2, 8) if kind == "f32" else (2,))
    ]
    floats += [
        _pass("across rows", "f32", 4, across, DOWN=True, ALIGN=4),
        _pass("across rows", "bf16", 4, across, DOWN=True, ALIGN=8),
    ]
    reductions = [_reduce("u8", pairs=True)]
    reductions += [
        _reduce(kind, pairs=pairs) for kind in ("i32", "f32", "f64", "f16", "bf16") for pairs in (True, False)
    ]
    indices = {"slow_index": "*i32", "fast_index": "*i32"}
    moved = [
        Use(
            f"nearest, {pointer[1:]}",
            pixels.take,
            {"x": pointer, "y": pointer} | indices,
            {"WIDE": False, "Q": line},
            ("x", "y", *indices),
            line,
        )
        for pointer in ("*u8", "*i16", "*fp32", "*fp64")
    ]
    mixed = [
        Use(act, pixels.mix, {"x": "*u8", "y": "*u8"}, {"ACT": act, "WIDE": False, "Q": line}, ("x", "y"), line)
        for act in ("premultiply", "unpremultiply", "flip")
    ]
    return [*passes, *floats, *reductions, *moved, *mixed]
