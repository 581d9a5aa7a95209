"""Which backend runs an array, by the class of the array. Nothing is imported to ask.

Imports are literal and made on first use: a backend imports its library, which whoever made the array has loaded.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Protocol

from portresize._core.fork import importing

if TYPE_CHECKING:
    from portresize._core.spec import Spec
    from portresize._typing import Array


class Run(Protocol):
    """What a backend is: one function."""

    def __call__(self, x: Array, spec: Spec, /) -> Array: ...


@cache
def _generic() -> Run:
    with importing():
        from portresize._backends.generic import run

        return run


@cache
def _numpy() -> Run:
    with importing():
        from portresize._backends.numpy import run

        return run


def _torch() -> Run:
    from torch.compiler import is_compiling

    # Dynamo follows neither a lock nor a cache, but imports.
    if is_compiling():
        from portresize._backends.torch import run

        return run
    return _torch_eagerly()


@cache
def _torch_eagerly() -> Run:
    with importing():
        from portresize._backends.torch import run

        return run


@cache
def _jax() -> Run:
    with importing():
        from portresize._backends.jax import run

        return run


# Top-level package and name of a class in the array's MRO, so that subclasses such as torch.nn.Parameter are found too.
_BACKENDS = {
    ("numpy", "ndarray"): _numpy,
    ("torch", "Tensor"): _torch,
    ("jaxlib", "ArrayImpl"): _jax,
    ("jax", "Tracer"): _jax,
    ("jax", "Array"): _jax,
    ("cupy", "ndarray"): _generic,
}


def backend(image: object) -> Run:
    """The function that runs a Spec on arrays such as `image`.

    Raises:
        TypeError: No backend takes it.
    """
    if _is_of_torch(image):
        return _torch()
    return backend_of(type(image))


def _is_of_torch(image: object) -> bool:
    """Whether it is a tensor of torch's own, asked so that torch's compiler can follow."""
    cls = type(image)
    if cls.__name__ != "Parameter":
        return cls.__name__ == "Tensor" and cls.__module__ == "torch"
    # Into this class it does not look; but where it sees a list of all modules, it looks through it at every call.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(image, getattr(torch, "Tensor", ()))


def backend_of(cls: type) -> Run:
    """The same for a class of arrays."""
    for base in cls.__mro__:
        key = (base.__module__.partition(".")[0], base.__name__)
        if key == ("numpy", "MaskedArray"):
            msg = "no backend for a masked array, whose mask would be lost; pass its `.data` or `.filled(...)`"
            raise TypeError(msg)
        if key == ("numpy", "matrix"):
            msg = "no backend for a numpy matrix; pass numpy.asarray(image)"
            raise TypeError(msg)
        if key == ("PIL", "Image"):
            msg = "no backend for a PIL image; pass numpy.asarray(image), or call the image's own `resize`"
            raise TypeError(msg)
        if key in _BACKENDS:
            return _BACKENDS[key]()
    if hasattr(cls, "__array_namespace__"):
        return _generic()
    hint = "; pass numpy.asarray(image, dtype=...)" if issubclass(cls, (list, tuple)) else ""
    msg = (
        f"no backend for {cls.__name__}; expected an array of numpy, torch, jax or cupy, "
        f"or of any class with __array_namespace__{hint}"
    )
    raise TypeError(msg)


def is_of_jax(image: object) -> bool:
    """Whether it is an array of jax, or a tracer."""
    if _is_of_torch(image):
        return False
    return any(cls.__module__.partition(".")[0] in {"jax", "jaxlib"} for cls in type(image).__mro__)
