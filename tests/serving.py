"""Who serves an array in the memory of this machine: the kernels, or the steps of its library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from portresize import _subject
from portresize._backends import _host


@contextmanager
def without_kernels(library: str = "numpy") -> Iterator[None]:
    """The steps of the library serve, as they do where there is no llvmlite."""
    if library == "jax":
        with _jax_without_kernels():
            yield
        return
    # Requests that were made before hold their kernels.
    with mock.patch.object(_host, "run", return_value=None), mock.patch.object(_host, "_call", return_value=None):
        _subject.ready.cache_clear()
        yield
    _subject.ready.cache_clear()


@contextmanager
def _jax_without_kernels() -> Iterator[None]:
    import jax

    from portresize._backends import _jax_cpu

    # What was compiled before has its calls in it.
    jax.clear_caches()
    try:
        with mock.patch.object(_jax_cpu, "native", return_value=None):
            yield
    finally:
        jax.clear_caches()
