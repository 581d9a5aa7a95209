"""Whether kernels can serve on this machine, at which level, and if not, why."""

from __future__ import annotations

import logging
import os
import re
import warnings
from typing import TYPE_CHECKING, NamedTuple

from portresize._core.fork import once
from portresize._core.room import reserve
from portresize._kernels.llvm.errors import Absent, Unsupported, result_of

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


def host() -> Host:
    """Return the level that serves in this process; the first call imports llvmlite and generates a function to try.

    If kernels were asked for and cannot serve, the first call warns.

    Raises:
        ValueError: The environment variable names a level that this processor has not.
    """
    found, is_wanted = _found()
    # Not under the lock: handlers of logs and warnings are code of others, which may have locks of its own.
    if not _SAID:
        _SAID.append(found)
        _LOG.debug("CPU kernels: %s", found.isa.name if found.isa else found.why)
        if found.isa is None and is_wanted:
            msg = f"the numpy steps serve, exact but slower than kernels of llvmlite: {found.why}"
            warnings.warn(msg, RuntimeWarning, stacklevel=2)
    return found


# What has been logged, once in a process.
_SAID: list[Host] = []


def _look() -> tuple[Host, bool]:
    """The level, and whether kernels were asked for: by the environment, or by an llvmlite that could serve."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "none":
        return Host(None, f"the environment variable {VARIABLE} is none"), False
    try:
        levels = result_of(_levels)
        if wanted and wanted not in levels:
            msg = f"the environment variable {VARIABLE} is {wanted!r}, expected none, {', '.join(levels)}"
            raise ValueError(msg)
        isa = levels[wanted] if wanted else next(iter(levels.values()))
        _generate(isa)
    except Unsupported as error:
        if not isinstance(error, Absent):
            reserve()  # A library for which there was no memory is not broken for good.
        why = f"the environment variable {VARIABLE} is {wanted!r}, but {error}" if wanted else str(error)
        return Host(None, why), bool(wanted) or not isinstance(error, Absent)
    return Host(isa, ""), True


_found = once(_look)


def _levels() -> dict[str, Isa]:
    """The levels that this processor has, best first."""
    try:
        import llvmlite
    except ModuleNotFoundError as error:
        # The missing module may be llvmlite itself, or one that an installed llvmlite needs.
        msg = f"{error}; pip install 'portresize[cpu]' brings kernels faster than Pillow"
        raise (Absent if error.name == "llvmlite" else Unsupported)(msg) from error
    version = tuple(int(part) for part in re.findall(r"\d+", llvmlite.__version__)[:2])
    if version < OLDEST:
        msg = f"llvmlite is {llvmlite.__version__}, expected {OLDEST[0]}.{OLDEST[1]} or newer"
        raise Absent(msg)
    from portresize._kernels.llvm import engine

    levels = {isa.name: isa for isa in engine.levels()}
    if not levels:
        msg = f"there are no kernels for processors of type {engine.host()[0]!r}"
        raise Absent(msg)
    return levels


def _generate(isa: Isa) -> None:
    """A function, of which nothing but that it can be generated is of interest."""
    from portresize._kernels.llvm import library

    library.address(isa, ("gather", 1))
