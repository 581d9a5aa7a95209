"""Whether kernels can serve on this machine, at which level, and if not, why."""

from __future__ import annotations

import logging
import os
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

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
    """What serves in this process; asked for the first time, it imports llvmlite, and generates a function to try."""
    found = _host()
    _LOG.debug("CPU kernels: %s", found.isa.name if found.isa else found.why)
    return found


def _host() -> Host:
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "none":
        return Host(None, f"the environment variable {VARIABLE} is none")
    try:
        import llvmlite

        version = tuple(int(part) for part in re.findall(r"\d+", llvmlite.__version__)[:2])
        if version < OLDEST:
            return Host(None, f"llvmlite is {llvmlite.__version__}, expected {OLDEST[0]}.{OLDEST[1]} or newer")
        return _level(wanted)
    except ModuleNotFoundError as error:
        return Host(None, f"{error}; pip install 'portresize[cpu]' brings kernels several times as fast as Pillow")
    except Exception as error:  # noqa: BLE001  whatever is wrong with a library that need not be there
        return Host(None, f"LLVM generates no code here: {' '.join(str(error).split())}")


def _level(wanted: str) -> Host:
    """The best level that this processor has, or the one that is `wanted`, if LLVM generates code for it."""
    from portresize._kernels.llvm import engine, library

    levels = {isa.name: isa for isa in engine.levels()}
    if not levels:
        return Host(None, f"there are no kernels for processors of type {engine.host()[0]!r}")
    if wanted and wanted not in levels:
        return Host(None, f"the environment variable {VARIABLE} is {wanted!r}, expected none, {', '.join(levels)}")
    isa = levels[wanted] if wanted else next(iter(levels.values()))
    library.address(isa, ("gather", 1))
    return Host(isa, "")
