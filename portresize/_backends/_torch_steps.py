"""What executes a request on a tensor, by where the tensor lies; and the same as operations of torch, for exporters."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import array_api_compat.torch as compat
import torch
import torch.onnx

from portresize._backends import _host, _torch_like, generic
from portresize._backends._frame import Frame
from portresize._backends._numbers import colors
from portresize._backends._torch_carriers import COMPUTED, SHARED, VIEWED
from portresize._backends._torch_memory import lent
from portresize._core import room
from portresize._core.adjoint import hold, planned
from portresize._core.floating import DefaultState
from portresize._core.fork import importing
from portresize._core.spec import Spec
from portresize._core.steps import Pad
from portresize._kernels.triton.host import Host, host

if TYPE_CHECKING:
    from portresize._core.steps import Step

Size = tuple[int, ...]
Words = tuple[Any, ...]


def words(spec: Spec, source: Size = ()) -> Words:
    """A request as an operator takes it. What it would assume anyway is left out: every word costs time."""
    layout, mode, dialect, size, resample, *rest = (*spec, source)
    given = len(rest)
    while given and rest[given - 1] == _ASSUMED[given - 1]:
        given -= 1
    return (resample, layout, mode, dialect, size, *rest[:given])


_ABSENT = Spec("", "", "")[5:]
_ASSUMED = (*_ABSENT, ())


def read(words: Words) -> tuple[Spec, Size]:
    """The Spec that words stand for, and the size to go back to."""
    if len(words) == 5:
        # As every call of `resize` without more. To make one by its fields takes twice as long.
        resample, layout, mode, dialect, size = words
        return tuple.__new__(Spec, (layout, mode, dialect, tuple(size), resample, *_ABSENT)), ()
    resample, layout, mode, dialect, size, *rest = words
    # Programs that were compiled ahead of time pass None for an empty list.
    rest = [() if word is None else tuple(word) if isinstance(word, list) else word for word in rest]
    source = rest.pop() if len(rest) == len(_ASSUMED) else ()
    return Spec(layout, mode, dialect, tuple(size), resample, *rest), source


class _Namespace:
    """array-api-compat's torch, but for a `take` that does not ask whether an index is negative."""

    def __getattr__(self, name: str) -> Any:
        return getattr(compat, name)

    @staticmethod
    def asarray(x: Any, **words: Any) -> torch.Tensor:
        """A tensor; a copy of one keeps its strides where it can."""
        return x.clone() if isinstance(x, torch.Tensor) and words.get("copy") else compat.asarray(x, **words)

    @staticmethod
    def take(x: torch.Tensor, index: torch.Tensor, *, axis: int) -> torch.Tensor:
        """`x` at `index` along `axis`."""
        return torch.index_select(x, axis, index)


_XP = _Namespace()


def execute(x: torch.Tensor, spec: Spec, source: Size = ()) -> torch.Tensor:
    """Execute `spec`, or what leads back to `source` (see `planned`), on a tensor of which no gradient is asked.

    The axes of the result come in memory in the order in which those of `x` do.
    """
    check_storage(x)
    if is_for_triton(x):
        with importing():
            # Not before: it imports Triton.
            from portresize._backends import _torch_triton
        with DefaultState():
            steps = _steps(x, spec, source)
            if _torch_triton.takes(x.dtype, steps):
                return _torch_triton.perform(x, spec.layout, steps)
    elif x.is_cpu:
        # The colour of a canvas is of the samples' own dtype.
        held = x if x.dtype in SHARED else None if spec.canvas or x.dtype not in VIEWED else x.view(VIEWED[x.dtype])
        y = None if held is None else _host.run(lent(held), spec, source)
        if y is not None:
            return torch.from_numpy(y).view(x.dtype) if held is not x else torch.from_numpy(y)
    if x.is_cpu:
        # The allocator of torch for CUDA says by itself what a device has not.
        height, width = (x.shape[spec.layout.index(name)] for name in "HW")
        room.hold_result(spec, source or spec.result((height, width)), tuple(x.shape), x.itemsize)
        hold(planned(spec, (height, width), source), x.nbytes // max(height * width, 1))
    with DefaultState():
        y = by_operations(x, spec, source)
    result = _torch_like.empty(x, y.shape)
    return y if y.stride() == result.stride() else result.copy_(y)


def check_storage(x: torch.Tensor) -> None:
    """Raise ValueError if samples of `x` lie outside its storage, which `resize_` makes smaller, as FSDP does."""
    held = x.untyped_storage().nbytes()
    # Most tensors are all of their storage, which is told faster.
    is_all = held == x.nbytes and x.is_contiguous() and not x.storage_offset()
    if not is_all and held < x.itemsize * _reach(tuple(x.shape), x.stride(), x.storage_offset()):
        msg = (
            f"`image` of shape {tuple(x.shape)} has a storage of {held} bytes, which does not hold its samples; "
            "gather or allocate it first"
        )
        raise ValueError(msg)


@lru_cache
def _reach(shape: Size, strides: Size, offset: int) -> int:
    """Return how many elements a storage has to have."""
    if 0 in shape:
        return 0
    return offset + 1 + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))


def is_for_triton(x: torch.Tensor) -> bool:
    """Return whether the kernels of Triton serve."""
    return x.is_cuda and not triton_on(x.device.index).why


@cache
def triton_on(device: int) -> Host:
    """Which Triton serves a device of CUDA, or why none does, of which there is one warning."""
    found = host(torch.cuda.get_device_capability(device) if torch.version.cuda else None)
    if not found.why:
        with importing():
            # Not before: it imports Triton.
            from portresize._backends import _torch_triton
        found = found._replace(why=_torch_triton.trial(torch.device("cuda", device)))
    if found.why:
        msg = f"operations of torch serve on CUDA device {device}, exact but slower than kernels of Triton: {found.why}"
        warnings.warn(msg, RuntimeWarning, stacklevel=2)
    return found


def _steps(x: torch.Tensor, spec: Spec, source: Size) -> tuple[Step, ...]:
    height, width = (x.shape[spec.layout.index(name)] for name in "HW")
    return planned(spec, (height, width), source).steps


def by_operations(x: torch.Tensor, spec: Spec, source: Size = ()) -> torch.Tensor:
    """Execute `spec` by operations of torch."""
    if torch.onnx.is_in_onnx_export():
        check_export(x, spec.layout)
    frame, steps = Frame(_XP, x.device, spec.layout, x.ndim), _steps(x, spec, source)
    if x.dtype in COMPUTED:
        return generic.perform(frame, x.to(COMPUTED[x.dtype]), steps).to(x.dtype)
    if x.dtype in VIEWED:
        steps = tuple(_in_bits(step, x.dtype) if isinstance(step, Pad) else step for step in steps)
        return generic.perform(frame, x.view(VIEWED[x.dtype]), steps).view(x.dtype)
    return generic.perform(frame, x, steps)


def _in_bits(step: Pad, dtype: torch.dtype) -> Pad:
    """Return the step with the bits of its colour, as numbers of the dtype that holds them."""
    try:
        fill = torch.from_numpy(colors(step.fill)).to(dtype).view(VIEWED[dtype])
    except (NotImplementedError, RuntimeError) as error:
        msg = f"torch makes no samples of {dtype}, so that there is no `color` to pad with; cast the image to uint8"
        raise TypeError(msg) from error
    return replace(step, fill=tuple(fill.tolist()))


def check_export(x: torch.Tensor, layout: str) -> None:
    """Refuse what has no form in ONNX."""
    if not all(isinstance(x.shape[layout.index(name)], int) for name in "HW"):
        msg = f"`image` has shape {tuple(x.shape)}, expected numbers along H and W: in ONNX only batches may be dynamic"
        raise ValueError(msg)
    if x.dtype in {torch.float16, torch.bfloat16}:
        msg = f"`image` has dtype {x.dtype}, whose rounding has no form in ONNX; cast it to float32"
        raise TypeError(msg)
