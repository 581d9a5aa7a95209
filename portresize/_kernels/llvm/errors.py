"""Failures after which other code serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")


class Unsupported(Exception):  # noqa: N818  not an error: the numpy steps serve
    """No kernel takes this plan, array or machine; the text says why."""


class Absent(Unsupported):
    """Nothing is broken: this machine, or the llvmlite installed on it, is none that kernels are written for."""


def result_of(act: Callable[[], R]) -> R:
    """The result of `act`, which asks something of a library that may be broken.

    Raises:
        Unsupported: It fails, and a second time too. What fails only once is no fault of the library but came from a
            signal handler, and is let through.
    """
    try:
        return act()
    except (Unsupported, RecursionError, MemoryError):
        raise
    except Exception as error:
        try:
            act()
        except type(error) as again:
            if str(again) != str(error):
                raise
            msg = f"LLVM generates no code here: {' '.join(str(error).split())}"
            raise Unsupported(msg) from error
        raise
