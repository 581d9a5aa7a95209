"""How a new tensor lies in memory: dense, its axes in the order in which those of another one come."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def empty(x: torch.Tensor, shape: Sequence[Any]) -> torch.Tensor:
    """A tensor of `shape` with the dtype, the device and the order of axes of `x`, so channels last stay last.

    Lengths and strides may be symbols of a compiler.
    """
    return torch.empty_strided(tuple(shape), strides(x, shape), dtype=x.dtype, device=x.device)


def strides(x: torch.Tensor, shape: Sequence[Any]) -> tuple[Any, ...]:
    """The strides of such a tensor."""
    numbers = (*x.shape, *x.stride(), *shape)
    likely, surely = (bool, bool) if all(isinstance(number, int) for number in numbers) else _guarded()
    long = [stride for length, stride in zip(x.shape, x.stride(), strict=True) if likely(length != 1)]
    axes = list(range(x.ndim))
    # A tensor that repeats something, or has its axes in order, tells no other order.
    repeats = any(surely(stride == 0) for stride in long)
    if not repeats and any(surely(first < second) for first, second in pairwise(long)):
        axes.sort(key=lambda axis: -x.stride(axis))
    found: list[Any] = [1] * x.ndim
    step: Any = 1
    for axis in reversed(axes):
        found[axis] = step
        step = step * torch.sym_max(shape[axis], 1)
    return tuple(found)


def _guarded() -> tuple[Callable[[Any], bool], Callable[[Any], bool]]:
    """Questions about symbols of which a compiler may know nothing: true, or false, where it does not."""
    # Not before: whoever has symbols has loaded it.
    from torch.fx.experimental.symbolic_shapes import guard_or_false, guard_or_true

    return guard_or_true, guard_or_false
