"""Any library with the array API: the generic steps, after a trial of the library.

The standard leaves much open and few libraries have all of it, so that a step can raise, or lose rows without a word.
A kind of request that a library meets for the first time is put to a small image whose result is known. Values of the
caller's array are never looked at.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np

from portresize._backends import _numpy_steps, generic
from portresize._core import foreign
from portresize._core.filters import Resampling
from portresize._core.floating import DefaultState
from portresize._core.fork import importing
from portresize._core.modes import MODES
from portresize._core.plan import plan
from portresize._core.steps import Pass, Reduce

if TYPE_CHECKING:
    from portresize._core.spec import Spec

Array = Any
Namespace = Any

# The first with `take`, `astype` with a device and the inspection of devices, all of which the steps use.
_OLDEST = "2023.12"
# No array has more axes; numpy stops at 64.
_MOST_AXES = 64
# By class, device, version, request and dtype, what is wrong; "" for nothing.
_TRIED: dict[tuple[object, ...], str] = {}
_MOST_TRIED = 512


def checked(x: Array) -> Array:
    """Return `x`, whose shape consists of numbers.

    Raises:
        TypeError: It has no shape or no dtype.
        ValueError: A length is unknown, or there are too many.
    """
    try:
        lengths = foreign.members(x.shape, _MOST_AXES)
        str(x.dtype)
    except MemoryError:
        raise
    except Exception as error:
        msg = f"no backend for {foreign.path_of(type(x))}, whose shape and dtype cannot be read"
        raise TypeError(msg) from error
    if len(lengths) > _MOST_AXES:
        msg = f"`image` has shape {foreign.shown(tuple(lengths))}, expected at most {_MOST_AXES} axes"
        raise ValueError(msg)
    try:
        for length in lengths:
            foreign.integer(length)
    except TypeError as error:
        msg = f"`image` has shape {foreign.shown(tuple(lengths))}, expected a number along every axis"
        raise ValueError(msg) from error.__cause__
    return x


def run(x: Array, spec: Spec) -> Array:
    """Execute `spec` on `x` with the operations of its own library.

    Raises:
        TypeError: The library cannot, or not rightly.
    """
    height, width = (x.shape[spec.layout.index(name)] for name in "HW")
    # An error of the request is raised before the library is tried.
    kinds = {type(step) for step in plan(spec, (height, width)).steps}
    with DefaultState():
        why = _trial(x, _small(spec, kinds))
        if not why:
            try:
                return generic.run(x, spec)
            except MemoryError:
                raise
            # Libraries have more to refuse than a trial can meet, such as chunks of different sizes.
            except Exception as error:
                msg = _no_backend(x, _raised(error))
                raise TypeError(msg) from error
    raise TypeError(_no_backend(x, f"in a trial, {why}"))


def _no_backend(x: Array, why: str) -> str:
    return f"no backend for {foreign.path_of(type(x))}: {why}; convert it to an array of numpy"


def _trial(x: Array, small: Spec) -> str:
    """Return what is wrong with the library of `x`, as far as `small` needs it; "" for nothing."""
    try:
        with importing():
            # It imports the namespace of a library when it first meets one.
            xp = array_api_compat.array_namespace(x)
        version = foreign.text(getattr(xp, "__array_api_version__", None)) or _OLDEST
        device = array_api_compat.device(x)
        # A hash or a comparison of a foreign device may raise, or be that of the object.
        key = (type(x), repr(device), version, small, str(x.dtype))
        found = _TRIED.get(key)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  whatever a library raises
        return _raised(error)
    if found is None:
        if len(_TRIED) >= _MOST_TRIED:
            _TRIED.clear()
        found = _TRIED[key] = _tried(xp, device, x.dtype, small, version)
    return found


def _tried(xp: Namespace, device: Any, dtype: Any, small: Spec, version: str) -> str:
    if version < _OLDEST:
        return f"its namespace has the array API of {version}, expected {_OLDEST} or newer"
    shape = (*_sizes(small)[0], MODES[small.mode].bands)[: len(small.layout)]
    # Multiples of 16 below 128: every dtype has them and what `_small` makes of them.
    image = (np.arange(math.prod(shape), dtype=np.int32) * 37 % 8 * 16).reshape(shape)
    expected = np.real(_numpy_steps.run(image.astype(_dtype_of_host(dtype)), small)).astype(np.int32)
    other = expected.copy()
    other.flat[-1] = 0 if other.flat[-1] else 16
    try:
        made, wanted, unwanted = (xp.astype(xp.asarray(a, device=device), dtype) for a in (image, expected, other))
        result = generic.execute(made, small, xp)
        if tuple(result.shape) != expected.shape:
            return f"its operations gave shape {tuple(result.shape)} in place of {expected.shape}"
        is_right, is_wrong = (bool(xp.all(xp.equal(result, a))) for a in (wanted, unwanted))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  whatever a library raises
        return _raised(error)
    if is_wrong or not is_right:
        return f"its operations gave a wrong {'resize' if small.size else 'average'}"
    return ""


def _raised(error: Exception) -> str:
    text = " ".join(foreign.shown(str(error)).split())
    return f"its operations raised {foreign.name_of(type(error))} ({text})"


def _dtype_of_host(dtype: Any) -> np.dtype[Any]:
    """Return numpy's dtype of the same name, or float32 for one that it has not."""
    try:
        return np.dtype(str(dtype).rpartition(".")[2])
    except TypeError:
        return np.dtype(np.float32)


def _sizes(spec: Spec) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the sizes of a source and of a result that need every way in which the generic steps do `spec`."""
    # Bytes are added tap by tap along H, and output by output along W, where these are fewer.
    return ((13, 41), (15, 5)) if MODES[spec.mode].kind == "u8" else ((7, 5), (14, 10))


def _small(spec: Spec, kinds: set[type]) -> Spec:
    """Return a request with the same `kinds` of steps as `spec`, for an image of `_sizes(spec)`.

    Other samples than bytes are resized to twice the size, with weights of 1, 1/4 and 3/4: the result is exact also
    where sums are narrower than Pillow's.
    """
    mode = MODES[spec.mode]
    resample = Resampling.BICUBIC if mode.kind == "u8" else Resampling.BILINEAR
    block = 2 if Reduce in kinds else 1
    size = _sizes(spec)[1]
    return spec._replace(
        layout="HWC" if mode.bands else "HW",
        size=size if spec.size else (),
        resample=int(resample if Pass in kinds else Resampling.NEAREST),
        box=(),
        reducing_gap=0.0,
        factor=(block, block) if spec.factor else (),
        canvas=(size[0] + 3, size[1] + 2, 2, 1) if spec.canvas else (),
        fill=(1,) if spec.canvas else (0,),
    )
