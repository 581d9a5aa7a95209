"""torch: the kernels of `portresize[cpu]` for tensors in the memory of this machine, and elsewhere the generic steps
with torch's own gather; one operator stands for them in compiled programs.
"""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as compat
import torch

from portresize._backends import _host, generic
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
    if torch.jit.is_tracing():
        # Its sizes are tensors, from which no mode can be told, and it would keep this image's result for all others.
        msg = "no backend under torch.jit.trace; use torch.compile or torch.export"
        raise TypeError(msg)
    if not torch.compiler.is_compiling():
        return _execute(x, *spec)
    if x.requires_grad and torch.is_grad_enabled():
        return _traced(x, *spec)
    return torch.ops.portresize.execute(x, *spec)


def _execute(x: torch.Tensor, *spec: Any) -> torch.Tensor:
    request = Spec._make(tuple(field) if isinstance(field, list) else field for field in spec)
    y = _host.run(x.detach().numpy(), request) if _is_plain(x) else None
    if y is not None:
        return torch.from_numpy(y)
    # torch gathers and selects no uint16; int32 holds every one of them.
    if x.dtype == torch.uint16:
        return generic.execute(x.to(torch.int32), request, _XP).to(torch.uint16)
    return generic.execute(x, request, _XP)


# What numpy has as well. Of the others, bfloat16 alone can be resized.
_SHARED = {torch.bool, torch.uint8, torch.uint16, torch.int32, torch.float32, torch.float64, torch.float16}


def _is_plain(x: torch.Tensor) -> bool:
    """Whether all that is asked for is the result, and the samples lie where numpy can see them."""
    if x.device.type != "cpu" or x.dtype not in _SHARED or type(x) not in {torch.Tensor, torch.nn.Parameter}:
        return False
    if x.is_floating_point():
        # Gradients, forwards or backwards, are those of the generic steps.
        dual = torch.autograd.forward_ad
        if (x.requires_grad and torch.is_grad_enabled()) or dual._current_level >= 0 or x.is_neg():
            return False
    # Nor transforms such as vmap, nor modes that look at every operation.
    watched = torch._C._len_torch_dispatch_stack() or torch._C._functorch.is_functorch_wrapped_tensor(x)
    return not watched


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
