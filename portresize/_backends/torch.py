"""torch: one operator for all requests, with a rule for each thing that torch does to operators.

What is static is the request; what is dynamic are the samples. In the memory of this machine the kernels of
`portresize[cpu]` serve, on CUDA those of Triton, and elsewhere the generic steps with torch's own operations. Results
are the same. Eager calls on plain tensors go around the operator, which costs more than a small image.

A second operator is the resize of bytes held in floats, with the gradient of the first (`through`).
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

import torch
import torch.onnx
from torch._functorch.utils import enable_single_level_autograd_function
from torch.autograd import forward_ad
from torch.autograd.function import _SingleLevelFunction

from portresize._backends import _torch_like, _torch_steps
from portresize._core import foreign
from portresize._core.adjoint import planned
from portresize._core.fork import importing
from portresize._core.modes import MODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from portresize._core.spec import Spec

# The words of a Spec as an operator takes them. DTensor tells calls apart by their first number and what follows it,
# so a number comes first. `source` is () or, for the transposed map, the `(height, width)` that it ends with.
_SCHEMA = (
    "(Tensor x, int resample, str layout, str mode, str dialect, SymInt[] size, float[] box=[], float reducing_gap=0.0,"
    " int[] factor=[], SymInt[] canvas=[], float[] fill=[0.0], SymInt[] source=[]) -> Tensor"
)
Words = tuple[Any, ...]

# torch imports `torch.onnx` when it is named, and that imports more when it is asked. A call would do so without
# `fork.LOCK`; this module is imported under it.
torch.onnx.is_in_onnx_export()


def checked(x: torch.Tensor) -> torch.Tensor:
    """Return `x`, of which shape and dtype can be asked.

    Raises:
        TypeError: It is no tensor of one dense array of plain numbers, or `torch.jit.trace` runs.
    """
    # A compiler has its own.
    if torch.compiler.is_compiling():
        return x
    # Before anybody computes with its sizes.
    _check_tracing()
    _check_class(x)
    if x.is_nested:
        msg = "no backend for a nested tensor; resize its members, image.unbind(), one by one"
        raise TypeError(msg)
    if x.is_quantized:
        msg = "no backend for a quantized tensor; pass image.dequantize() or image.int_repr()"
        raise TypeError(msg)
    _check_layout(x)
    if any(cls.__name__ == "MaskedTensor" for cls in type(x).__mro__):
        msg = "no backend for a masked tensor, whose mask would be lost; pass image.get_data() or image.to_tensor(...)"
        raise TypeError(msg)
    if type(x) not in _OWN and (name := _overridden(type(x))):  # type: ignore[arg-type]  # a class has a hash
        msg = (
            f"no backend for {foreign.path_of(type(x))}, whose `{name}` is not that of a tensor; "
            "pass image.as_subclass(torch.Tensor)"
        )
        raise TypeError(msg)
    return x


# Classes whose properties say what is there.
_OWN = (torch.Tensor, torch.nn.Parameter)
# Properties and methods that are asked of a tensor here and below.
_ASKED = [
    "shape",
    "dtype",
    "device",
    "layout",
    "ndim",
    "is_cpu",
    "is_cuda",
    "is_nested",
    "is_quantized",
    "itemsize",
    "nbytes",
    "requires_grad",
    "numpy",
    "detach",
    "view",
    "stride",
    "storage_offset",
    "untyped_storage",
    "is_contiguous",
    "is_floating_point",
    "is_complex",
]


@cache
def _overridden(cls: type) -> str:
    """Return the name of something that a class says otherwise than a tensor; "" for nothing.

    A class that takes over all operations is asked, and no kernel sees more of it than what it hands on.
    """
    # Two functions of torch's own stand for an absence of the method.
    if getattr(cls, "__torch_dispatch__", None) not in _NO_DISPATCH:
        return ""
    return next((name for name in _ASKED if getattr(cls, name) is not getattr(torch.Tensor, name)), "")


_NO_DISPATCH = (torch.Tensor.__torch_dispatch__, torch._C._disabled_torch_dispatch_impl)


def run(x: torch.Tensor, spec: Spec) -> torch.Tensor:
    """Execute `spec` on a tensor."""
    if not torch.compiler.is_compiling() and _is_plain(x):
        return _torch_steps.execute(x, spec)
    _check(x)
    if torch.onnx.is_in_onnx_export():
        return _torch_steps.by_operations(x, spec)
    if torch.compiler.is_compiling():
        return torch.ops.portresize.resize(x, *_torch_steps.words(spec))
    return _refusing(torch.ops.portresize.resize, x, spec)


def through(x: torch.Tensor, spec: Spec) -> torch.Tensor:
    """Execute `spec`, which is for bytes, on floats that hold 0 to 255; the gradient is that of the map of floats."""
    _check(x)
    if torch.onnx.is_in_onnx_export():
        return _torch_steps.by_operations(_bytes(x), spec).to(x.dtype)
    if torch.compiler.is_compiling():
        return torch.ops.portresize.resize_through(x, *_torch_steps.words(spec))
    return _refusing(torch.ops.portresize.resize_through, x, spec)


def _refusing(operator: Callable[..., torch.Tensor], x: torch.Tensor, spec: Spec) -> torch.Tensor:
    """Return the result of an operator.

    Raises:
        TypeError: Code of the tensor's class, or torch's own for a tensor of another state, raised something else than
            portresize does.
    """
    try:
        return operator(x, *_torch_steps.words(spec))
    except (TypeError, ValueError, MemoryError, OverflowError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        text = " ".join(foreign.shown(str(error)).split())
        msg = (
            f"no backend for {foreign.path_of(type(x))}: its operations raised {foreign.name_of(type(error))} ({text})"
        )
        raise TypeError(msg) from error


def _check_layout(x: torch.Tensor) -> None:
    if x.layout != torch.strided:
        msg = f"no backend for a tensor of layout {x.layout}; pass image.to_dense()"
        raise TypeError(msg)


def _check_class(x: object) -> None:
    if not issubclass(type(x), torch.Tensor):
        msg = f"no backend for {foreign.path_of(type(x))}, which has the name of a tensor of torch and is none"
        raise TypeError(msg)


def _check_tracing() -> None:
    if torch.jit.is_tracing():
        # Its sizes are tensors, from which no mode can be told, and it would keep this image's result for all others.
        msg = "no backend under torch.jit.trace; use torch.compile or torch.export"
        raise TypeError(msg)


def _check(x: torch.Tensor) -> None:
    """Refuse what no operator takes."""
    _check_class(x)
    _check_layout(x)
    _check_tracing()
    if type(x).__name__ == "DTensor":
        # Dynamo follows imports, but no lock.
        with nullcontext() if torch.compiler.is_compiling() else importing():
            # Not before: it imports all of torch.distributed.
            from portresize._backends._torch_sharding import register
        register()


def _is_plain(x: torch.Tensor) -> bool:
    """Whether all that is asked for is the result: no gradient, no transformation, nobody who looks on."""
    if type(x) is not torch.Tensor and type(x) is not torch.nn.Parameter:
        return False
    # A tensor that is more than its samples has other keys, and so have all others on devices that are not here.
    if x.layout != torch.strided or torch.jit.is_tracing() or torch._C._dispatch_keys(x).raw_repr() & ~_PLAIN:
        return False
    if _may_differ(x) and ((x.requires_grad and torch.is_grad_enabled()) or forward_ad._current_level >= 0):
        return False
    watched = torch._C._len_torch_dispatch_stack() or torch._C._len_torch_function_stack()
    return not (watched or torch._C._are_functorch_transforms_active())


def _may_differ(x: torch.Tensor) -> bool:
    """Return whether samples can have a gradient."""
    return x.is_floating_point() or x.is_complex()


def _bits_of(*names: str) -> int:
    found = 0
    for name in names:
        found |= torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, name)).raw_repr()
    return found


_PLAIN = _bits_of("CPU", "AutogradCPU", "AutocastCPU", "CUDA", "AutogradCUDA", "AutocastCUDA", "ADInplaceOrView")


# What runs.


def _resize(x: torch.Tensor, words: Words) -> torch.Tensor:
    spec, source = _torch_steps.read(words)
    return _torch_steps.execute(x, spec, source)


def _resize_through(x: torch.Tensor, words: Words) -> torch.Tensor:
    _torch_steps.check_storage(x)
    return _resize(_bytes(x), words).to(x.dtype)


def _bytes(x: torch.Tensor) -> torch.Tensor:
    """Halves to even, as jax and numpy round."""
    return x.round().clamp(0, 255).to(torch.uint8)


# What is said of a result before there is one.


def _shape(x: torch.Tensor, *words: Any) -> torch.Tensor:
    """An empty tensor of the right shape; sizes may be symbols."""
    spec, source = _torch_steps.read(words)
    height, width = spec.layout.index("H"), spec.layout.index("W")
    shape = list(x.shape)
    size = (shape[height], shape[width])
    if torch.onnx.is_in_onnx_export():
        _torch_steps.check_export(x, spec.layout)
    if all(isinstance(length, int) for length in (*size, *spec.size, *source)):
        planned(spec, size, source)  # What is wrong with a request is said when it is traced.
    shape[height], shape[width] = source or spec.result(size)
    return _torch_like.empty(x, shape)


# Derivatives: a resize of floats is linear but for the colour of a canvas, and its transpose is another such map.


class _Differentiable(_SingleLevelFunction):
    """An operator below its gradient, forwards and backwards."""

    @staticmethod
    def forward(x: torch.Tensor, below: Callable[..., torch.Tensor], *words: Any) -> torch.Tensor:
        return below(x, *words)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:  # noqa: ARG004  torch's name
        x, _, *words = inputs
        spec, ctx.source = _torch_steps.read(tuple(words))
        # The map of floats, on a black canvas if it has any. Other samples have none, which `planned` says.
        is_known = MODES[spec.mode].kind != "moved" or x.is_complex()
        ctx.spec = spec._replace(mode="F" if is_known else spec.mode, fill=(0.0,))
        ctx.size = (x.shape[spec.layout.index("H")], x.shape[spec.layout.index("W")])
        ctx.nothing = (None,) * (1 + len(words))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        return _mapped(gradient, ctx.spec, () if ctx.source else ctx.size), *ctx.nothing

    @staticmethod
    def jvp(ctx: Any, tangent: torch.Tensor, *_: None) -> torch.Tensor:
        # The tangent may have one itself, of the level below.
        with forward_ad._set_fwd_grad_enabled(mode=True):
            return _mapped(tangent, ctx.spec, ctx.source)

    @staticmethod
    def _compiled_autograd_key(ctx: Any) -> tuple[int]:
        """What torch asks of a Function to compile its backward; sizes and words are not part of it."""
        return (ctx._autograd_function_id,)


def _mapped(x: torch.Tensor, spec: Spec, source: tuple[int, ...]) -> torch.Tensor:
    """The map of floats; of complex numbers, the one of both their parts."""
    if not x.is_complex():
        return torch.ops.portresize.resize(x, *_torch_steps.words(spec, source))
    words = _torch_steps.words(spec._replace(layout=spec.layout + _unused(spec.layout)), source)
    return torch.view_as_complex(torch.ops.portresize.resize(torch.view_as_real(x.resolve_conj()), *words))


def _unused(layout: str) -> str:
    """A letter for one batch axis more."""
    return next(letter for letter in map(chr, count(ord("a"))) if letter not in layout)


def _is_differentiated(x: torch.Tensor) -> bool:
    """Whether a gradient of floats is asked for, backwards or forwards."""
    if x.requires_grad and torch.is_grad_enabled():
        return True
    # To look for a tangent takes longer than a small image, and a compiler does not set the level.
    if forward_ad._current_level < 0 and not torch._C._len_torch_dispatch_stack():
        return False
    return torch._VF._unpack_dual(x, level=0)[1] is not None


def _above(
    op: torch._ops.OpOverload, act: Callable[[torch.Tensor, Words], torch.Tensor]
) -> Callable[..., torch.Tensor]:
    """What autograd sees of an operator."""

    def call(keys: torch._C.DispatchKeySet, x: torch.Tensor, *words: Any) -> torch.Tensor:
        is_differentiated = _may_differ(x) and _is_differentiated(x)
        # Where nobody else looks on, what is left to do need not be looked up.
        if not is_differentiated and not keys.raw_repr() & ~_PLAIN:
            return act(x, words)

        def below(x: torch.Tensor, *words: Any) -> torch.Tensor:
            with torch._C._AutoDispatchBelowAutograd():
                return op.redispatch(keys & torch._C._after_autograd_keyset, x, *words)

        if not is_differentiated:
            return below(x, *words)
        if not torch._C._are_functorch_transforms_active():
            return _Differentiable.apply(x, below, *words)
        wanted = torch.is_grad_enabled(), torch._C._is_fwd_grad_enabled()

        def lower(x: torch.Tensor, *words: Any) -> torch.Tensor:
            # A Function computes its result without gradients; but the levels below may still want theirs.
            with torch.set_grad_enabled(wanted[0]), forward_ad._set_fwd_grad_enabled(mode=wanted[1]):
                return below(x, *words)

        # The transformations of torch.func have brought us here level by level; a Function would begin anew.
        with enable_single_level_autograd_function():
            return _Differentiable.apply(x, lower, *words)

    return call


def _over(op: torch._ops.OpOverload) -> Callable[..., tuple[torch.Tensor, int]]:
    """What `vmap` makes of an operator."""

    def call(_: Any, axes: tuple[Any, ...], x: torch.Tensor, resample: int, layout: str, *words: Any) -> Any:
        """One batch axis more, wherever it is."""
        axis = axes[0]
        return op(x, resample, layout[:axis] + _unused(layout) + layout[axis:], *words), axis

    return call


_LIBRARY = torch.library.Library("portresize", "DEF")
# A first call makes tables that outlive it, which graphs of the compiler do not allow; so it leaves the operator out.
_TAGS = [torch.Tag.pt2_compliant_tag, torch.Tag.needs_exact_strides]
_TAGS += [torch.Tag.cudagraph_unsafe] if hasattr(torch.Tag, "cudagraph_unsafe") else []


def _define(name: str, act: Callable[[torch.Tensor, Words], torch.Tensor]) -> None:
    """An operator and its rules."""
    _LIBRARY.define(name + _SCHEMA, tags=_TAGS)
    _LIBRARY.impl(name, lambda x, *words: act(x, words), "CompositeExplicitAutograd")
    op = getattr(torch.ops.portresize, name).default
    _LIBRARY.impl(name, _above(op, act), "Autograd", with_keyset=True)
    torch.library.register_fake(f"portresize::{name}", _shape, lib=_LIBRARY)
    torch.library.register_vmap(f"portresize::{name}", _over(op), lib=_LIBRARY)


_define("resize", _resize)
_define("resize_through", _resize_through)
