"""The program for Pallas: everything happens in vector memory, and the weights are operands like the samples."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from portresize._core import fixed
from portresize._kernels.pallas.band import BLOCK, LIMBS, OFFSET, weights
from portresize._kernels.pallas.program import LINES, SPARE, Program, arrange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portresize._core.steps import Pass
    from portresize._kernels.pallas.chips import Limbs
    from portresize._kernels.pallas.program import Stage

# Mosaic's references to memory, and what jax calls a type.
Ref = Any
DType = Any
# Which axes a product sums over.
_BY_ROWS, _BY_COLUMNS = (((1,), (1,)), ((), ())), (((1,), (0,)), ((), ()))
_OPERANDS = {"int8": jnp.int8, "bf16": jnp.bfloat16}
_SUMS = {"int8": jnp.int32, "bfloat16": jnp.float32}


class Kernel(NamedTuple):
    """A program and its weights.

    Attributes:
        program: Hashable, for who caches or compiles.
        tables: Of each stage the digits, (rows, BLOCK), and what is added, a row or a column: numpy arrays.
    """

    program: Program
    tables: tuple[np.ndarray, ...]


class _Memory(NamedTuple):
    """What a stage reads and writes: matrices, each in vector memory."""

    source: Ref
    digits: Ref
    bias: Ref
    target: Ref


def run(
    x: jax.Array, passes: Sequence[Pass], *, bands: int = 1, interpret: bool = False, limbs: Limbs = "int8"
) -> jax.Array:
    """Passes over planes.

    Args:
        x: uint8 (planes, height, width * bands); the number of planes may be a symbol.
        passes: Of 8-bit samples, such that `program.takes` has no objection.
        bands: Samples interleaved in a pixel.
        interpret: Compute where there is no TPU, slowly.
        limbs: What the matrix unit multiplies.

    Returns:
        uint8 (planes, height, width * bands) of the size after the passes.
    """
    kernel = prepare(passes, (x.shape[1], x.shape[2] // bands), bands=bands, limbs=limbs)
    return call(x, *map(jnp.asarray, kernel.tables), program=kernel.program, interpret=interpret)


def prepare(passes: Sequence[Pass], source: tuple[int, int], *, bands: int = 1, limbs: Limbs = "int8") -> Kernel:
    """The kernel for passes over images of `source` = `(height, width)` pixels.

    Raises:
        OverflowError: The weights are too large; no filter of Pillow comes near.
    """
    program = arrange(passes, source, bands=bands, limbs=limbs)
    tables = []
    for step, stage in zip(passes, program.stages, strict=True):
        digits, bias = weights(step.taps, stage.band)
        tables += [digits.astype(_OPERANDS[limbs]), bias[None, :] if stage.way == "across" else bias[:, None]]
    return Kernel(program, tuple(tables))


def call(x: jax.Array, *tables: jax.Array, program: Program, interpret: bool = False) -> jax.Array:
    """`run` with what `prepare` has made of its passes, so that the tables can be arguments of a compiled function."""
    n = x.shape[0]
    if isinstance(n, int):
        if n == 0:
            return jnp.zeros((0, *program.result), x.dtype)
        program = program.among(n)
    return pl.pallas_call(
        partial(_step, program),
        grid=((n + program.planes - 1) // program.planes,),
        in_specs=[_planes(program.planes, program.source), *map(_whole, tables)],
        out_specs=_planes(program.planes, program.result),
        # Whoever calls it in a `shard_map` has left the names of its axes behind.
        out_shape=jax.ShapeDtypeStruct((n, *program.result), x.dtype, manual_axis_type=jax.typeof(x).manual_axis_type),
        scratch_shapes=[pltpu.VMEM(stage.shape, _OPERANDS[program.limbs]) for stage in program.stages[:-1]],
        compiler_params=pltpu.CompilerParams(
            dimension_semantics=("parallel",), vmem_limit_bytes=program.memory + SPARE
        ),
        interpret=interpret,
        name="portresize",
    )(x, *tables)


def _planes(n: int, shape: tuple[int, int]) -> pl.BlockSpec:
    return pl.BlockSpec((n, *shape), lambda step: (step, 0, 0))


def _whole(table: jax.Array) -> pl.BlockSpec:
    return pl.BlockSpec(table.shape, lambda _: (0, 0))


def _step(program: Program, x: Ref, *refs: Ref) -> None:
    """A step of the grid: some planes at a time, written out so that one fills the gaps of another."""
    n_tables = 2 * len(program.stages)
    tables, (result, *between) = refs[:n_tables], refs[n_tables:]

    def work(first: int | jax.Array) -> None:
        for plane in range(program.together):
            matrices = [x.at[first + plane], *between, result.at[first + plane]]
            for i, stage in enumerate(program.stages):
                digits, bias = tables[2 * i : 2 * i + 2]
                _stage(stage, _Memory(matrices[i], digits, bias, matrices[i + 1]))

    if program.planes == program.together:
        work(0)
    else:
        pl.loop(0, program.planes, step=program.together)(work)


def _stage(stage: Stage, memory: _Memory) -> None:
    """A pass: some lines at a time, in a loop where that shortens the program much."""
    # What is not yet turned back has lines that only fill up a tile, and the result has no room for them.
    lines = memory.target.shape[stage.side]
    step = stage.unrolled * LINES
    loops = lines // step
    written_out = 0
    if loops > 1:
        written_out = loops * step

        @pl.loop(0, written_out, step=step)
        def _(first: jax.Array) -> None:
            for line in range(0, step, LINES):
                _lines(stage, memory, pl.multiple_of(first + line, LINES), LINES)

    while written_out < lines:
        rest = stage.lines - written_out
        # Nor may a single line be left over: see `program.arrange`.
        n = rest if rest == LINES + 1 else min(rest, LINES)
        _lines(stage, memory, written_out, n)
        written_out += n


def _lines(stage: Stage, memory: _Memory, line: int | jax.Array, n: int) -> None:
    """All outputs of `n` lines."""
    source, digits, bias, target = memory
    band, among = stage.band, pl.ds(line, n)
    sums: dict[int, jax.Array] = {}
    for product in band.products:
        inputs = pl.ds(product.block * BLOCK, band.size(product.block))
        samples = source[inputs, among] if stage.way == "down" else source[among, inputs]
        rows = pl.ds(product.row, len(product.tiles) * LIMBS * band.tile)
        total = _product(stage, digits[rows, : inputs.size], _operand(samples, digits.dtype))
        for tile, part in zip(product.tiles, jnp.split(total, len(product.tiles), 1 - stage.side), strict=True):
            total = sums.pop(tile) + part if tile in sums else part
            if tile not in product.last:
                sums[tile] = total
                continue
            outputs = pl.ds(tile * band.tile, band.tile)
            if stage.side:
                _put(target, _levels(stage, total, bias[outputs, :]), (outputs.start, line))
            else:
                _put(target, _levels(stage, total, bias[:, outputs]), (line, outputs.start))


def _operand(samples: jax.Array, dtype: DType) -> jax.Array:
    """Samples as the matrix unit takes them, less 128."""
    if samples.dtype != jnp.uint8:
        return samples
    samples = _flipped(samples, jnp.int8)
    return samples if dtype == jnp.int8 else samples.astype(jnp.float32).astype(dtype)


def _product(stage: Stage, digits: jax.Array, samples: jax.Array) -> jax.Array:
    """Sums over the inputs of a block."""
    pair = (samples, digits) if stage.way == "across" else (digits, samples)
    dimensions = _BY_COLUMNS if stage.way == "down" else _BY_ROWS
    total = lax.dot_general(*pair, dimensions, preferred_element_type=_SUMS[str(digits.dtype)])
    return total if stage.band.exact else total.astype(jnp.int32)


def _levels(stage: Stage, total: jax.Array, bias: jax.Array) -> jax.Array:
    """Sums of the three digits to int32 whose low byte is the result plus 128."""
    low, middle, high = jnp.split(total.astype(jnp.int32), LIMBS, 1 - stage.side)
    total = low + (middle << 8) + (high << 16) + bias
    if stage.band.below or stage.band.above:
        # Bits of positive floats: see `band`.
        total = lax.bitcast_convert_type(total, jnp.float32)
        if stage.band.below:
            total = jnp.maximum(total, _LEAST)
        if stage.band.above:
            total = jnp.minimum(total, _MOST)
        total = lax.bitcast_convert_type(total, jnp.int32)
    return total >> fixed.SHIFT


_LEAST, _MOST = np.array([OFFSET, OFFSET + (256 << fixed.SHIFT) - 1], np.int32).view(np.float32)


def _put(target: Ref, levels: jax.Array, corner: tuple[Any, Any]) -> None:
    """Store results, as far as there is room for them: the last tile may be more than there is."""
    if target.dtype == jnp.uint8:
        samples = _flipped(levels.astype(jnp.int8), jnp.uint8)
    elif target.dtype == jnp.int8:
        samples = levels.astype(jnp.int8)
    else:
        samples = (levels - 256).astype(jnp.float32).astype(target.dtype)
    shape = [
        n if isinstance(start, jax.Array) else min(n, end - start)
        for n, start, end in zip(samples.shape, corner, target.shape, strict=True)
    ]
    place = tuple(pl.ds(start, n) for start, n in zip(corner, shape, strict=True))
    target[place] = samples[: shape[0], : shape[1]]


def _flipped(samples: jax.Array, dtype: DType) -> jax.Array:
    """Bytes with the top bit flipped, signed to unsigned or back."""
    if samples.shape[0] % 4:
        return (samples.astype(jnp.int32) ^ 128).astype(dtype)
    # Four rows are one of int32 in a register, and there are no operations on bytes.
    return pltpu.bitcast(pltpu.bitcast(samples, jnp.int32) ^ np.int32(-0x7F7F7F80), dtype)
