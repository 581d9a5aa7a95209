"""Whether kernels can serve on this machine, at which level, and if not, why."""

from __future__ import annotations

import logging
import os
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from portresize._kernels.llvm.errors import Unsupported, result_of

if TYPE_CHECKING:
    from portresize._kernels.llvm.isa import Isa

VARIABLE = "PORTRESIZE_ISA"
OLDEST = (0, 45)
"""The first llvmlite whose LLVM reads pointers without types, as `ir` writes them."""
_LOG = logging.getLogger("portresize")


class Host(NamedTuple):
    """The level that serves, or why there is none."""

    isa: Isa | None
    why: str


@cache
def host() -> Host:
    """What serves in this process; asked for the first time, it imports llvmlite, and generates a function to try.

    Raises:
        ValueError: The environment variable names a level that this processor has not.
    """
    found = _host(os.environ.get(VARIABLE, ""))
    _LOG.debug("CPU kernels: %s", found.isa.name if found.isa else found.why)
    return found


def _host(wanted: str) -> Host:
    if wanted == "none":
        return Host(None, f"the environment variable {VARIABLE} is none")
    try:
        levels = result_of(_levels)
        if wanted and wanted not in levels:
            msg = f"the environment variable {VARIABLE} is {wanted!r}, expected none, {', '.join(levels)}"
            raise ValueError(msg)
        isa = levels[wanted] if wanted else next(iter(levels.values()))
        _generate(isa)
    except Unsupported as error:
        return Host(None, str(error))
    return Host(isa, "")


def _levels() -> dict[str, Isa]:
    """The levels that this processor has, best first."""
    try:
        import llvmlite
    except ModuleNotFoundError as error:
        # What is missing may be llvmlite or a module that it needs.
        msg = f"{error}; pip install 'portresize[cpu]' brings kernels faster than Pillow"
        raise Unsupported(msg) from error
    version = tuple(int(part) for part in re.findall(r"\d+", llvmlite.__version__)[:2])
    if version < OLDEST:
        msg = f"llvmlite is {llvmlite.__version__}, expected {OLDEST[0]}.{OLDEST[1]} or newer"
        raise Unsupported(msg)
    from portresize._kernels.llvm import engine

    levels = {isa.name: isa for isa in engine.levels()}
    if not levels:
        msg = f"there are no kernels for processors of type {engine.host()[0]!r}"
        raise Unsupported(msg)
    return levels


def _generate(isa: Isa) -> None:
    """A function, of which nothing but that it can be generated is of interest."""
    from portresize._kernels.llvm import library

    library.address(isa, ("gather", 1))
