"""torch: the generic steps with torch's own gather, traceable by its compiler."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as compat
import torch

from portresize._backends import generic
from portresize._core.spec import Spec


class _Namespace:
    """array-api-compat's torch, but with a `take` that does not ask whether an index is negative."""

    def __getattr__(self, name: str) -> Any:
        return getattr(compat, name)

    @staticmethod
    def take(x: torch.Tensor, index: torch.Tensor, *, axis: int) -> torch.Tensor:
        """`x` at `index` along `axis`."""
        return torch.index_select(x, axis, index)


_XP = _Namespace()


def _execute(x: torch.Tensor, spec: tuple[Any, ...]) -> torch.Tensor:
    # torch gathers and selects no uint16; int32 holds every one of them.
    if x.dtype == torch.uint16:
        y = generic.execute(x.to(torch.int32), Spec(*spec), _XP)
        return y.to(torch.uint16)
    return generic.execute(x, Spec(*spec), _XP)


# The compiler must not trace the planning, which is arithmetic on numpy doubles; only the operations on `x`.
_traced = torch._dynamo.nonstrict_trace(_execute)


def run(x: torch.Tensor, spec: Spec) -> torch.Tensor:
    """Execute `spec` on a tensor."""
    if torch.compiler.is_compiling():
        return _traced(x, tuple(spec))
    return _execute(x, spec)
