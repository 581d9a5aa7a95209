"""Whether kernels can serve on this machine, at which level, and if not, why."""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from portresize._kernels.llvm.isa import Isa

VARIABLE = "PORTRESIZE_ISA"
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
        from portresize._kernels.llvm import engine, library
    except ImportError as error:
        return Host(None, f"llvmlite is not installed ({error}): pip install 'portresize[cpu]'")
    except (OSError, RuntimeError, AttributeError) as error:
        return Host(None, f"llvmlite does not load: {error}")
    try:
        levels = {isa.name: isa for isa in engine.levels()}
        if wanted and wanted not in levels:
            return Host(None, f"the environment variable {VARIABLE} is {wanted!r}, this machine has {', '.join(levels)}")
        if not levels:
            machine, _ = engine.host()
            return Host(None, f"there are no kernels for processors of type {machine!r}")
        isa = levels[wanted] if wanted else next(iter(levels.values()))
        library.address(isa, ("gather", 1))
    except (OSError, RuntimeError, AttributeError, TypeError) as error:
        return Host(None, f"LLVM does not generate code here: {error}")
    return Host(isa, "")
