"""Memory that LLVM takes for granted: a stack, and pages that may be executed."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import sys
import threading
from typing import TYPE_CHECKING, TypeVar

from portresize._kernels.llvm.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")

_IS_POSIX = sys.platform != "win32"
# Bytes of a stack: code generation overflowed 64 KiB, and not 96 KiB. The caller has used an unknown part of its own.
_SMALL, _LARGE = 512 << 10, 8 << 20
# Bytes of a `pthread_attr_t`; 64 is the largest known.
_ATTRIBUTES = 256


def on_large_stack(act: Callable[[], R]) -> R:
    """Return the result of `act`, called on another thread if the stack of this one is small.

    Raises:
        Unsupported: No thread can be started.
    """
    size = _stack_size()
    if not 0 < size < _SMALL:
        return act()
    results: list[R] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(act())
        except BaseException as error:  # noqa: BLE001  raised again below
            errors.append(error)

    thread = threading.Thread(target=run, name="portresize code generation")
    before = threading.stack_size(_LARGE)
    try:
        thread.start()
    except RuntimeError as error:
        msg = f"a thread of {size >> 10} KiB of stack, and none with more can be started: {error}"
        raise Unsupported(msg) from error
    finally:
        threading.stack_size(before)
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _stack_size() -> int:
    """Bytes of the stack of this thread; 0 where the C library does not tell."""
    if not _IS_POSIX:
        return 0
    c = ctypes.CDLL(None)
    c.pthread_self.restype = ctypes.c_void_p
    this = ctypes.c_void_p(c.pthread_self())
    if hasattr(c, "pthread_get_stacksize_np"):  # macOS
        c.pthread_get_stacksize_np.restype = ctypes.c_size_t
        return int(c.pthread_get_stacksize_np(this))
    attributes, size = ctypes.create_string_buffer(_ATTRIBUTES), ctypes.c_size_t()
    if not hasattr(c, "pthread_getattr_np") or c.pthread_getattr_np(this, attributes):
        return 0
    c.pthread_attr_getstacksize(attributes, ctypes.byref(size))
    c.pthread_attr_destroy(attributes)
    return size.value


def check_executable(address: int) -> None:
    """Check that the code at `address` may be executed.

    LLVM ignores it where the system refuses: PR_SET_MDWE of prctl, MemoryDenyWriteExecute of systemd, `execmem` of
    SELinux. What is executable already may be asked for once more.

    Raises:
        Unsupported: It may not.
    """
    if not _IS_POSIX:
        return
    c = ctypes.CDLL(None, use_errno=True)
    page = ctypes.c_void_p(address // mmap.PAGESIZE * mmap.PAGESIZE)
    if not c.mprotect(page, ctypes.c_size_t(mmap.PAGESIZE), mmap.PROT_READ | mmap.PROT_EXEC):
        return
    number = ctypes.get_errno()
    if number == errno.ENOMEM:
        msg = "no memory to make a kernel executable"
        raise MemoryError(msg)
    msg = f"memory may not become executable in this process: {os.strerror(number)}"
    raise Unsupported(msg)
