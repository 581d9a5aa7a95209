"""A pass over 8-bit samples as products of small dense matrices of signed bytes.

The table of a pass is a band: output `o` reads a short window, and windows move along the axis. So the axis is cut
into blocks of inputs as wide as the matrix unit, and the outputs into tiles; only where a tile reads from a block is
there a product, and what a tile gets from several blocks is added up. Weights outside of a window are zeros there.

WEIGHTS. w = d0 + 2^8 d1 + 2^16 d2 with d0 and d1 in -128..127, the remainders nearest to zero, and d2, what is left,
in -127..127. Sums of products are s0 + (s1 << 8) + (s2 << 16), modulo 2^32, where parts may wrap as long as the whole
fits, and `fixed.quantize` has seen to that.

SAMPLES. The matrix unit multiplies signed bytes, so it gets p - 128, which has the bits of p with the top one flipped:
sum(p w) = sum((p - 128) w) + 128 sum(w), and the last term is a number per output, part of `bias`.

ROUNDING. S is the sum and half a unit: a result is S >> 22, clipped. OFFSET is 128 << 22, so (S + OFFSET) >> 22 is the
result plus 128, and its low byte is what the next pass wants. OFFSET is part of `bias` too. It also puts all sums
among the positive int32 that are the bits of ordinary float32, in the same order: TPUs have a minimum and a maximum of
floats, but none of integers, so they clip the sums, as float32, before the shift.

FLOATS. In bfloat16 samples and digits are exact, their products are integers below 2^15, and sums of them are exact in
float32 while they stay below 2^24: always within a block, and over a whole window if `exact` says so.

BANDS. A pixel of C interleaved samples makes its axis C times as long: output (o, c) reads inputs (x, c) alone. No
array has to be transposed for it, and the band is as dense as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from portresize._core import fixed
from portresize._core.cache import LARGE, kept

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._core.taps import Taps

LIMBS = 3
# Inputs in a block: a side of the smallest matrix unit, and the lanes of a register.
BLOCK = 128
# The most outputs whose products with a block are taken together: the matrix unit then loads the samples once for all,
# and the sums, of 256 lines, still find room in the registers, or next to them.
TOGETHER = 128
# The largest weight whose third digit is a byte whatever the other two are; 1.98 in units of 2^22.
LARGEST = (127 << 16) - (1 << 15)
OFFSET = 128 << fixed.SHIFT
# Sums, with OFFSET, that are bits of ordinary positive float32: above the subnormal ones and below infinity.
_ORDINARY = range(1 << 23, 255 << 23)


class Product(NamedTuple):
    """Weights of some tiles for one block, one below the other.

    Attributes:
        block: Which block of inputs.
        row: First of their rows among all weights.
        tiles: Which tiles, consecutive.
        last: Of those, the ones that get nothing from later products.
    """

    block: int
    row: int
    tiles: tuple[int, ...]
    last: frozenset[int]


class Band(NamedTuple):
    """A pass, but for its weights.

    Attributes:
        n_in: Inputs along the axis, interleaved bands counted.
        n_out: Outputs, likewise.
        tile: Outputs in a tile.
        products: All of them, in order of their blocks.
        below: Whether a sum can be less than 0, and so has to be clipped.
        above: Whether one can be more than 255.
        exact: Whether sums of products of a whole window are exact in float32.
    """

    n_in: int
    n_out: int
    tile: int
    products: tuple[Product, ...]
    below: bool
    above: bool
    exact: bool

    @property
    def n_padded(self) -> int:
        """Outputs, made up to whole tiles."""
        return up(self.n_out, self.tile)

    def size(self, block: int) -> int:
        """Inputs in a block."""
        return min(BLOCK, self.n_in - block * BLOCK)

    @property
    def rows(self) -> int:
        """Rows of weights."""
        product = self.products[-1]
        return product.row + len(product.tiles) * LIMBS * self.tile


def up(n: int, to: int) -> int:
    """The next multiple."""
    return -(-n // to) * to


def refused(table: Taps) -> str:
    """Why a table with int32 weights has no band, in words; "" if it has."""
    largest = int(np.abs(table.weight).max())
    if largest > LARGEST:
        return f"weights up to {largest} have more than three digits to the base 256"
    low, high = _extremes(table)
    if low + OFFSET not in _ORDINARY or high + OFFSET not in _ORDINARY:
        return f"sums of {low}..{high} cannot be clipped as float32"
    return ""


@kept(lambda table, *_: table.weight.nbytes > LARGE)
def band(table: Taps, n_in: int, bands: int, tile: int) -> Band:
    """The products of a pass.

    Args:
        table: Quantized weights of the pass.
        n_in: Pixels along the axis.
        bands: Samples in a pixel.
        tile: Outputs in a tile.

    Raises:
        OverflowError: The weights are too large; no filter of Pillow comes near.

    >>> from portresize._core.filters import Resampling
    >>> from portresize._core.taps import taps
    >>> table = fixed.quantize(taps(512, 224, 0.0, 512.0, Resampling.BILINEAR))
    >>> [product.tiles for product in band(table, 512, 1, 32).products]
    [(0, 1), (1, 2, 3), (3, 4, 5), (5, 6)]
    """
    if refused(table):
        raise OverflowError(refused(table))
    n_out = table.n_out * bands
    begin, end = _blocks(table, bands, tile)
    products = []
    row = 0
    for block in range(-(-n_in * bands // BLOCK)):
        for tiles in _runs([int(t) for t in np.flatnonzero((begin <= block) & (block <= end))], TOGETHER // tile):
            products.append(Product(block, row, tiles, frozenset(t for t in tiles if end[t] == block)))
            row += len(tiles) * LIMBS * tile
    low, high = _extremes(table)
    exact = 128 * int(np.abs(_digits(table.weight)).sum(axis=2).max()) < 1 << 24
    return Band(n_in * bands, n_out, tile, tuple(products), low < 0, high >> fixed.SHIFT > 255, exact)


@kept(lambda table, *_: table.weight.nbytes > LARGE)
def weights(table: Taps, layout: Band) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """The weights of a pass in the order of its products, and what is added to the sums.

    Returns:
        int8 (rows, BLOCK), for each tile of each product a row per output of its lowest digits, then the middle ones,
        then the highest; and `bias`, int32 (n_padded,).
    """
    bands = layout.n_out // table.n_out
    rows = np.full((layout.n_padded // layout.tile, -(-layout.n_in // BLOCK)), -1)
    for product in layout.products:
        for i, tile in enumerate(product.tiles):
            rows[tile, product.block] = product.row + i * LIMBS * layout.tile
    digits = _digits(table.weight)  # (LIMBS, n_out, k)
    matrix = np.zeros((layout.rows, BLOCK), np.int8)
    o, t = np.nonzero(np.arange(table.n_taps) < table.size[:, None])
    for c in range(bands):
        output, source = o * bands + c, (table.start[o] + t) * bands + c
        row = rows[output // layout.tile, source // BLOCK] + output % layout.tile
        for limb in range(LIMBS):
            matrix[row + limb * layout.tile, source % BLOCK] = digits[limb, o, t]
    bias = np.full(layout.n_padded, fixed.HALF + OFFSET)
    bias[: layout.n_out] += np.repeat(128 * table.weight.sum(axis=1, dtype=np.int64), bands)
    return matrix, (bias & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def _blocks(table: Taps, bands: int, tile: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the last block that each tile reads from; some block for a tile without any input."""
    used = table.size > 0
    nowhere = np.iinfo(np.int64).max
    start, stop = table.start.astype(np.int64) * bands, (table.start.astype(np.int64) + table.size) * bands
    first = np.repeat(np.where(used, start // BLOCK, nowhere), bands)
    last = np.repeat(np.where(used, (stop - 1) // BLOCK, 0), bands)
    edges = np.arange(0, len(first), tile)
    begin, end = np.minimum.reduceat(first, edges), np.maximum.reduceat(last, edges)
    return np.minimum(begin, end), end


def _runs(tiles: list[int], most: int) -> list[tuple[int, ...]]:
    """Consecutive numbers, so many of them at most."""
    runs: list[tuple[int, ...]] = []
    for tile in tiles:
        if runs and runs[-1][-1] == tile - 1 and len(runs[-1]) < most:
            runs[-1] = (*runs[-1], tile)
        else:
            runs.append((tile,))
    return runs


def _extremes(table: Taps) -> tuple[int, int]:
    """The least and the greatest sum, half a unit included, that samples can give."""
    above = np.maximum(table.weight, 0).sum(axis=1, dtype=np.int64)
    below = table.weight.sum(axis=1, dtype=np.int64) - above
    return fixed.HALF + 255 * int(below.min()), fixed.HALF + 255 * int(above.max())


def _digits(weight: NDArray[np.int32] | NDArray[np.float64]) -> NDArray[np.int64]:
    """Three digits to the base 256, lowest first, the lower two in -128..127."""
    rest = weight.astype(np.int64)
    digits = []
    for _ in range(LIMBS - 1):
        digit = ((rest + 128) & 255) - 128
        digits.append(digit)
        rest = (rest - digit) >> 8
    return np.stack([*digits, rest])
