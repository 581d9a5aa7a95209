"""Caches that hold what many calls share, and next to nothing of what is large."""

from __future__ import annotations

from functools import lru_cache, update_wrapper
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

LARGE = 1 << 20
"""Bytes from which a table is large: as many as weights along some twenty thousand samples have."""
LONG = 20_000
"""Samples of such an axis."""


class Kept(Generic[P, R]):
    """A function with a cache of its last results, but only of two of those for arguments that are large."""

    __wrapped__: Callable[P, R]

    def __init__(self, function: Callable[P, R], is_large: Callable[..., bool], most: int) -> None:
        self._is_large = is_large
        self._usual, self._large = lru_cache(most)(function), lru_cache(2)(function)
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **words: P.kwargs) -> R:
        """The result, made or remembered."""
        found = self._large if self._is_large(*args, **words) else self._usual
        return found(*args, **words)  # type: ignore[arg-type]  # TypeError for what cannot be looked up

    def cache_clear(self) -> None:
        """Forget everything."""
        self._usual.cache_clear()
        self._large.cache_clear()


def kept(is_large: Callable[..., bool], most: int = 128) -> Callable[[Callable[P, R]], Kept[P, R]]:
    """A decorator that makes a function `Kept`; `is_large` gets the arguments.

    >>> @kept(lambda n: n > 10)
    ... def squared(n):
    ...     return n * n
    >>> squared(3), squared(30)
    (9, 900)
    """
    return lambda function: Kept(function, is_large, most)
