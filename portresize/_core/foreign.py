"""Values of a caller's own classes: how they are read, and how messages show them.

Methods of such a class may raise anything, return nonsense or never end. Readers here call as few of them as possible,
return exact objects of Python's own classes, and raise nothing but TypeError, whose cause is the exception of the
class. MemoryError passes, and so do exceptions that are not errors, such as KeyboardInterrupt.
"""

from __future__ import annotations

import math
import operator
import reprlib
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

# As `reprlib` shows of a sequence.
FEW = 6
# Classes of numpy that can be cast to float and are no real numbers.
_NO_NUMBERS = (bool, str, bytes, complex, np.bool_, np.complexfloating, np.timedelta64, np.datetime64)


class _Short(reprlib.Repr):
    """The `repr` of anything in a few words; of an object whose `repr` fails, its class."""

    def __init__(self) -> None:
        super().__init__()
        self.maxtuple = self.maxlist = self.maxarray = self.maxdict = self.maxset = FEW
        self.maxstring = self.maxother = 200
        self.maxlong = 60

    def repr1(self, x: object, level: int) -> str:
        try:
            # A subclass of text may have methods of its own.
            return str.__str__(super().repr1(x, level))
        except Exception as error:  # noqa: BLE001  whatever a class raises
            return f"<{name_of(type(x))} whose repr raises {name_of(type(error))}>"

    def repr_instance(self, x: object, level: int) -> str:  # noqa: ARG002  as in the base
        text = str.__str__(repr(x))
        half = (self.maxother - 3) // 2
        return text if len(text) <= self.maxother else f"{text[:half]}...{text[-half:]}"


_SHORT = _Short()


def shown(value: object) -> str:
    """Return the `repr` of `value` for a message, cut where it is long.

    >>> shown((3, 4.5)), shown([0] * 1000)
    ('(3, 4.5)', '[0, 0, 0, 0, 0, 0, ...]')
    """
    return _SHORT.repr(value)


def name_of(cls: type) -> str:
    """Return the name of a class, also where its metaclass has another one."""
    return str(type.__dict__["__name__"].__get__(cls))


def path_of(cls: type) -> str:
    """Return the name of a class and, unless it is one of Python's own, that of its module.

    >>> path_of(list), path_of(np.ndarray)
    ('list', 'numpy.ndarray')
    """
    name = name_of(cls)
    try:
        module = cls.__module__
    except Exception:  # noqa: BLE001  whatever a metaclass raises
        return name
    return name if module == "builtins" or not issubclass(type(module), str) else f"{module}.{name}"


def _trusted(read: Callable[Concatenate[object, P], R]) -> Callable[Concatenate[object, P], R]:
    """Let `read` raise TypeError in place of what the methods of a foreign class raise."""

    @wraps(read)
    def reader(value: object, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return read(value, *args, **kwargs)
        except (TypeError, MemoryError):
            raise
        except Exception as error:
            raise TypeError from error

    return reader  # type: ignore[return-value]  # the checker names its first argument, which callers do not


def text(value: object) -> str | None:
    """Return `value` as plain text, or None if it is no text."""
    cls = type(value)
    if cls is str:
        return value  # type: ignore[return-value]  # the checker does not follow `cls`
    # Not `isinstance`, which asks the object as well.
    return str.__str__(value) if issubclass(cls, str) else None


@_trusted
def is_many(value: object) -> bool:
    """Return whether `value` has members; an array of no axes has the method for it, but none."""
    return hasattr(value, "__iter__") and getattr(value, "ndim", None) != 0


@_trusted
def members(value: object, most: int = FEW) -> list[object]:
    """Return the members of a sequence; of one that is longer than `most`, the first `most + 1`.

    Raises:
        TypeError: `value` is no sequence, but a number, text, a mapping or a set.
    """
    if issubclass(type(value), (str, bytes, dict, set, frozenset)):
        raise TypeError
    return list(islice(iter(value), most + 1))  # type: ignore[call-overload]  # raises TypeError


@_trusted
def integer(value: object) -> int:
    """Return `value` as an int if it is one: numpy's integers are, bool and 3.0 are not.

    Raises:
        TypeError: It is none.
    """
    cls = type(value)
    # Not asked for its index, which would make a number of a symbol of torch's compilers.
    if cls is int or (cls.__name__ == "SymInt" and cls.__module__ == "torch"):
        return value  # type: ignore[return-value]  # a symbol stands for an int
    if issubclass(cls, (bool, np.timedelta64)):
        raise TypeError
    # A compiler that meets an enumeration of integers follows `int`, but not `index`.
    return int(value) if issubclass(cls, int) else operator.index(value)  # type: ignore[call-overload,arg-type]  # raises TypeError


@_trusted
def number(value: object) -> float:
    """Return `value` as a float if it is a real number; text and bool are not.

    Raises:
        TypeError: It is none.
    """
    cls = type(value)
    # The class first, which torch.compile can ask of a number that it keeps symbolic.
    real = issubclass(cls, (int, float)) or hasattr(cls, "__float__") or hasattr(cls, "__index__")
    if issubclass(cls, _NO_NUMBERS) or not real:
        raise TypeError
    try:
        return float(value)  # type: ignore[arg-type]  # checked above
    except OverflowError:
        # An integer beyond all doubles is as far out of range as a number can be.
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]  # an integer
