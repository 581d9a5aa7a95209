"""Memory that is handed out holds junk while these tests run, so that a sample which nothing writes is seen."""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from collections.abc import Callable

import numpy as np
import pytest

if not os.environ.get("MALLOC_PERTURB_"):
    pytest.skip("MALLOC_PERTURB_ is not set, with which nox starts pytest", allow_module_level=True)
if platform.libc_ver()[0] != "glibc":
    pytest.skip("only glibc reads MALLOC_PERTURB_", allow_module_level=True)

# glibc fills new memory with the complement.
JUNK = ~int(os.environ["MALLOC_PERTURB_"]) & 0xFF
# From the heap, and from pages of its own, which the kernel hands out full of zeros. numpy keeps what is smaller than
# 1 KiB for itself.
SIZES = [5_000, 200_000, 10_000_000, 100_000_000]


def _libc(name: str, size: int) -> np.ndarray:
    """Return what a function of the C library hands out, as XLA and torch ask it."""
    libc, place = ctypes.CDLL(None), ctypes.c_void_p()
    if name == "posix_memalign":
        assert libc.posix_memalign(ctypes.byref(place), ctypes.c_size_t(64), ctypes.c_size_t(size)) == 0
    else:
        function = getattr(libc, name)
        function.restype = ctypes.c_void_p
        place.value = function(*([ctypes.c_size_t(64)] if name == "aligned_alloc" else []), ctypes.c_size_t(size))
    assert place.value
    content = np.frombuffer(ctypes.string_at(place, size), np.uint8)
    libc.free(place)
    return content


def _torch(size: int) -> np.ndarray:
    torch = pytest.importorskip("torch")
    return np.asarray(torch.empty(size, dtype=torch.uint8).numpy())


SOURCES: dict[str, Callable[[int], np.ndarray]] = {
    "numpy": lambda size: np.empty(size, np.uint8),
    "torch": _torch,
    **{name: lambda size, name=name: _libc(name, size) for name in ("malloc", "aligned_alloc", "posix_memalign")},  # type: ignore[misc]
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SOURCES)
def test_new_memory_holds_junk(name: str, size: int) -> None:
    assert (SOURCES[name](size) == JUNK).all()


def test_it_does_so_in_other_threads() -> None:
    found: list[bool] = []

    def look() -> None:
        found.extend(bool((np.empty(size, np.uint8) == JUNK).all()) for size in SIZES)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [True] * len(SIZES)
