"""Arrays in the memory of this machine through the kernels: what `portresize[cpu]` brings."""

from __future__ import annotations

import logging
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from portresize._core import request, room
from portresize._core.adjoint import planned
from portresize._core.cache import LONG
from portresize._core.floating import DefaultState
from portresize._core.fork import once
from portresize._core.modes import MODES
from portresize._kernels.llvm.errors import Unsupported
from portresize._kernels.llvm.host import host

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from portresize._backends._call import Call
    from portresize._backends._items import Form
    from portresize._core.spec import Spec

Size = tuple[int, ...]
_LOG = logging.getLogger("portresize")


def run(x: np.ndarray, spec: Spec, source: Size = ()) -> np.ndarray | None:
    """Execute `spec`, or what leads back to `source`, on `x`; None if no kernel can: why is in the debug log."""
    call = _call(spec, source, x.shape, x.strides, x.dtype)
    return call(x) if call else None


def execute(x: np.ndarray, spec: Spec, source: Size = ()) -> np.ndarray:
    """Execute `spec`, or what leads back to `source`, on `x`: with kernels, or else with numpy's own steps."""
    y = run(x, spec, source)
    if y is not None:
        return y
    if not x.dtype.isnative:
        # Kernels move bytes in any order; to compute, numbers come in that of this machine.
        return execute(x.astype(x.dtype.newbyteorder("=")), spec, source).astype(x.dtype)
    perform = _steps()
    with DefaultState():
        return perform(x, spec, source)


def bound(spec: Spec) -> Callable[[np.ndarray], np.ndarray]:
    """Return `execute` for one request, which remembers the kernel of the last array: most arrays are like that."""
    last: tuple[object, ...] = (None, None, None, None)

    def act(x: np.ndarray) -> np.ndarray:
        nonlocal last
        shape, strides, dtype, call = last
        # All that a kernel relies on: a method of an argument's class may have changed the array since it was read.
        if x.dtype is not dtype or x.shape != shape or x.strides != strides:
            call = _call(spec, (), x.shape, x.strides, x.dtype)
            last = x.shape, x.strides, x.dtype, call
        y: np.ndarray | None = call(x) if call else None  # type: ignore[operator]  # a tuple of such members
        return execute(x, spec) if y is None else y

    return act


@once
def _steps() -> Callable[..., np.ndarray]:
    # Not before: where kernels serve, nothing needs them.
    from portresize._backends._numpy_steps import run

    return run


class _Parts(NamedTuple):
    """Classes of modules that import llvmlite."""

    call: type[Call]
    form: type[Form]


@once
def _parts() -> _Parts:
    from portresize._backends._call import Call
    from portresize._backends._items import Form

    return _Parts(Call, Form)


@lru_cache(maxsize=128)
def _call(
    spec: Spec, source: Size, shape: Size, strides: Size, dtype: np.dtype[Any]
) -> Callable[[np.ndarray], np.ndarray | None] | None:
    """Return what executes `spec` on arrays of this kind.

    Raises:
        ValueError: The array has not the axes that the request was made for.
    """
    if len(shape) != len(spec.layout):
        msg = (
            f"`image` has shape {shape}, but its axes were read as {spec.layout}; it was changed during the call, or "
            "its class says something else than its memory"
        )
        raise ValueError(msg)
    items = math.prod(shape[axis] for axis, name in enumerate(spec.layout) if name not in "HW")
    if max(items, *shape, *spec.size, *source) <= LONG:
        return _made(spec, source, shape, strides, dtype)

    def call(x: np.ndarray) -> np.ndarray | None:
        found = _made_large(spec, source, shape, strides, dtype)
        return found(x) if found else None

    return call


@DefaultState()
def _made(spec: Spec, source: Size, shape: Size, strides: Size, dtype: np.dtype[Any]) -> Call | None:
    height, width = spec.layout.index("H"), spec.layout.index("W")
    room.hold_result(spec, source or spec.result((shape[height], shape[width])), shape, dtype.itemsize)
    isa, why = host()
    if isa is not None:
        parts = _parts()
        # A kernel walks memory by the words of a request, which others may have checked of another array.
        layout, mode = spec.layout, MODES[spec.mode]
        # Moved samples are bytes of any dtype. A shard may hold some of the bands, unless they mix.
        if mode.kind != "moved":
            bands = shape[layout.index("C")] if (mode.alpha or mode.signed) and "C" in layout else mode.bands
            request.mode_of(dtype.name, bands or None, spec.mode)
        form = parts.form(spec.layout, spec.mode, dtype, shape)
        try:
            return parts.call(form, planned(spec, (shape[height], shape[width]), source), strides, isa)
        except Unsupported as error:
            why = f"no kernel takes {error}"
    _LOG.debug("the numpy steps execute %s on %s of shape %s: %s", spec, dtype, shape, why)
    return None


# Tables of long axes and of many items take megabytes.
_made_large = lru_cache(maxsize=2)(_made)
