"""Fork safety: the lock over what a process does once, and the hook that holds it during a fork.

A child process has only the thread that forked. A lock that another thread held stays locked in the child, and a module
that another thread was importing stays half imported: the child's own first call would wait for ever. So every import
inside a call, every entry into LLVM and every start of a thread is made under `LOCK`, which a fork acquires first.

Order of locks: `LOCK` before the import locks of modules. Modules that are imported under it acquire it in functions
only, never while they are being imported, because a thread of the caller may be importing them without it.
"""

from __future__ import annotations

import _thread

# `logging` has a hook of its own, and its lock may be wanted under this one. A fork acquires in the reverse order of
# registration, and so has to meet that of `logging` first.
import logging  # noqa: F401
import os
import sys
import threading
from contextlib import contextmanager
from functools import cache, wraps
from typing import TYPE_CHECKING, TypeVar

from portresize._core.room import reserve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

R = TypeVar("R")

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


def once(load: Callable[[], R]) -> Callable[[], R]:
    """Decorate a function that imports what calls need: its result, made under `importing` and then kept.

    On the main thread a signal handler may come in between and call it too, where a half imported module would be an
    ImportError. So that thread only waits, and a handler waits as well, for another thread that imports.
    """

    def act() -> R:
        with importing():
            return load()

    @cache
    @wraps(load)
    def call() -> R:
        is_main = threading.current_thread() is threading.main_thread()
        # Another thread would wait for the lock that this one holds, and whose section a handler interrupted.
        if not is_main or LOCK._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001  as Condition asks
            return act()
        return _elsewhere(act)

    return call


# Seconds between two looks whether the thread that is waited for is one of this process.
_PATIENCE = 0.1


def _elsewhere(act: Callable[[], R]) -> R:
    """Return the result of `act`, called on another thread if one can be had, or raise what it raises."""
    results: list[R] = []
    errors: list[BaseException] = []
    done, process = _thread.allocate_lock(), os.getpid()
    done.acquire()

    def run() -> None:
        # As `threading` does for debuggers and measures of coverage.
        sys.settrace(threading.gettrace())
        # Under the lock to the end: a child that the waiting thread forks then finds the result, or no thread at all.
        with LOCK:
            try:
                results.append(act())
            except BaseException as error:  # noqa: BLE001  raised by the thread that waits
                errors.append(error)
            done.release()

    try:
        # Not a `Thread`, whose `start` waits for it: a signal handler may fork meanwhile, and the child has none.
        _thread.start_new_thread(run, ())
    except RuntimeError:
        return act()
    while not done.acquire(timeout=_PATIENCE):
        if os.getpid() != process:
            return act()
    if errors:
        raise errors[0]
    return results[0]
