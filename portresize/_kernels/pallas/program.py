"""What a kernel does, stage by stage, and whether there is one: told from passes and shapes alone.

A stage is a pass over a matrix of samples, lines by inputs or inputs by lines, in products of `band`. The matrix unit
takes both operands by rows of the inputs that are summed over, or the second one by columns, so there are three ways:

    turned   samples (line, input)   weights x samples^T -> (output, line)   along W, and turns the image over
    down     samples (input, line)   weights x samples   -> (output, line)   along H
    across   samples (line, input)   samples x weights^T -> (line, output)   along W

Two turned ones make W, then H, and set the image upright again. They are preferred: outputs that are rows come in
tiles of 32, where outputs that are columns come in tiles of 128, of which a band fills less.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from portresize._kernels.pallas.band import BLOCK, Band, band, refused, up
from portresize._kernels.pallas.chips import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portresize._core.steps import Pass
    from portresize._kernels.pallas.chips import Chip, Limbs

Way = Literal["turned", "down", "across"]
_TILE: dict[Way, int] = {"turned": 32, "down": 32, "across": 128}
_WAYS: dict[tuple[str, ...], tuple[Way, ...]] = {
    ("W",): ("across",),
    ("H",): ("down",),
    ("W", "H"): ("turned", "turned"),
    ("H", "W"): ("down", "across"),
}
# Lines that are taken together: a side of the largest matrix unit, and two of the smallest.
LINES = 256
# Products that are written out, one after the other, so that they overlap; beyond that there are loops.
WRITTEN_OUT = 64
# The same, of several planes: enough to fill the gaps, and little to compile where rows end within a register.
_PLANES_WRITTEN_OUT = 32
# Products of all stages for the same lines, which are always written out: compiling takes a second for every hundred.
_MOST = 512
# What the compiler may need beside what is counted here.
SPARE = 4 << 20
# Planes of a step of the grid: the more, the less it matters that a step starts and ends with nothing to overlap.
_PLANES = 16
_STEP_BYTES = 1 << 20


class Stage(NamedTuple):
    """A pass over all lines.

    Attributes:
        way: How samples meet weights.
        band: The products for a line.
        lines: How many lines there are.
    """

    way: Way
    band: Band
    lines: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the result, made up to whole tiles."""
        n = self.band.n_padded
        return (self.lines, n) if self.way == "across" else (n, self.lines)

    @property
    def side(self) -> int:
        """Which axis of the result has the lines."""
        return 0 if self.way == "across" else 1

    @property
    def unrolled(self) -> int:
        """How many times LINES lines are written out in a loop."""
        return max(1, WRITTEN_OUT // len(self.band.products))

    @property
    def products(self) -> int:
        """Products for all lines."""
        return len(self.band.products) * -(-self.lines // LINES)


class Program(NamedTuple):
    """All that a kernel is, but for its weights. Hashable.

    Attributes:
        stages: One or two.
        source: Rows and columns of a plane.
        result: The same, afterwards.
        limbs: What the matrix unit multiplies.
        together: How many planes are written out, and then in a loop if a step of the grid takes more of them.
        planes: How many a step takes, if there are enough: some times `together`.
    """

    stages: tuple[Stage, ...]
    source: tuple[int, int]
    result: tuple[int, int]
    limbs: Limbs
    together: int
    planes: int

    def among(self, n: int) -> Program:
        """The same for `n` planes: at least four steps, if there are as many, so that copies overlap with work."""
        planes = max(1, min(self.planes, n // 4))
        together = min(self.together, planes)
        return self._replace(together=together, planes=planes // together * together)

    @property
    def memory(self) -> int:
        """Bytes of vector memory; what enters and leaves a step is there twice, once for the step after."""
        sample = 1 if self.limbs == "int8" else 2
        between = sum(_bytes(*stage.shape, sample) for stage in self.stages[:-1])
        tables = sum(_bytes(stage.band.rows, BLOCK, sample) + _bytes(*_bias(stage), 4) for stage in self.stages)
        return between + 2 * (tables + self.planes * (_bytes(*self.source, 1) + _bytes(*self.result, 1)))


def takes(passes: Sequence[Pass], source: tuple[int, int], *, bands: int = 1, chip: Chip = UNKNOWN) -> str:
    """Why no kernel takes consecutive passes; "" if one does.

    Args:
        passes: In order.
        source: `(height, width)` of the image before them.
        bands: Samples interleaved in a pixel.
        chip: Where it has to run.

    >>> from portresize._core.plan import plan
    >>> from portresize._core.spec import Spec
    >>> for mode in "L", "F":
    ...     takes(plan(Spec("HW", mode, "pillow-13", size=(224, 224)), (512, 512)).steps, (512, 512))
    ''
    'only 8-bit samples have kernels'
    """
    if any(step.kind != "u8" for step in passes):
        return "only 8-bit samples have kernels"
    if tuple(step.axis for step in passes) not in _WAYS:
        return "a kernel takes one pass along each axis"
    why = next(filter(None, (refused(step.taps) for step in passes)), "")
    if why:
        return why
    program = arrange(passes, source, bands=bands, limbs=chip.limbs)
    products = sum(len(stage.band.products) for stage in program.stages)
    if products > _MOST:
        return f"{products} products for each line are too long a program"
    need = program.memory + SPARE
    if need > chip.memory:
        return f"a plane needs {need / 2**20:,.0f} MiB of the {chip.memory >> 20} MiB of vector memory"
    return ""


def mirrored(passes: Sequence[Pass]) -> list[Pass]:
    """The same passes for an image whose columns are a matrix's rows."""
    return [replace(step, axis="W" if step.axis == "H" else "H") for step in passes]


def arrange(passes: Sequence[Pass], source: tuple[int, int], *, bands: int = 1, limbs: Limbs = "int8") -> Program:
    """The program for passes that `takes` has no objection to."""
    height, width = source
    ways = _WAYS[tuple(step.axis for step in passes)]
    if height == 1 and ways[0] == "turned":
        # Mosaic takes a single row that is to be turned for a vector, and has no sums for that (jax 0.10.2).
        ways = ("across", "down")
    rows, columns = height, width * bands
    stages = []
    for step, way in zip(passes, ways, strict=True):
        along_w = step.axis == "W"
        products = band(step.taps, width if along_w else height, bands if along_w else 1, _TILE[way])
        stage = Stage(way, products, columns if way == "down" else rows)
        stages.append(stage)
        rows, columns = stage.shape
        height, width = (height, step.taps.n_out) if along_w else (step.taps.n_out, width)
    shape, result = (source[0], source[1] * bands), (height, width * bands)
    plane = max(_bytes(*shape, 1), _bytes(*result, 1))
    planes = max(1, min(_STEP_BYTES // plane, _PLANES))
    together = max(1, min(planes, _PLANES_WRITTEN_OUT // sum(stage.products for stage in stages)))
    return Program(tuple(stages), shape, result, limbs, together, planes // together * together)


def _bias(stage: Stage) -> tuple[int, int]:
    """Shape of what is added to the sums: a row or a column."""
    n = stage.band.n_padded
    return (1, n) if stage.way == "across" else (n, 1)


def _bytes(rows: int, columns: int, size: int) -> int:
    """Bytes of a matrix in vector memory, where rows come in groups and columns in 128."""
    return up(rows, 32 // size) * up(columns, 128) * size
