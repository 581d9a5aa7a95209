"""A process that the system gives little: stack, address space, or no executable memory.

    python -m tests.kernels.limits memory 3

exits with 0 if every call gave the right bytes or a MemoryError.
"""

from __future__ import annotations

import ctypes
import resource
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import portresize

RANDOM = np.random.default_rng(0)
BYTES = RANDOM.integers(0, 256, (700, 500, 3), np.uint8)
FLOATS = RANDOM.random((300, 200)).astype(np.float32)
CALLS: list[Callable[[], Any]] = [
    partial(portresize.resize, BYTES, (90, 100)),
    partial(portresize.resize, BYTES[..., 0], (200, 100), "lanczos", layout="HW"),
    partial(portresize.resize, FLOATS, (90, 100), "hamming", layout="HW"),
    partial(portresize.reduce, BYTES, 3),
    partial(portresize.resize, FLOATS.astype(np.int32), (400, 31), layout="HW"),
    partial(portresize.fit, BYTES, (333, 50), "nearest"),
    partial(portresize.resize, FLOATS.astype(np.float16), (40, 50), layout="HW"),
]


def steps() -> list[np.ndarray]:
    """The results of the numpy steps; which are imported then."""
    from tests.serving import without_kernels

    with without_kernels():
        return [call() for call in CALLS]


def check(found: list[Any], wanted: list[np.ndarray]) -> None:
    """Every result is right; None is one that there was no memory for."""
    for number, (y, z) in enumerate(zip(found, wanted, strict=True)):
        assert y is None or np.array_equal(y, z), f"call {number} is wrong"


def stack(kibibytes: int) -> None:
    """The first calls are those of a thread with a small stack."""
    found: list[Any] = []
    threading.stack_size(kibibytes << 10)
    thread = threading.Thread(target=lambda: found.extend(call() for call in CALLS))
    thread.start()
    thread.join()
    assert threading.stack_size(0) == kibibytes << 10
    check(found, steps())


def no_execution(after: int) -> None:
    """Memory may become executable no more, after so many calls."""
    with portresize.threads(1):
        found = [call() for call in CALLS[:after]]
    if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN
        print("this kernel knows no PR_SET_MDWE")
        return
    with portresize.threads(3):
        check([*found, *(call() for call in CALLS[after:])], steps())
        check([call() for call in CALLS], steps())
    from portresize._kernels.llvm.host import host

    print(host().why)


def memory(seed: int) -> None:
    """A random limit, before one of the calls; none any more after the last."""
    random = np.random.default_rng(seed)
    begin, room = int(random.integers(len(CALLS))), int(random.choice([1, 4, 24, 100]) * random.random() * 2**20)
    wanted = steps() if random.random() < 0.5 else []
    found: list[Any] = []
    with portresize.threads(int(random.choice([1, 2, 30]))):
        for number, call in enumerate(CALLS):
            if number == begin:
                used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                resource.setrlimit(resource.RLIMIT_AS, (used + room, resource.RLIM_INFINITY))
            try:
                found.append(call())
            except MemoryError:
                found.append(None)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wanted = wanted or steps()
        check(found, wanted)
        # What failed for want of memory is not remembered.
        check([call() for call in CALLS], wanted)
    print(f"{sum(y is None for y in found)} of {len(found)} calls had not the memory, limit {room >> 10} KiB")


ACTS: dict[str, Callable[[int], None]] = {"stack": stack, "no execution": no_execution, "memory": memory}

if __name__ == "__main__":
    ACTS[sys.argv[1]](int(sys.argv[2]))
