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


def is_failure(error: Exception) -> bool:
    """Whether a library raised this, which is broken or cannot generate code.

    Others come from a signal handler, or would have come anyway: it is not for us to swallow them.
    """
    foreign = isinstance(error, (TimeoutError, RecursionError, MemoryError))
    return type(error).__module__ == "builtins" and not foreign


@cache
def host() -> Host:
    """What serves in this process; asked for the first time, it imports llvmlite, and generates a function to try.

    Raises:
        ValueError: The environment variable names a level that this processor has not.
    """
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
    except ValueError:
        raise
    except Exception as error:
        if not is_failure(error):
            raise
        return Host(None, f"LLVM generates no code here: {' '.join(str(error).split())}")


def _level(wanted: str) -> Host:
    """The best level that this processor has, or the one that is `wanted`, if LLVM generates code for it."""
    from portresize._kernels.llvm import engine, library

    levels = {isa.name: isa for isa in engine.levels()}
    if not levels:
        return Host(None, f"there are no kernels for processors of type {engine.host()[0]!r}")
    if wanted and wanted not in levels:
        msg = f"the environment variable {VARIABLE} is {wanted!r}, expected none, {', '.join(levels)}"
        raise ValueError(msg)
    isa = levels[wanted] if wanted else next(iter(levels.values()))
    library.address(isa, ("gather", 1))
    return Host(isa, "")
