"""Copies of functions for which some global objects are others."""

from __future__ import annotations

from functools import update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Except:
    """An object, such as a module, but for one of its attributes."""

    def __init__(self, whole: object, name: str, value: object) -> None:
        self._whole = whole
        setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  of any object
        return getattr(self._whole, name)


def rebound(function: FunctionType, instead: Mapping[tuple[str, ...], object]) -> FunctionType:
    """Return a copy of a function for which the objects at some paths from a global name are others.

    The copy has a dictionary of global names of its own, as they are now. It has no `__name__` in it, by which torch's
    compiler would look the names up in the module.

    >>> import math
    >>> def up(x):
    ...     return math.ceil(x), math.floor(x)
    >>> up.__globals__["math"] = math
    >>> rebound(up, {("math", "ceil"): round})(2.2)
    (2, 2)
    """
    names = {name: value for name, value in function.__globals__.items() if name != "__name__"}
    for path, value in instead.items():
        names[path[0]] = _standing(names[path[0]], path[1:], value)
    code, defaults, closure = function.__code__, function.__defaults__, function.__closure__
    copy = FunctionType(code, names, function.__name__, defaults, closure)
    copy.__kwdefaults__ = function.__kwdefaults__
    update_wrapper(copy, function)
    return copy


def is_copy(function: object) -> bool:
    """Return whether `rebound` has made the function."""
    return isinstance(function, FunctionType) and "__name__" not in function.__globals__


def _standing(whole: object, path: tuple[str, ...], value: object) -> object:
    """Return `whole`, but with another object at the end of a path of attributes."""
    if not path:
        return value
    return _Except(whole, path[0], _standing(getattr(whole, path[0]), path[1:], value))
