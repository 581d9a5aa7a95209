"""Who serves an array in the memory of this machine: the kernels, or the steps of its library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from portresize._backends import _host


@contextmanager
def without_kernels() -> Iterator[None]:
    """The steps of numpy and torch serve, as they do where there is no llvmlite."""
    with mock.patch.object(_host, "run", return_value=None):
        yield
