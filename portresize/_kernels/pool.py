"""Threads that kernels run on, besides the one that calls."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@lru_cache(maxsize=2)
def _pool(process: int, helpers: int) -> ThreadPoolExecutor:  # noqa: ARG001  threads do not survive a fork
    """The helpers of a process, made when they are first needed."""
    return ThreadPoolExecutor(helpers, thread_name_prefix="portresize")


def run_all(jobs: Sequence[Callable[[], None]]) -> None:
    """Do all `jobs`, each on a thread of its own, the first on the calling one."""
    if len(jobs) > 1:
        pool = _pool(os.getpid(), len(jobs) - 1)
        others = [pool.submit(job) for job in jobs[1:]]
    else:
        others = []
    try:
        jobs[0]()
    finally:
        # Nobody may free what a helper still writes to, whatever happened here.
        for other in others:
            other.result()
