"""The command line: `portresize compare`, `explain`, `check` and `info`, one file each."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NoReturn

from portresize import __version__
from portresize._cli import check, compare, explain, info

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = (compare, explain, check, info)


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one line, like all others."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"portresize: error: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Words after the program's name; None takes those of this process.

    Returns:
        0 if all is well, 1 if a result is not Pillow's, 2 if the request cannot be met.
    """
    parser = _Parser(prog="portresize", description="Pillow's resize, bit for bit, on any array.")
    parser.add_argument("--version", action="version", version=f"portresize {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_to(commands)
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except (ImportError, OSError, TypeError, ValueError) as error:
        print(f"portresize: error: {error}", file=sys.stderr)
        return 2
    return code
