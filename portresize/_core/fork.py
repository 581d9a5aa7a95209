"""Fork safety: the lock over what a process does once, and the hook that holds it during a fork.

A child process has only the thread that forked. A lock that another thread held stays locked in the child, and a module
that another thread was importing stays half imported: the child's own first call would wait for ever. So every import
inside a call, every entry into LLVM and every start of a thread is made under `LOCK`, which a fork acquires first.

Order of locks: `LOCK` before the import locks of modules. Modules that are imported under it acquire it in functions
only, never while they are being imported, because a thread of the caller may be importing them without it.
"""

from __future__ import annotations

# `logging` has a hook of its own, and its lock may be wanted under this one. A fork acquires in the reverse order of
# registration, and so has to meet that of `logging` first.
import logging  # noqa: F401
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from portresize._core.room import reserve

if TYPE_CHECKING:
    from collections.abc import Iterator

# Reentrant, because a signal handler may resize while its thread holds it.
LOCK = threading.RLock()

# Holds something in a process that was forked.
_CHILD: list[bool] = []


def is_child() -> bool:
    """Return whether this process was forked from one that had imported portresize."""
    return bool(_CHILD)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _CHILD.append(True))
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)


@contextmanager
def importing() -> Iterator[None]:
    """Hold `LOCK` for imports inside a call.

    Raises:
        MemoryError: They failed, and there is no memory: an extension that cannot be mapped is an ImportError.
    """
    with LOCK:
        try:
            yield
        except Exception:
            reserve()
            raise
