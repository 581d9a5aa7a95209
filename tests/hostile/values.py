"""Values of arguments by kind. Each is made anew for every use, because an iterator can be read only once."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

# A campaign asks for no larger side that could be held, so that its calls are quick.
LARGEST_SIDE = 300
# Sides that are legal, and with any other make a result that cannot be held in `child.ROOM`.
HUGE = (2**36, 2**38)
# No side that is legal is larger.
BEYOND = 2**40


class Value(NamedTuple):
    """One argument.

    Attributes:
        kind: Its name in reports.
        make: Return a new one.
        changes: It may answer the same question differently the next time.
        passes: Exceptions of its methods that portresize is to let through: MemoryError, and those that are no
            `Exception`, such as KeyboardInterrupt.
    """

    kind: str
    make: Callable[[], Any]
    changes: bool = False
    passes: tuple[type[BaseException], ...] = ()


Draw = Callable[[Random], Value]


def constant(value: Any, kind: str = "") -> Value:
    """A value that nobody can change."""
    return Value(kind or repr(value), lambda: value)


class HostileError(Exception):
    """Raised by methods of hostile objects, and by nothing else."""


class SilentError(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise HostileError

    __repr__ = __str__
