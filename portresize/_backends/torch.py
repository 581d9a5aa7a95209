"""torch: the generic steps with torch's own gather, and one operator that stands for them in compiled programs."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as compat
import torch

from portresize._backends import generic
from portresize._core.spec import Spec


class _Namespace:
    """array-api-compat's torch, but for a `take` that does not ask whether an index is negative."""

    def __getattr__(self, name: str) -> Any:
        return getattr(compat, name)

    @staticmethod
    def asarray(x: Any, **words: Any) -> torch.Tensor:
        """A copy that keeps its gradient, or what the library makes of it."""
        return x.clone() if isinstance(x, torch.Tensor) and words.get("copy") else compat.asarray(x, **words)

    @staticmethod
    def take(x: torch.Tensor, index: torch.Tensor, *, axis: int) -> torch.Tensor:
        """`x` at `index` along `axis`."""
        return torch.index_select(x, axis, index)


_XP = _Namespace()


def run(x: torch.Tensor, spec: Spec) -> torch.Tensor:
    """Execute `spec` on a tensor."""
    if x.layout != torch.strided:
        msg = f"no backend for a tensor of layout {x.layout}; pass image.to_dense()"
        raise TypeError(msg)
    if not torch.compiler.is_compiling():
        return _execute(x, *spec)
    if x.requires_grad and torch.is_grad_enabled():
        return _traced(x, *spec)
    return torch.ops.portresize.execute(x, *spec)


def _execute(x: torch.Tensor, *spec: Any) -> torch.Tensor:
    request = Spec._make(tuple(field) if isinstance(field, list) else field for field in spec)
    # torch gathers and selects no uint16; int32 holds every one of them.
    if x.dtype == torch.uint16:
        return generic.execute(x.to(torch.int32), request, _XP).to(torch.uint16)
    return generic.execute(x, request, _XP)


# The compiler must not trace the planning, which is arithmetic on numpy doubles. It keeps the operator as it is, for
# images of any size.
_LIBRARY = torch.library.Library("portresize", "DEF")
_LIBRARY.define(
    "execute(Tensor x, str layout, str mode, str dialect, int[] size, int resample, float[] box, float reducing_gap,"
    " int[] factor, int[] canvas, float[] fill) -> Tensor"
)
_LIBRARY.impl("execute", _execute, "CompositeExplicitAutograd")


@torch.library.register_fake("portresize::execute", lib=_LIBRARY)
def _shape(x: torch.Tensor, *spec: Any) -> torch.Tensor:
    """An empty tensor of the right shape; sizes may be symbols."""
    request = Spec(*spec)
    height, width = request.layout.index("H"), request.layout.index("W")
    shape = list(x.shape)
    shape[height], shape[width] = request.result((shape[height], shape[width]))
    return x.new_empty(shape)


# Where a gradient is wanted, the steps themselves are traced, once for every shape.
_traced = torch._dynamo.nonstrict_trace(_execute)
