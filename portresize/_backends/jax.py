"""jax: one primitive for all requests, with a rule for each platform on which a program that holds it is compiled.

What is static is the request; what is dynamic are the pixels. On the CPU it is a call of the kernels of
`portresize[cpu]`, on TPUs a kernel of Pallas, and elsewhere operations of XLA; so it is too on the CPU where there are
no kernels, and in exported programs, which have to run where portresize is not. Outside of any program, an array on one
CPU device is resized as one of numpy is (`_jax_eager`). Results are the same.

Modes I, I;16 and F are sums in double, so 64-bit types are used inside whether or not the caller has switched them on;
but not on TPUs, which have none.
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from portresize._backends import _jax_cpu, _jax_eager, _xla
from portresize._backends import _jax_experimental as _experimental
from portresize._backends._items import Form
from portresize._core import foreign
from portresize._core.adjoint import planned
from portresize._core.floating import DefaultState
from portresize._core.fork import importing
from portresize._core.threads import number_of_threads

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from portresize._core.spec import Spec
    from portresize._core.steps import Step

Size = tuple[int, ...]

# Parameters: `spec`; `source`, which is () or, for the transposed map, the `(height, width)` that it ends with; and
# `threads`, how many the CPU may use.
resize_p = Primitive("portresize")


def checked(x: jax.Array) -> jax.Array:
    """Return `x`, whose samples are there.

    Raises:
        TypeError: It holds keys of random numbers, or is no array of jax.
        ValueError: It was deleted, or donated to a program.
    """
    if not isinstance(x, jax.Array):
        msg = f"no backend for {foreign.path_of(type(x))}, which has the name of an array of jax and is none"
        raise TypeError(msg)
    if jnp.issubdtype(x.dtype, jax.dtypes.extended):
        msg = f"`image` has dtype {x.dtype}, which is no number; pass jax.random.key_data(image)"
        raise TypeError(msg)
    if not isinstance(x, jax.core.Tracer) and x.is_deleted():
        msg = f"`image` of shape {x.shape} was deleted or donated to a program, expected an array with its samples"
        raise ValueError(msg)
    return x


def run(x: jax.Array, spec: Spec) -> jax.Array:
    """Execute `spec` on an array or a tracer."""
    _experimental.register(resize_p, _linear)
    return resize_p.bind(_gathered(x, spec.layout), spec=spec, source=(), threads=number_of_threads())


@resize_p.def_impl
def _eager(x: jax.Array | np.ndarray, *, spec: Spec, source: Size, threads: int) -> jax.Array:
    """Execute `spec` on an array, without a program where that can be."""
    array = x if isinstance(x, jax.Array) else jax.device_put(x)
    if _jax_eager.is_in_this_memory(array):
        return _jax_eager.check(_jax_eager.run(array, spec, source, threads))
    # A program also where the caller has switched programs off: there is nothing below it to step into. And jax is not
    # to look for NaN in its result, because where it finds one it calls the function without a program, which is this.
    with jax.disable_jit(False), jax.debug_nans(False), jax.debug_infs(False):  # noqa: FBT003  by position alone
        y = _program(spec, source, threads, array.shape, array.dtype)(array)
    return _jax_eager.check(y)


# Every program takes a megabyte or two, which goes with the function.
@lru_cache(maxsize=64)
def _program(spec: Spec, source: Size, threads: int, *_: Any) -> Callable[[jax.Array], jax.Array]:
    """Make a program for arrays of one shape and dtype on other devices than one CPU."""

    def resize(x: jax.Array) -> jax.Array:
        return resize_p.bind(x, spec=spec, source=source, threads=threads)

    return jax.jit(resize)


def _gathered(x: jax.Array, layout: str) -> jax.Array:
    """`x`, whole along H and W on every device, where the type of an array says how it is sharded."""
    sharding = jax.typeof(x).sharding
    parts = list(sharding.spec)
    whole = [None if name in "HW" else part for name, part in zip(layout, parts, strict=True)]
    if whole == parts:
        return x
    return jax.sharding.reshard(x, NamedSharding(sharding.mesh, PartitionSpec(*whole)))


def _steps(shape: Size, spec: Spec, source: Size) -> tuple[Step, ...]:
    """Return what to do to an array of `shape`."""
    return planned(spec, (shape[spec.layout.index("H")], shape[spec.layout.index("W")]), source).steps


def _with_size(aval: Any, layout: str, size: Size) -> Any:
    """The abstract value of the same array with another height and width."""
    shape = list(aval.shape)
    shape[layout.index("H")], shape[layout.index("W")] = size
    return aval.update(shape=tuple(shape))


@resize_p.def_abstract_eval
def _abstract(x: Any, *, spec: Spec, source: Size, **_: Any) -> Any:
    height, width = (x.shape[spec.layout.index(name)] for name in "HW")
    _steps(x.shape, spec, source)  # What is wrong with a request is said when it is traced.
    return _with_size(x, spec.layout, source or spec.result((height, width))).update(weak_type=False)


# Derivatives: a resize of floats is linear but for the colour of a canvas, and its transpose is another such map.


def _linear(x: jax.Array, *, spec: Spec, source: Size, threads: int) -> jax.Array:
    """The map itself, on a black canvas if it has any."""
    return resize_p.bind(x, spec=spec._replace(fill=(0,)), source=source, threads=threads)


def _jvp(primals: tuple[Any], tangents: tuple[Any], **parameters: Any) -> tuple[Any, Any]:
    (x,), (tangent,) = primals, tangents
    y = resize_p.bind(x, **parameters)
    if isinstance(tangent, ad.Zero) or not jnp.issubdtype(x.dtype, jnp.inexact):
        return y, ad.Zero.from_primal_value(y)
    return y, _linear(tangent, **parameters)


def _transpose(cotangent: Any, x: Any, *, spec: Spec, source: Size, threads: int) -> tuple[Any]:
    if isinstance(cotangent, ad.Zero):
        return (ad.Zero(x.aval),)
    before = () if source else tuple(x.aval.shape[spec.layout.index(name)] for name in "HW")
    if not jnp.issubdtype(cotangent.dtype, jnp.complexfloating):
        return (_linear(cotangent, spec=spec, source=before, threads=threads),)
    # The map is real: it transposes both parts alike.
    parts = (jnp.real(cotangent), jnp.imag(cotangent))
    spec = spec._replace(mode="F")
    return (jax.lax.complex(*(_linear(part, spec=spec, source=before, threads=threads) for part in parts)),)


ad.primitive_jvps[resize_p] = _jvp
ad.primitive_transposes[resize_p] = _transpose


def _batch(images: tuple[Any], axes: tuple[int], *, spec: Spec, source: Size, threads: int) -> tuple[Any, int]:
    """One batch axis more, wherever it is."""
    (x,), (axis,) = images, axes
    letter = next(letter for letter in map(chr, count(ord("a"))) if letter not in spec.layout)
    layout = spec.layout[:axis] + letter + spec.layout[axis:]
    return resize_p.bind(x, spec=spec._replace(layout=layout), source=source, threads=threads), axis


batching.primitive_batchers[resize_p] = _batch


# Lowering.

_NO_MESH = jax.sharding.AbstractMesh((), ())


@DefaultState()
def _lowered(ctx: mlir.LoweringRuleContext, x: Any, function: Callable[[jax.Array], jax.Array]) -> Any:
    """What a function of an array does, in the program that is being written."""
    # Types say nothing of sharding here: XLA finds out by itself.
    avals = [jax.core.ShapedArray(aval.shape, aval.dtype) for aval in (*ctx.avals_in, *ctx.avals_out)]
    ctx = ctx.replace(avals_in=avals[:1], avals_out=avals[1:])
    with jax.sharding.use_abstract_mesh(_NO_MESH):
        return mlir.lower_fun(function, multiple_results=False)(ctx, x)


def _anywhere(ctx: mlir.LoweringRuleContext, x: Any, *, spec: Spec, source: Size, **_: Any) -> Any:
    steps = _steps(ctx.avals_in[0].shape, spec, source)
    return _lowered(ctx, x, partial(_xla.perform, layout=spec.layout, steps=steps, wide=True))


def _on_cpu(ctx: mlir.LoweringRuleContext, x: Any, *, spec: Spec, source: Size, threads: int) -> Any:
    (aval,) = ctx.avals_in
    if _is_divided(ctx.module_context.axis_context) and (order := _batch_first(spec.layout)):
        # XLA divides a call along its first axes alone.
        def turned(x: jax.Array) -> jax.Array:
            moved = spec._replace(layout="".join(spec.layout[axis] for axis in order))
            y = resize_p.bind(jnp.transpose(x, order), spec=moved, source=source, threads=threads)
            return jnp.transpose(y, sorted(range(len(order)), key=order.__getitem__))

        return _lowered(ctx, x, turned)
    steps = _steps(aval.shape, spec, source)
    made = None
    is_known = all(isinstance(length, int) for length in aval.shape) and all(aval.shape)
    if is_known and not ctx.module_context.lowering_parameters.for_export:
        made = _jax_cpu.native(Form(spec.layout, spec.mode, aval.dtype, aval.shape), steps, threads)
    if made is not None:
        inner = _with_size(aval, spec.layout, made.size)
        x, steps = _jax_cpu.call(ctx.replace(avals_out=[inner]), x, made), made.rest
        if not steps:
            return [x]
        ctx = ctx.replace(avals_in=[inner])
    return _lowered(ctx, x, partial(_xla.perform, layout=spec.layout, steps=steps, wide=True, cpu=True))


def _batch_first(layout: str) -> list[int]:
    """The order of axes in which those of a batch come first; [] if it is so already."""
    order = sorted(range(len(layout)), key=lambda axis: layout[axis] in "HWC")
    return [] if order == list(range(len(layout))) else order


@DefaultState()
def _on_tpu(ctx: mlir.LoweringRuleContext, x: Any, *, spec: Spec, source: Size, **_: Any) -> Any:
    with importing():
        # Not before: it imports Pallas.
        from portresize._backends import _jax_tpu
    steps = _steps(ctx.avals_in[0].shape, spec, source)
    act = partial(_jax_tpu.perform, layout=spec.layout, steps=steps)
    if ctx.avals_in[0].dtype == jnp.float64:
        # What XLA makes of it on a TPU is its affair.
        act = partial(_xla.perform, layout=spec.layout, steps=steps, wide=True)
    elif _is_divided(ctx.module_context.axis_context):
        # XLA cannot divide a kernel, but where types say how an array lies, each device can be given its part.
        before, after = ctx.avals_in[0].sharding, ctx.avals_out[0].sharding
        if _is_by_images(before, spec.layout):
            apart = jax.shard_map(act, mesh=before.mesh, in_specs=before.spec, out_specs=after.spec, check_vma=False)
            with jax.sharding.use_abstract_mesh(before.mesh):
                return mlir.lower_fun(apart, multiple_results=False)(ctx, x)
        act = partial(_xla.perform, layout=spec.layout, steps=steps, wide=False)
    return _lowered(ctx, x, act)


def _is_divided(context: mlir.AxisContext) -> bool:
    """Whether XLA divides the program over devices, and not a `shard_map` that has done so before."""
    if isinstance(context, mlir.SPMDAxisContext):
        return bool(context.manual_axes != frozenset(context.mesh.axis_names))
    return isinstance(context, mlir.ShardingContext) and context.num_devices != 1


def _is_by_images(sharding: NamedSharding, layout: str) -> bool:
    """Whether the type of an array says all about where it lies, and no image of it is in pieces."""
    is_told = bool(sharding.mesh.axis_types) and all(kind == AxisType.Explicit for kind in sharding.mesh.axis_types)
    return is_told and all(part is None for part, name in zip(sharding.spec, layout, strict=True) if name in "HWC")


mlir.register_lowering(resize_p, _anywhere)
mlir.register_lowering(resize_p, _on_tpu, platform="tpu")
mlir.register_lowering(resize_p, _on_cpu, platform="cpu")
