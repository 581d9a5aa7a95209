"""numpy: the kernels of `portresize[cpu]`, and where they do not serve, numpy's own steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from portresize._backends import _host
from portresize._core import foreign

if TYPE_CHECKING:
    from collections.abc import Callable

    from portresize._core.spec import Spec

Array = Any


# A class that overrides operations of numpy and carries no meaning of its own: jax's name for a constant of numpy.
_CONSTANT = ("jax._src.literals", "TypedNdArray")


def checked(x: Array) -> Array:
    """Return the memory of `x` as a plain array: properties of a subclass may say anything of it.

    Raises:
        TypeError: The class changes the meaning of numpy's operations, as for units or masks, which would be lost.
    """
    cls = type(x)
    if cls is np.ndarray:
        return x
    if (cls.__module__, cls.__name__) == _CONSTANT:
        return np.asarray(x)
    for name in ("__array_ufunc__", "__array_function__"):
        if getattr(cls, name) is not getattr(np.ndarray, name):
            msg = (
                f"no backend for {foreign.path_of(cls)}, whose {name} gives its values a meaning that would be lost, "
                "such as units or a mask; pass numpy.asarray(image) if it is to be lost"
            )
            raise TypeError(msg)
    return np.asarray(x)


def run(x: Array, spec: Spec) -> Array:
    """Execute `spec` on an array of numpy, a plain one."""
    return _host.execute(x, spec)


def bound(spec: Spec) -> Callable[[Array], Array]:
    """Return what executes `spec` on plain arrays of numpy."""
    return _host.bound(spec)
