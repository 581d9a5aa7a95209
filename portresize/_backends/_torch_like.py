"""How a new tensor lies in memory: dense, its axes in the order in which those of another one come."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence


def empty(x: torch.Tensor, shape: Sequence[Any]) -> torch.Tensor:
    """A tensor of `shape` with the dtype, the device and the order of axes of `x`, so channels last stay last.

    Lengths and strides may be symbols of a compiler.
    """
    return torch.empty_strided(tuple(shape), strides(x, shape), dtype=x.dtype, device=x.device)


def strides(x: torch.Tensor, shape: Sequence[Any]) -> tuple[Any, ...]:
    """The strides of such a tensor, as numpy would choose them."""
    long = [stride for length, stride in zip(x.shape, x.stride(), strict=True) if length != 1]
    axes = list(range(x.ndim))
    # A tensor that repeats something, or has its axes in order, tells no other order.
    if 0 not in long and any(first < second for first, second in pairwise(long)):
        axes.sort(key=lambda axis: -x.stride(axis))
    found: list[Any] = [1] * x.ndim
    step: Any = 1
    for axis in reversed(axes):
        found[axis] = step
        step = step * max(shape[axis], 1)
    return tuple(found)
