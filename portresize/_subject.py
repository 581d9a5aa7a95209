"""An array before its values matter: what runs it, how its axes and bands are read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from portresize import _dispatch
from portresize._core import request
from portresize._core.filters import Resampling
from portresize._core.modes import MODES
from portresize._core.spec import Spec

if TYPE_CHECKING:
    from portresize._typing import ArrayT, Filter


class Subject(NamedTuple):
    """What is known of an array before its values matter."""

    backend: _dispatch.Run
    layout: str
    mode: str
    dialect: str
    shape: tuple[int, ...]
    bands: int

    @property
    def size(self) -> tuple[int, int]:
        """`(height, width)`."""
        return self.shape[self.layout.index("H")], self.shape[self.layout.index("W")]

    def filter(self, resample: Filter) -> int:
        """What `resample` means for `resize`."""
        rules = request.dialect_of(self.dialect)
        default = rules.u16_default if MODES[self.mode].kind == "u16" else Resampling.BICUBIC
        return request.filter_of(resample, self.dialect, default)

    def run(self, image: ArrayT, **request_: object) -> ArrayT:
        """Hand the rest of the Spec to the backend."""
        spec = Spec(self.layout, self.mode, self.dialect, **request_)  # type: ignore[arg-type]  # fields of a Spec
        return self.backend(image, spec)  # type: ignore[return-value]  # a backend returns its own kind of array


def subject_of(image: ArrayT, layout: str | None, mode: str | None, dialect: str) -> Subject:
    """Everything that every verb checks first."""
    return _read(_dispatch.backend(image), image, layout, mode, dialect, cls=type(image))


def _read(
    backend: _dispatch.Run, image: _Seen, layout: str | None, mode: str | None, dialect: str, *, cls: type
) -> Subject:
    dialect = request.dialect_name(dialect)
    request.dialect_of(dialect)
    shape = tuple(image.shape)
    # The symbols of jax cannot always be compared with numbers.
    are_numbers = not _dispatch.is_of_jax(image) or all(isinstance(length, int) for length in shape)
    axes = request.layout_of(shape, layout, are_numbers=are_numbers, as_pillow_reads=issubclass(cls, np.ndarray))
    if not are_numbers and not all(isinstance(shape[axes.index(name)], int) for name in "HWC" if name in axes):
        msg = f"`image` has shape {shape}, expected numbers along H, W and C; only batch axes may be symbols"
        raise ValueError(msg)
    # A compiler of torch has to know it as a number.
    bands = int(shape[axes.index("C")]) if "C" in axes else None
    # "uint8", "torch.uint8" and "array_api_strict.uint8" are one dtype.
    dtype = str(image.dtype).rpartition(".")[2]
    return Subject(backend, axes, request.mode_of(dtype, bands, mode), dialect, shape, 1 if bands is None else bands)


class _Seen(Protocol):
    """What is asked of an array."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> object: ...


class _Described(NamedTuple):
    """An array that is not there."""

    shape: tuple[int, ...]
    dtype: object


def is_remembered(image: object, size: object, resample: object) -> bool:
    """Whether `ready` may be asked: for plain arrays of numpy, and of torch where no compiler looks on.

    And only for words that cannot change, as an array with a number in it can.
    """
    if type(size) is not tuple or len(size) != 2 or type(size[0]) is not int or type(size[1]) is not int:
        return False
    if resample is not None and not issubclass(type(resample), (str, int)):
        return False
    cls = type(image)
    if cls is np.ndarray:
        return True
    if cls.__name__ != "Tensor" or cls.__module__ != "torch":
        return False
    # Whoever has such a tensor has loaded it.
    from torch.compiler import is_compiling

    return not is_compiling()


# Checking arguments takes longer than resizing a small image. Typed, because 4.0 is not 4 here.
@lru_cache(maxsize=256, typed=True)
def ready(
    cls: type,
    shape: tuple[int, ...],
    dtype: object,
    height: int,
    width: int,
    *words: Any,  # noqa: ANN401
) -> tuple[_dispatch.Run, Spec]:
    """What `resize` does with arrays of one shape and dtype; `words` are resample, layout, mode and dialect."""
    resample, layout, mode, dialect = words
    subject = _read(_dispatch.backend_of(cls), _Described(shape, dtype), layout, mode, dialect, cls=cls)
    size = request.size_of((height, width))
    spec = Spec(subject.layout, subject.mode, subject.dialect, size=size, resample=subject.filter(resample))
    return subject.backend, spec
