"""An array before its values matter: what runs it, how its axes and bands are read."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from portresize import _dispatch
from portresize._core import request
from portresize._core.filters import Resampling
from portresize._core.modes import MODES
from portresize._core.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from portresize._typing import ArrayT, Filter


class Subject(NamedTuple):
    """Metadata of an image."""

    backend: _dispatch.Backend
    layout: str
    mode: str
    dialect: str
    shape: tuple[int, ...]
    dtype: str
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

    def spec(self, **request_: object) -> Spec:
        """Make a request out of the rest of the Spec's fields."""
        return Spec(self.layout, self.mode, self.dialect, **request_)  # type: ignore[arg-type]  # fields of a Spec


def subject_of(image: Any, layout: str | None, mode: str | None, dialect: str) -> Subject:  # noqa: ANN401
    """Check all that every verb checks first."""
    backend, array = _dispatch.opened(image)
    return _read(backend, array, layout, mode, dialect, cls=type(array))


def _read(
    backend: _dispatch.Backend, image: _Seen, layout: str | None, mode: str | None, dialect: str, *, cls: type
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
    name = request.mode_of(dtype, bands, mode)
    return Subject(backend, axes, name, dialect, shape, dtype, 1 if bands is None else bands)


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


# Classes whose values cannot change, and are equal to none of the same class that means something else.
_SCALARS = frozenset({int, float, bool, str, type(None)})
# Most words together: a box has four, a colour one for each band.
_MOST_WORDS = 8


def _is_plain(image: object) -> bool:
    """Return whether `image` is an array of numpy, or a tensor of torch that no compiler traces."""
    cls = type(image)
    if cls is np.ndarray:
        return True
    try:
        if cls.__name__ != "Tensor" or cls.__module__ != "torch":
            return False
    except Exception:  # noqa: BLE001  whatever a metaclass raises
        return False
    # The module is loaded where there is a tensor.
    from torch.compiler import is_compiling

    return not is_compiling()


def _key(words: tuple[object, ...]) -> list[Any] | None:
    """Return `words` for a typed cache, after the types of the members of all tuples; None if a word may change.

    A typed cache tells 4.0 from 4 among the words, but not in the tuples among them.
    """
    key: list[Any] = [()]
    for word in words:
        cls = type(word)
        if (cls is tuple or cls is list) and len(word) <= _MOST_WORDS:  # type: ignore[arg-type]  # it has a length
            # At once: another thread may change a list.
            members = tuple(word)  # type: ignore[arg-type, var-annotated]  # it has members
            types = tuple(map(type, members))
            if not _SCALARS.issuperset(types):
                return None
            key[0] += types
            key.append(members)
        elif cls in _SCALARS or issubclass(cls, Enum):
            key.append(word)
        else:
            return None
    return key


def answer(
    verb: Callable[..., Spec], image: ArrayT, reading: tuple[str | None, str | None, str], *words: object
) -> ArrayT:
    """Run what `verb` makes of an image and of its `words`; `reading` is the layout, the mode and the dialect."""
    if _is_plain(image):
        try:
            key = _key(words)
            run = None if key is None else ready(verb, type(image), image.shape, image.dtype, *reading, *key)
        except Exception:  # noqa: BLE001  whatever a class raises that is asked for its hash
            run = None  # An argument cannot be looked up, or is wrong: said below.
        if run is not None:
            found: ArrayT = run(image)
            return found
    subject = subject_of(image, *reading)
    spec = verb(subject, *words)
    result: ArrayT = subject.backend.run(_unchanged(subject, image), spec)
    return result


def _unchanged(subject: Subject, image: Any) -> Any:  # noqa: ANN401  an array of any library
    """Return the array to run, once the words are read: methods of the caller's own classes may have changed it.

    Raises:
        ValueError: It has another shape or dtype now.
    """
    _, array = _dispatch.opened(image)
    shape, dtype = tuple(array.shape), str(array.dtype).rpartition(".")[2]
    if shape != subject.shape or dtype != subject.dtype:
        msg = (
            f"`image` of shape {subject.shape} and dtype {subject.dtype} has become one of shape {shape} and dtype "
            f"{dtype} during the call; a method of another argument changes it"
        )
        raise ValueError(msg)
    return array


# Checking arguments takes longer than resizing a small image. Typed, because 4.0 is not 4 here.
@lru_cache(maxsize=128, typed=True)
def ready(  # noqa: PLR0917  a key of a cache: words by name take longer
    verb: Callable[..., Spec],
    cls: type,
    shape: tuple[int, ...],
    dtype: object,
    layout: str | None,
    mode: str | None,
    dialect: str,
    types: tuple[type, ...],  # noqa: ARG001  tells words apart
    *words: Any,  # noqa: ANN401
) -> Callable[[Any], Any]:
    """Return what executes `verb` with `words` on arrays of one shape and dtype; `types` and `words` are a `_key`."""
    subject = _read(_dispatch.backend_of(cls), _Described(shape, dtype), layout, mode, dialect, cls=cls)
    backend, spec = subject.backend, verb(subject, *words)
    bound = getattr(backend, "bound", None)
    return bound(spec) if bound else lambda image: backend.run(image, spec)
