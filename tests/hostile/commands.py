"""Command lines: options with false values, files that are none, and text that no terminal prints."""

from __future__ import annotations

import contextlib
import io
from random import Random

from portresize._cli import main

_SIZES = (
    "5x6",
    "300x200",
    "1x1",
    "0x5",
    "-3x5",
    "5",
    "x",
    "5x6x7",
    "5 x 6",
    "٣x٣",
    "5×6",
    "",
    "9999999999999x3",
    "3x" + "9" * 5000,
)
_NUMBERS = ("1", "2.5", "0", "-1", "nan", "inf", "1e400", "", "x", "0x10", "1_0", "9" * 5000, "\ud800")
_BOXES = ("0,0,5,5", "0,0,5,5.5", "5,5,0,0", "nan,0,1,1", "0,0,inf,1", "1e308,0,1e309,1", ",,,", "0,0,5", "-1,0,9,8")
_WORDS: tuple[str, ...] = (
    "RGB",
    "L",
    "P",
    "1",
    "I;16",
    "F",
    "int8",
    "XYZ",
    "",
    "\0",
    "\ud800",
    "\x1b[2J",
    "lanczos",
    "nearest",
    "HW",
    "HWC",
    "NHWC",
)
_WORDS += ("pillow-13", "pillow-7", "pillow-99", "3", "--", "-")
# None that exists: a fault might write to it.
_FILES = ("/nonexistent/\x1b[31m.npy", "/nonexistent", "\0", "\ud800", "", "x" * 5000, "nothing.npy", "-")
_OPTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "explain": {
        "--filter": _WORDS,
        "--mode": _WORDS,
        "--box": _BOXES,
        "--gap": _NUMBERS,
        "--layout": _WORDS,
        "--dialect": _WORDS,
    },
    "check": {"--library": _WORDS, "--seed": _NUMBERS, "--json": _FILES},
    "compare": {"--filter": _WORDS, "--size": _SIZES},
    "info": {"--nothing": _WORDS},
}


def draw(random: Random) -> list[str]:
    """Words of a command line."""
    command = random.choice(
        ("explain", "explain", "explain", "explain", "explain", "check", "compare", random.choice(_WORDS))
    )
    # `info` imports every library and asks it.
    command = "info" if random.random() < 0.01 else command
    found = [command]
    if command == "explain":
        found += [random.choice(_SIZES if random.random() < 0.5 else _SIZES[:3]) for _ in range(2)]
    if command == "check":
        # All cases would take a minute.
        found += ["--cases", random.choice(("1", "2", "0", "-1", "x", "1e9"))]
        found += ["--library", "numpy"] if random.random() < 0.5 else []
    if command == "compare":
        # The picture that is there would be resized by all libraries.
        found += [random.choice(_FILES)]
    options: dict[str, tuple[str, ...]] = _OPTIONS.get(command, {"--version": ("",), "--help": ("",)})
    for option in random.sample(list(options), random.randrange(len(options) + 1)):
        found += [option, random.choice(options[option])] if random.random() < 0.9 else [option]
    random.shuffle(found) if random.random() < 0.05 else None
    return found


def run(argv: list[str]) -> int:
    """Run a command in this process; what it prints goes nowhere.

    Raises:
        AssertionError: It ends with another code than those that are documented, or in more than a line.
    """
    said, warned = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(warned):
        try:
            code = main(argv)
        except SystemExit as end:
            code = end.code  # type: ignore[assignment]  # argparse gives an integer
        warned.flush()
    assert code in {0, 1, 2}, f"the command ended with {code!r}"
    text = warned.buffer.getvalue().decode()
    assert "Traceback" not in text, text
    return code
