"""Text: of no known word, with characters that nothing prints, very long, of other classes."""

from __future__ import annotations

import enum
from pathlib import PurePosixPath
from random import Random
from typing import Any

import numpy as np

from tests.hostile import numbers, objects
from tests.hostile.values import Value, constant


class _Text(enum.StrEnum):
    HWC = "HWC"
    L = "L"
    BOX = "box"
    NEW = "pillow-13"


class _Number(enum.IntEnum):
    ONE = 1


_TEXTS: tuple[str, ...] = (
    "",
    " ",
    "\0",
    "\n",
    "\ud800",
    "HW\ud800",
    "\x1b[31m",
    "\u202e",
    "Ⅷ",
    "ＨＷ",
    "НW",
    "hwc",
    "HHWC",
    "HW C",
    "CHW",
)
_TEXTS += ("HWCX", "WHC", "ABCDEFGHIJKLMNOPQRSTUVXYZW", "HWC\0", "L", "RGB", "RGBA", "RGBa", "LA", "La", "PA", "P", "1")
_TEXTS += (
    "I",
    "I;16",
    "I;16B",
    "I;16S",
    "I;32",
    "F",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "int8",
    "complex64",
    ">u2",
    "float64",
)
_TEXTS += (
    "bicubic",
    "BICUBIC",
    "ſ",
    "nearest",
    "box",
    "lanczos",
    "mks2021",
    "3",
    "pillow-13",
    "pillow-7.0",
    "pillow-12.1",
)
_TEXTS += (
    "pillow-99",
    "pillow-",
    "pillow-13.0.0.0.0.0",
    "pillow-9.5",
    "pillow--1",
    "pillow-1e9",
    "pillow-٣",
    "{}",
    "%s",
)
_TEXTS += ("pillow-" + "9" * 5000, "__class__", "None", "../../etc", "pillow-12.٣")


def draw(random: Random) -> Value:
    """Text, or what is none."""
    turn = random.random()
    if turn < 0.5:
        text = random.choice(_TEXTS)
        return constant(text, ascii(text) if len(text) < 40 else f"{text[:30]!a}...")
    if turn < 0.55:
        return Value("a million letters", lambda: "HW" * 500_000)
    if turn < 0.65:
        text = "".join(
            chr(random.choice((random.randrange(128), random.randrange(0x110000)))) for _ in range(random.randrange(6))
        )
        return constant(text, ascii(text))
    if turn < 0.75:
        value: Any = random.choice(
            (np.str_("HWC"), np.str_("box"), np.bytes_(b"L"), PurePosixPath("L"), *_Text, _Number.ONE)
        )
        return constant(value)
    if turn < 0.85:
        return numbers.draw(random)
    return objects.draw(random)
