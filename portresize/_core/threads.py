"""How many threads a call may use: asked of the context, then of the environment, then of the machine."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, SupportsIndex

from portresize._core import foreign, fork, processors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

VARIABLE = "PORTRESIZE_NUM_THREADS"
_CHOSEN: ContextVar[int] = ContextVar("portresize.threads", default=0)


def threads(number: SupportsIndex) -> AbstractContextManager[None]:
    """Let calls inside the `with` block use `number` threads; results are the same for any number.

    It holds for this thread (or asynchronous task) and blocks may be nested. Outside of any, the number is that of the
    environment variable `PORTRESIZE_NUM_THREADS`. Without it, it is one in worker processes: those of `multiprocessing`
    (torch's DataLoader), of `multiprocess` (datasets' `map`) and of joblib, and every process that was forked after
    portresize was imported. Elsewhere it is that of the processors which this process may use: the least of its
    affinity, of the CPU quota of its control group and of `OMP_NUM_THREADS`. Small images stay on the calling thread
    whatever the number. Only the kernels of `portresize[cpu]` use threads, and for one call at a
    time: of calls from several threads at once, the others do without. As with every such setting, let no generator
    yield from inside a block: it would hold for whoever goes on.

    Args:
        number: An integer >= 1.

    Raises:
        TypeError: `number` is no integer.
        ValueError: `number` is less than 1.

    >>> import numpy as np, portresize
    >>> with portresize.threads(1):
    ...     portresize.resize(np.zeros((8, 8), np.uint8), (4, 4)).shape
    (4, 4)
    """
    wanted = "expected an integer >= 1"
    try:
        chosen = foreign.integer(number)
    except TypeError as error:
        msg = f"`number` is {foreign.shown(number)}, {wanted}"
        raise TypeError(msg) from error.__cause__
    if chosen < 1:
        msg = f"`number` is {foreign.shown(number)}, {wanted}"
        raise ValueError(msg)
    return _within(chosen)


@contextmanager
def _within(number: int) -> Iterator[None]:
    token = _CHOSEN.set(number)
    try:
        yield
    finally:
        # A generator that is closed elsewhere leaves a context that is gone.
        with suppress(ValueError):
            _CHOSEN.reset(token)


def number_of_threads() -> int:
    """How many threads a call may use here and now."""
    return _CHOSEN.get() or _default(os.getpid(), os.environ.get(VARIABLE, ""))


@cache
def _default(process: int, asked: str) -> int:  # noqa: ARG001  asked once a process: a child may be a worker
    """The number where no `threads` block says otherwise.

    Raises:
        ValueError: The environment variable holds no integer >= 1.
    """
    if asked:
        if not (asked.isdecimal() and int(asked)):
            msg = f"the environment variable {VARIABLE} is {asked!r}, expected an integer >= 1"
            raise ValueError(msg)
        return int(asked)
    return 1 if fork.is_child() or _is_worker() else processors.available()


# The module of the standard library, and its copies that pickle more.
_LIBRARIES = ("multiprocessing", "multiprocess")


def _is_worker() -> bool:
    """Return whether a library started this process to work beside others."""
    # A worker has loaded the library; other processes need not load it to ask.
    loaded = (sys.modules.get(f"{name}.process") for name in _LIBRARIES)
    return any(module is not None and module.parent_process() is not None for module in loaded)
