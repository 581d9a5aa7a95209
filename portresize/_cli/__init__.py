"""The command line: `portresize compare`, `explain`, `check` and `info`, one file each."""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from portresize import __version__
from portresize._cli import arguments, check, compare, explain, info

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a shell reports for a program that this signal ends: 128 + 13.
_SIGPIPE = 141
_COMMANDS = (compare, explain, check, info)


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one line, like all others."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  argparse's own
        super().__init__(*args, **kwargs)
        # As Python 3.14 has it; before, `-3x5` and `-1,0,9,8` are options that nobody knows, and the error names no
        # value. It may go with Python 3.13.
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"portresize: error: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Words after the program's name; None takes those of this process.

    Returns:
        0 if all is well, 1 if a result is not Pillow's, 2 if the request cannot be met or there is none, 141 if nobody
        reads what is printed.
    """
    if sys.stdout is None:
        # The shell closed it (`>&-`): nobody would see what is printed.
        print("portresize: error: standard output is closed", file=sys.stderr)
        return 2
    try:
        try:
            return _run(argv)
        finally:
            # Here rather than when Python ends, where nothing can be done about a closed pipe.
            sys.stdout.flush()
    except BrokenPipeError:
        # What is still in the buffer goes nowhere (Python's documentation, "Note on SIGPIPE").
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _SIGPIPE


def _run(argv: Sequence[str] | None) -> int:
    parser = _Parser(prog="portresize", description="Pillow's resize, bit for bit, on any array.")
    parser.add_argument("--version", action="version", version=f"portresize {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in _COMMANDS:
        command.add_to(commands)
    parsed = parser.parse_args(argv)
    if "run" not in parsed:
        parser.print_help(sys.stderr)
        return 2
    try:
        code: int = parsed.run(parsed)
    except BrokenPipeError:
        raise
    except (ImportError, MemoryError, OSError, OverflowError, TypeError, ValueError) as error:
        # Python's own MemoryError has no text.
        text = str(error) or ("out of memory" if isinstance(error, MemoryError) else type(error).__name__)
        line = " ".join(arguments.named(text, getattr(parsed, "names", {})).split())
        # File names may hold sequences that a terminal obeys.
        line = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
        print(f"portresize: error: {line}", file=sys.stderr)
        return 2
    return code
