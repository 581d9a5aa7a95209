"""A request as a call of kernels in a program that XLA compiles for the CPU: a custom call with a recipe.

The recipe is a constant of the program and says all that has to be done; the only operand is the image. So the call may
be divided along the leading axes, which XLA does where these are sharded.
"""

from __future__ import annotations

import ctypes
import logging
import math
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
from jax.interpreters import mlir

from portresize import __version__
from portresize._backends._items import items_of
from portresize._core.floating import DefaultState
from portresize._core.fork import importing
from portresize._core.steps import Pad
from portresize._kernels.llvm.errors import Unsupported
from portresize._kernels.llvm.host import host
from portresize._kernels.llvm.parts import sort

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from portresize._backends._items import Form
    from portresize._core.steps import Step
    from portresize._kernels.handler import Handler

Size = tuple[int, ...]
_LOG = logging.getLogger("portresize")


class Serving(NamedTuple):
    """What XLA may call, and under which name; or why there is nothing."""

    handler: Handler | None
    target: str
    why: str


@cache
def serving() -> Serving:
    """The handler for this process, registered with XLA when first asked for.

    Raises:
        ValueError: The environment variable PORTRESIZE_ISA names a level that this processor has not.
    """
    isa, why = host()
    if isa is None:
        return Serving(None, "", why)
    with importing():
        # Not before: it imports llvmlite.
        from portresize._kernels import handler

    # A recipe means something else in another version, and an executable may outlive this one.
    target = re.sub(r"\W", "_", f"portresize_{__version__}_{isa.name}")
    try:
        made = handler.of(isa)
        # XLA asks the function for the version of the interface that it is written for, and refuses what it is not.
        jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(ctypes.c_void_p(made.address)), platform="cpu")
        jax.ffi.register_ffi_target_as_batch_partitionable(target)
    except (Unsupported, RuntimeError, ValueError, AttributeError, TypeError) as error:
        return Serving(None, "", f"XLA takes no kernels: {' '.join(str(error).split())}")
    return Serving(made, target, "")


class Native(NamedTuple):
    """A custom call.

    Attributes:
        target: Its name.
        recipe: What it does.
        leading: Along how many of the first axes it may be divided.
        size: `(height, width)` of what it makes.
        rest: Steps that are left to do after it.
    """

    target: str
    recipe: NDArray[np.int64]
    leading: int
    size: tuple[int, int]
    rest: tuple[Step, ...]


def native(form: Form, steps: Sequence[Step], threads: int) -> Native | None:
    """The call that does `steps`, or None if no kernel can: why is in the debug log."""
    handler, target, why = serving()
    if handler is not None:
        try:
            return _native(handler, target, form, steps, threads)
        except Unsupported as error:
            why = f"no kernel takes {error}"
    _LOG.debug("operations of XLA do %s to %s on the CPU: %s", "; ".join(map(str, steps)), form, why)
    return None


@DefaultState()
def _native(handler: Handler, target: str, form: Form, steps: Sequence[Step], threads: int) -> Native:
    with importing():
        # Not before: it imports llvmlite.
        from portresize._kernels.llvm.program import Program
        from portresize._kernels.llvm.recipe import WORTH_THREAD

    number = len(steps) - bool(steps and isinstance(steps[-1], Pad))
    steps, rest = steps[:number], tuple(steps[number:])
    if _bits(form.dtype) < 8:
        msg = f"samples of {form.dtype}, which XLA packs"
        raise Unsupported(msg)
    shape, itemsize = form.shape, form.dtype.itemsize
    height, width = (form.layout.index(name) for name in "HW")
    source = shape[height], shape[width]
    size = sort(steps, source).result
    result = tuple(size["HW".index(name)] if name in "HW" else n for name, n in zip(form.layout, shape, strict=True))
    strides = _strides(shape, itemsize), _strides(result, itemsize)
    items = items_of(form, steps, strides)
    leading = next((i for i, axis in enumerate(items.axes) if axis != i), len(items.axes))
    inner = items.axes[leading:]
    places = items.places(shape, strides[0], inner), items.places(shape, strides[1], inner)
    program = Program(handler.isa, items.samples, items.sides, steps, source, places=places)
    # More would have little to do, also where XLA does not divide the call.
    threads = max(1, min(threads, program.work * program.items * math.prod(shape[:leading]) // WORTH_THREAD))
    item_steps = math.prod(shape[leading:]) * itemsize, math.prod(result[leading:]) * itemsize
    recipe = handler.recipe(program, leading=leading, steps=item_steps, threads=threads)
    return Native(target, recipe, leading, size, rest)


def _bits(dtype: np.dtype[Any]) -> int:
    """Bits of a sample."""
    if jax.numpy.issubdtype(dtype, jax.numpy.integer):
        return int(jax.numpy.iinfo(dtype).bits)
    if jax.numpy.issubdtype(dtype, jax.numpy.floating):
        return int(jax.numpy.finfo(dtype).bits)
    return 8 * dtype.itemsize


def _strides(shape: Sequence[int], itemsize: int) -> Size:
    """Bytes along each axis of an array without gaps."""
    return tuple(math.prod(shape[axis + 1 :]) * itemsize for axis in range(len(shape)))


def call(ctx: mlir.LoweringRuleContext, x: Any, made: Native) -> Any:
    """The value of the custom call `made` on `x`."""
    attributes = {"mhlo.frontend_attributes": mlir.ir_attribute({"num_batch_dims": str(made.leading)})}
    if jax.config.jax_use_shardy_partitioner:
        rule = _sharding_rule(ctx.avals_in[0].shape, ctx.avals_out[0].shape, made.leading)
        attributes["sdy.sharding_rule"] = mlir.ir.Attribute.parse(rule)
    lower = jax.ffi.ffi_lowering(
        made.target, backend_config={"recipe": mlir.dense_int_array(made.recipe)}, extra_attributes=attributes
    )
    (y,) = lower(ctx, x)
    return y


def _sharding_rule(before: Size, after: Size, leading: int) -> str:
    """That the leading axes are the same before and after, in the words of Shardy.

    >>> _sharding_rule((8, 5, 7), (8, 2, 3), 1)
    '#sdy.op_sharding_rule<([i, j, k])->([i, l, m]) {i=8, j=5, k=7, l=2, m=3}, custom>'
    """
    rank = len(before)
    sizes = [*before, *after[leading:]]
    names = [chr(ord("i") + n) if n < 18 else f"z_{n - 17}" for n in range(len(sizes))]
    results = [*names[:leading], *names[rank:]]
    told = ", ".join(f"{name}={size}" for name, size in zip(names, sizes, strict=True))
    return f"#sdy.op_sharding_rule<([{', '.join(names[:rank])}])->([{', '.join(results)}]) {{{told}}}, custom>"
