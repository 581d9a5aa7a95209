"""The backend of an array, by the class of the array. Nothing is imported to ask.

Imports are literal and made on first use: a backend imports its library, which the caller who made the array has
loaded.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from portresize._core import foreign
from portresize._core.fork import once

if TYPE_CHECKING:
    from collections.abc import Callable

    from portresize._core.spec import Spec


class Run(Protocol):
    """The function that executes a request."""

    def __call__(self, x: Any, spec: Spec, /) -> Any: ...  # noqa: ANN401


class Backend(Protocol):
    """The module of an array library."""

    def run(self, x: Any, spec: Spec, /) -> Any:  # noqa: ANN401
        """Execute a request on an array."""

    def checked(self, x: Any, /) -> Any:  # noqa: ANN401
        """Return the array whose shape and dtype are read, and which `run` is given.

        Of a subclass that is the memory that is really there.

        Raises:
            TypeError: The array is more than its samples, which would be lost, or no dense array of them.
            ValueError: Its samples are gone.
        """


@once
def _generic() -> Backend:
    from portresize._backends import array_api

    return array_api


@once
def _numpy() -> Backend:
    from portresize._backends import numpy

    return numpy


def _torch() -> Backend:
    from torch.compiler import is_compiling

    # Dynamo follows neither a lock nor a cache, but imports.
    if is_compiling():
        from portresize._backends import torch

        return torch
    return _torch_eagerly()


@once
def _torch_eagerly() -> Backend:
    from portresize._backends import torch

    return torch


@once
def _jax() -> Backend:
    from portresize._backends import jax

    return jax


# Top-level package and name of a class in the array's MRO, so that subclasses such as torch.nn.Parameter are found too.
_BACKENDS: dict[tuple[str, str], Callable[[], Backend]] = {
    ("numpy", "ndarray"): _numpy,
    ("torch", "Tensor"): _torch,
    ("jaxlib", "ArrayImpl"): _jax,
    ("jax", "Tracer"): _jax,
    ("jax", "Array"): _jax,
    ("cupy", "ndarray"): _generic,
}
# Classes of known libraries that are no arrays for us, and their whole message.
_REFUSED = {
    ("numpy", "MaskedArray"): "no backend for a masked array, whose mask would be lost; pass its `.data` or "
    "`.filled(...)`",
    ("numpy", "matrix"): "no backend for a numpy matrix; pass numpy.asarray(image)",
    (
        "torch",
        "Proxy",
    ): "no backend for a Proxy of torch.fx; call portresize in a function with @torch.fx.wrap, or trace a "
    "portresize.torch.Resize",
    ("PIL", "Image"): "no backend for a PIL image; pass numpy.asarray(image), or call the image's own `resize`",
}
# By top-level package, the expression that gives an array which can be resized.
_REMEDIES = {
    "dask": "image.compute(), or resize whole images in image.map_blocks(...)",
    "h5py": "image[...]",
    "paddle": "image.numpy()",
    "pandas": "image.to_numpy()",
    "pint": "image.magnitude, which has no unit",
    "polars": "image.to_numpy()",
    "pyarrow": "image.to_numpy()",
    "tensorflow": "image.numpy()",
    "xarray": "image.data, which has no coordinates",
    "zarr": "image[...]",
}


def backend(image: object) -> Backend:
    """Return the backend of `image`.

    Raises:
        TypeError: No backend takes it.
    """
    if _is_of_torch(image):
        return _torch()
    return backend_of(type(image))


def opened(image: Any) -> tuple[Backend, Any]:  # noqa: ANN401  an array of any library
    """Return the backend of `image`, and the array that it runs, whose shape and dtype can be trusted.

    Raises:
        TypeError: No backend takes it.
        ValueError: Its samples are gone.
    """
    try:
        found = backend(image)
        array = found.checked(image)
    except (TypeError, ValueError, MemoryError, OverflowError):
        raise
    except Exception as error:
        msg = f"no backend for {foreign.path_of(type(image))}, whose shape and dtype cannot be read"
        raise TypeError(msg) from error
    try:
        tuple(array.shape), str(array.dtype)
    except MemoryError:
        raise
    except Exception as error:
        msg = f"no backend for {foreign.path_of(type(image))}, whose shape and dtype cannot be read"
        raise TypeError(msg) from error
    return found, array


def _is_of_torch(image: object) -> bool:
    """Return whether it is a tensor of torch's own, asked so that torch's compiler can follow."""
    cls = type(image)
    if cls.__name__ != "Parameter":
        return cls.__name__ == "Tensor" and cls.__module__ == "torch"
    # Into this class it does not look; but where it sees a list of all modules, it looks through it at every call.
    torch = sys.modules.get("torch")
    return torch is not None and issubclass(cls, getattr(torch, "Tensor", ()))


def backend_of(cls: type) -> Backend:
    """Return the backend of a class of arrays."""
    for base in cls.__mro__:
        # jaxlib has its module in the name of a class as well.
        key = (_package(base), base.__name__.rpartition(".")[2])
        if key in _REFUSED:
            raise TypeError(_REFUSED[key])
        if key in _BACKENDS:
            return _BACKENDS[key]()
    if hasattr(cls, "__array_namespace__"):
        return _generic()
    msg = (
        f"no backend for {foreign.path_of(cls)}; expected an array of numpy, torch, jax or cupy, "
        f"or of any class with __array_namespace__{_hint(cls)}"
    )
    raise TypeError(msg)


def _hint(cls: type) -> str:
    """Return advice for a class that is no array for us, or nothing."""
    remedy = next((_REMEDIES[package] for base in cls.__mro__ if (package := _package(base)) in _REMEDIES), "")
    if not remedy and issubclass(cls, (list, tuple)):
        remedy = "numpy.asarray(image, dtype=...)"
    elif not remedy and any(hasattr(cls, name) for name in ("__array_interface__", "__array__", "__array_struct__")):
        remedy = "numpy.asarray(image)"
    elif not remedy and hasattr(cls, "__dlpack__"):
        remedy = "numpy.from_dlpack(image)"
    return f"; pass {remedy}" if remedy else ""


def _package(cls: type) -> str:
    """Return the top-level package of a class."""
    return str(cls.__module__).partition(".")[0]


def is_of_jax(image: object) -> bool:
    """Return whether it is an array of jax, or a tracer."""
    if _is_of_torch(image):
        return False
    return any(_package(cls) in {"jax", "jaxlib"} for cls in type(image).__mro__)
