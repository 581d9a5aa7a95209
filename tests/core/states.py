"""Floating-point states that another library may leave a thread in."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

# FE_UPWARD, FE_DOWNWARD and FE_TOWARDZERO of the C library.
_MODES = {
    "x86_64": {"upward": 0x800, "downward": 0x400, "toward zero": 0xC00},
    "aarch64": {"upward": 0x400000, "downward": 0x800000, "toward zero": 0xC00000},
}
# In MXCSR; where it lies in an `fenv_t` of glibc.
_FLUSH, _MXCSR = 0x8040, 28
# Where the addresses of the last instruction of x87 lie there, and of its operand.
_POINTERS = 12
STATES = ["upward", "downward", "toward zero", "flush"]


@contextmanager
def state(name: str) -> Iterator[None]:
    """Set a state of this thread; skip the test where that cannot be done."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _MODES or (name == "flush" and machine != "x86_64"):
        pytest.skip(f"sets floating-point states as Linux does, on {', '.join(_MODES)}")
    c, before = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    c.fegetenv(before)
    try:
        if name == "flush":
            other = ctypes.create_string_buffer(before.raw, 256)
            word = ctypes.c_uint32.from_buffer(other, _MXCSR)
            word.value |= _FLUSH
            c.fesetenv(other)
        else:
            c.fesetround(_MODES[machine][name])
        yield
    finally:
        c.fesetenv(before)


def word() -> bytes:
    """The state of this thread, but for the exceptions that it has seen."""
    c, env = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    c.feclearexcept(0x3F if platform.machine() == "x86_64" else 0x1F)
    c.fegetenv(env)
    if platform.machine() == "x86_64":
        # Where the last instruction of x87 was is no state: whatever computes with long doubles moves it.
        ctypes.memset(ctypes.addressof(env) + _POINTERS, 0, _MXCSR - _POINTERS)
    return env.raw
