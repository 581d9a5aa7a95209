"""`steps.Pass` as operations of XLA.

One tap of all outputs at a time: a gather of samples, times weights, added. XLA makes a single loop of many such terms
and uses vectors where the innermost axis is long enough to fill them. Where it is not, as for the columns of an image
whose bands stand last, `by_blocks` turns some rows of the image at a time, so that they lie innermost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.xla_metadata import set_xla_metadata

from portresize._backends import _convolve, _narrow, _pair, _round, _xla_double, _xla_gradual

if TYPE_CHECKING:
    from collections.abc import Callable

    from portresize._backends._frame import Frame
    from portresize._core.steps import Pass

# Rows that are turned to lie innermost. XLA transposes bytes at the speed of memory up to 16 rows, and not beyond;
# 16 int32 are a vector of AVX-512.
LANES = 16
# Rows of one block, whose temporary arrays then stay in the cache: 64 rows of 3840 RGB pixels are 720 KiB.
BLOCK = 64
# Rows are turned where fewer samples than this lie innermost.
NARROW = 64


def at_once(frame: Frame, x: jax.Array, step: Pass) -> jax.Array:
    """`steps.Pass` as one loop of the compiler, or a loop over taps if there are many."""
    y = _convolved(frame, x, step, frame.axis(step.axis))
    # Without a barrier XLA may keep more than the dtype holds from one pass to the next ("excess precision"), or take
    # one pass again for each tap of the next.
    return jax.lax.optimization_barrier(y)


def by_blocks(frame: Frame, x: jax.Array, step: Pass) -> jax.Array:
    """`steps.Pass` for a CPU: in blocks of rows turned innermost, where few samples lie there."""
    axis = frame.axis(step.axis)
    rows = frame.axis("W" if step.axis == "H" else "H")
    innermost = math.prod(length for length in x.shape[axis + 1 :] if isinstance(length, int))
    if axis < rows or innermost >= NARROW or x.shape[rows] < LANES:
        return apart(lambda x: _convolved(frame, x, step, axis), x)
    return _by_blocks(frame, x, step, axis, rows)


def _by_blocks(frame: Frame, x: jax.Array, step: Pass, axis: int, rows: int) -> jax.Array:
    """`x` (..., rows, ..., n_in, ...) to (..., rows, ..., n_out, ...)."""
    n_rows = x.shape[rows]
    # Blocks of one length, as few as can be. The last would leave the image, so both slices below move it back.
    n_blocks = -(-n_rows // BLOCK)
    block = min(-(-n_rows // (n_blocks * LANES)), n_rows // LANES) * LANES
    n_blocks = -(-n_rows // block)

    # As one axis, which XLA turns faster; but not axes of a batch, which may lie on several devices.
    tail = x.shape[rows + 1 :]
    flat = (math.prod(tail),) if set(frame.layout[rows + 1 :]) <= set("HWC") else tail

    def turned(x: jax.Array, first: jax.Array) -> jax.Array:
        part = jax.lax.dynamic_slice_in_dim(x, first, block, rows)
        part = jnp.reshape(part, (*x.shape[:rows], block // LANES, LANES, *flat))
        return jnp.reshape(jnp.moveaxis(part, rows + 1, -1), (*x.shape[:rows], block // LANES, *tail, LANES))

    def back(y: jax.Array) -> jax.Array:
        shape = y.shape[rows + 1 : -1]
        y = jnp.reshape(y, (*y.shape[: rows + 1], *((math.prod(shape),) if flat != tail else shape), LANES))
        return jnp.reshape(jnp.moveaxis(y, -1, rows + 1), (*x.shape[:rows], block, *shape))

    def add(number: jax.Array, result: jax.Array) -> jax.Array:
        first = number * block
        part = apart(turned, x, first)
        part = apart(lambda part: _convolved(frame, part, step, axis), part)
        return jax.lax.dynamic_update_slice_in_dim(result, apart(back, part), first, rows)

    shape = (*x.shape[:axis], step.taps.n_out, *x.shape[axis + 1 :])
    return jax.lax.fori_loop(0, n_blocks, add, jnp.zeros(shape, x.dtype))


def apart(function: Callable[..., jax.Array], *arrays: jax.Array) -> jax.Array:
    """`function` as a call that XLA does not inline.

    XLA on the CPU has no barriers. It would fuse a pass into the next, which then takes it again for each tap; or a
    transposition into a pass, which would then read single samples.
    """
    return set_xla_metadata(jax.jit(function)(*arrays), inlineable="false")


def _convolved(frame: Frame, x: jax.Array, step: Pass, axis: int) -> jax.Array:
    """`x`, of any number of axes, convolved along `axis` and rounded."""
    if step.kind == "u8":
        return _convolve.finish(frame, _sum(x, step, axis, _Integer()), x, step)
    if x.dtype == jnp.float64 and isinstance(frame.xp, _xla_gradual.Namespace):
        return _xla_gradual.to_float(_sum(x, step, axis, _GradualDouble()))
    if frame.wide:
        total = _sum(x, step, axis, _Double())
        half = _round.is_half(x.dtype)
        return _xla_double.XP.astype(total, x.dtype) if half else _convolve.finish(frame, total, x, step)
    if step.kind == "float":
        return _pair.to_float(jnp, _sum(x, step, axis, _PairOfFloats())).astype(x.dtype)
    total = _sum(x, step, axis, _SoftwareDouble(_narrow.LIMITS[step.kind]))
    return _narrow.rounded(jnp, total, x.dtype, step.kind, clip=step.clip)


def _sum(x: jax.Array, step: Pass, axis: int, arithmetic: _Arithmetic) -> Any:
    """All terms of every output, in the form in which `arithmetic` keeps a sum."""
    table, chunk = step.taps, arithmetic.chunk
    n_taps = table.n_taps
    looped = n_taps > arithmetic.unrolled
    # Beyond the last tap the weights of a loop are zero, and nothing is inside.
    padding = -(n_taps - 1) % chunk if looped else 0
    shape = (*(1,) * axis, table.n_out, *(1,) * (x.ndim - axis - 1))
    weights = np.pad(table.weight.T, ((0, padding), (0, 0))).reshape(n_taps + padding, *shape)
    weights = arithmetic.tables(weights)
    start, size = jnp.asarray(np.array(table.start)), jnp.asarray(table.size.reshape(shape))

    def add(total: Any, tap: Any, weight: Any) -> Any:
        # Where a window ends before the axis does, as at its end, any sample will do.
        sample = jnp.take(x, start + tap, axis=axis, mode="clip")
        return arithmetic.add(total, sample, weight, tap < size)

    def of(tap: int) -> Any:
        return jax.tree.map(lambda rows: jnp.asarray(rows[tap]), weights)

    # A loop begins with the first term, which is sharded as `x` is, where zeros would not be.
    total = add(None, 0, of(0))
    if not looped:
        for tap in range(1, n_taps):
            total = add(total, tap, of(tap))
        return total

    def more(total: Any, part: tuple[jax.Array, Any]) -> tuple[Any, None]:
        tap, weights = part
        for i in range(chunk):
            total = add(total, tap + i, jax.tree.map(lambda rows, i=i: rows[i], weights))
        return total, None

    first = np.arange(1, n_taps + padding, chunk, dtype=np.int32)
    parts = jax.tree.map(lambda rows: rows[1:].reshape(len(first), chunk, *rows.shape[1:]), weights)
    return jax.lax.scan(more, total, (first, parts))[0]


class _Arithmetic(Protocol):
    """How samples times weights are added."""

    @property
    def unrolled(self) -> int:
        """Up to this many terms there is no loop: more would not be faster, or take too long to compile."""

    @property
    def chunk(self) -> int:
        """Terms in one round of the loop over more."""

    def tables(self, weights: np.ndarray) -> Any:
        """`weights` in the form that `add` takes, one tap after the other."""

    def add(self, total: Any, sample: jax.Array, weight: Any, inside: jax.Array) -> Any:
        """`total`, None at first, plus a sample times its weight where the tap is `inside` its window."""


class _Integer(NamedTuple):
    """Fixed point in int32."""

    unrolled: int = 48
    chunk: int = 16

    def tables(self, weights: np.ndarray) -> np.ndarray:
        return weights

    def add(self, total: Any, sample: jax.Array, weight: jax.Array, _: jax.Array) -> jax.Array:
        term = sample.astype(jnp.int32) * weight
        return term if total is None else total + term


class _Double(NamedTuple):
    """Doubles, every product and every sum rounded."""

    unrolled: int = 16
    chunk: int = 8

    def tables(self, weights: np.ndarray) -> np.ndarray:
        return weights

    def add(self, total: Any, sample: jax.Array, weight: jax.Array, inside: jax.Array) -> jax.Array:
        product = _xla_double.XP.astype(sample, jnp.float64) * weight
        # XLA would fuse the product into the sum, which rounds once where Pillow rounds twice. A select in between
        # stops it on the CPU, where no barrier does; it is needed anyway, because 0 * inf is NaN.
        term = jnp.where(inside & (product == product), product, jnp.where(inside, jnp.nan, 0.0))  # noqa: PLR0124  NaN
        # Pillow starts from +0.0, which turns -0.0 into 0.0.
        return jnp.where(term == 0.0, 0.0, term) if total is None else total + term


class _GradualDouble(NamedTuple):
    """Doubles of which the smallest are not flushed to zero."""

    unrolled: int = 1
    chunk: int = 1

    def tables(self, weights: np.ndarray) -> _xla_gradual.Weight:
        return _xla_gradual.weight(weights)

    def add(self, total: Any, sample: jax.Array, weight: _xla_gradual.Weight, inside: jax.Array) -> _xla_gradual.Number:
        term = _xla_gradual.product(_xla_gradual.of(sample), weight)
        # As in `_Double`: 0 * inf is NaN, and Pillow starts from +0.0.
        counts = inside & (term.value != 0.0)
        term = _xla_gradual.Number(jnp.where(counts, term.value, 0.0), term.is_small | ~counts)
        return term if total is None else _xla_gradual.add(total, term)


class _SoftwareDouble(NamedTuple):
    """Doubles made of int32."""

    limit: int
    unrolled: int = 1
    chunk: int = 1

    def tables(self, weights: np.ndarray) -> _narrow.Digits:
        return _narrow.weight_digits(weights)

    def add(self, total: Any, sample: jax.Array, weight: _narrow.Digits, _: jax.Array) -> _narrow.Double:
        sample = sample if self.limit > 2**31 else sample.astype(jnp.int32)
        term = _narrow.product(jnp, sample, weight, limit=self.limit)
        return term if total is None else _narrow.add(jnp, total, term)


class _PairOfFloats(NamedTuple):
    """Pairs of float32."""

    unrolled: int = 1
    chunk: int = 1

    def tables(self, weights: np.ndarray) -> _pair.Pieces:
        return _pair.weight_pieces(weights)

    def add(self, total: Any, sample: jax.Array, weight: _pair.Pieces, inside: jax.Array) -> _pair.Pair:
        sample = jnp.where(inside, sample, jnp.zeros_like(sample)).astype(jnp.float32)
        return _pair.add_product(jnp, _pair.NOTHING if total is None else total, sample, weight)
