"""Floating-point state of a thread: how it rounds, and whether it takes subnormal numbers for 0.

A library in the same process may have changed it (`fesetround`, `torch.set_flush_denormal`, `-ffast-math`). Tables are
kept, so they are made in the default state of IEEE 754, and results are those of that state too.

Windows has no `fesetenv` to ask the process for; there, only the kernels set the state.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import ContextDecorator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

_ONE, _BELOW, _SMALLEST = 1.0, 2.0**-60, 5e-324
# Bytes of an `fenv_t`; the largest known is that of macOS with 32 bytes or glibc for x86-64 with as many.
_SIZE = 256


def is_default() -> bool:
    """Return whether this thread rounds to nearest and flushes nothing; in arithmetic, which is faster than asking."""
    return _ONE + _BELOW == _ONE == _ONE - _BELOW and _SMALLEST * _ONE != 0.0


class DefaultState(ContextDecorator):
    """A block, or a function, that computes in the default state and leaves that of its caller as it was.

    >>> with DefaultState():
    ...     is_default()
    True
    """

    def __init__(self) -> None:
        self._before: ctypes.Array[ctypes.c_char] | None = None

    def _recreate_cm(self) -> Self:
        """Return another one for each call of a decorated function, of which there may be several at once."""
        return type(self)()

    def __enter__(self) -> None:
        if not is_default():
            self._before = _enter()

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            ctypes.CDLL(None).fesetenv(self._before)
            self._before = None


def _enter() -> ctypes.Array[ctypes.c_char] | None:
    """Set the default state and return the one before; None where the C library has no such functions."""
    if sys.platform == "win32":
        return None
    c = ctypes.CDLL(None)
    before = ctypes.create_string_buffer(_SIZE)
    # FE_DFL_ENV: a structure on macOS, and an address that is none in glibc and musl.
    default = ctypes.c_void_p(-1)
    if sys.platform == "darwin":
        default = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.in_dll(c, "_FE_DFL_ENV")))
    c.fegetenv(before)
    c.fesetenv(default)
    return before
