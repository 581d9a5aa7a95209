"""Types of the public face."""

from __future__ import annotations

from typing import Any, Protocol, SupportsIndex, TypeVar

from portresize._core.filters import Resampling


class Array(Protocol):
    """The little that is asked of an array before its own library takes over."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...  # noqa: ANN401  every library has a class of its own


# What comes in comes out.
ArrayT = TypeVar("ArrayT", bound=Array)

Filter = str | SupportsIndex | Resampling | None
