"""Which kernels serve two passes over 8-bit samples, and how the streaming one is cut: told by counts of instructions.

The counts are those of compiled code, for compute capability 9.0 (benchmarks/results/triton.json has them, and those
for others, which hardly differ). Nothing here was measured on a GPU, and nothing is tried out when an image comes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from portresize._kernels.triton import stream_tables

if TYPE_CHECKING:
    from portresize._core.taps import Taps


class Form(NamedTuple):
    """How the streaming kernel is cut, and launched.

    Attributes:
        ow: Outputs of a strip along the first axis.
        oh: Outputs of a tile along the second; the most, if not `paired`.
        kr: Rows in a chunk.
        kc: Inputs that are multiplied at once.
        chunks: How often, with weights that are read once; 0 if too often for that.
        paired: Whether a chunk of rows contributes to two tiles.
        single: Whether samples are read one by one, and not at least four at once.
    """

    ow: int
    oh: int
    kr: int
    kc: int
    chunks: int
    paired: bool
    single: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """Words of a launch: one warp, so that nothing is ever waited for but memory, and one chunk ahead on its way.

        With as many registers none go to memory; 168 leave room for twelve programs on a multiprocessor.
        """
        most = 255 if self.single else 168
        return {"num_warps": 1, "num_stages": 2, "maxnreg": most, "enable_fp_fusion": False}


class Walk(NamedTuple):
    """Outputs of a tile, and the cost of a chunk of rows beside products with samples, in instructions of a warp.

    Attributes:
        ow, oh: As of `Form`.
        paired: As of `Form`.
        most: Chunks of inputs at most; beyond, their weights do not find room in the registers.
        once: Before and after all rows.
        each: For a chunk of rows.
    """

    ow: int
    oh: int
    paired: bool
    most: int
    once: int
    each: int


KR = 32
"""Rows in a chunk: what one product by tensor cores takes at least."""
WALKS = (
    Walk(16, 16, most=12, once=255, each=222, paired=True),
    Walk(16, 32, most=12, once=275, each=320, paired=True),
    Walk(16, 64, most=12, once=295, each=400, paired=False),
    Walk(32, 16, most=2, once=275, each=285, paired=False),
    Walk(32, 32, most=2, once=300, each=430, paired=False),
    Walk(32, 64, most=2, once=350, each=690, paired=False),
)
# For every 16 outputs of a strip, and every 32 inputs that are multiplied: instructions of a warp for a chunk of rows.
PRODUCTS = 32
# The same where weights are read again for every chunk of rows, and for the loop that this is, whatever its length.
READING, LOOP = 50, 130
# And for a strip of any width, because samples are not moved sixteen at once; by how many they are.
MOVING = {16: 0, 8: 12, 4: 30, 2: 110, 1: 215}
# As many chunks of inputs, and one of 64 for two, where samples are read one by one, which takes registers.
SINGLE = 2
# Where they do not even lie side by side.
APART = 245
# A pass by gathering, in instructions of a thread for an output: beside, and for each tap.
GATHERING = (33.0, 2.7)

# Where Triton has products of bytes by tensor cores in registers: Ampere, Ada, Hopper, and Blackwell for desktops.
CAPABILITIES = ((8, 0), (8, 6), (8, 7), (8, 9), (9, 0), (12, 0), (12, 1))


class Task(NamedTuple):
    """Two passes, and how their samples lie.

    Attributes:
        first, second: Quantized weights.
        bands: Samples in a pixel along the first axis, and along the second.
        n_rows: Samples along the second axis.
        align: What rows begin at multiples of; 0 if samples do not lie side by side.
        offset: How far the first one is beyond a multiple of 16, if `align` is more than 1.
    """

    first: Taps
    second: Taps
    bands: tuple[int, int]
    n_rows: int
    align: int
    offset: int


@lru_cache(256)
def choose(task: Task, capability: tuple[int, int]) -> Form | None:
    """The form with the fewest instructions; None if a pass after the other by gathering has fewer."""
    if capability not in CAPABILITIES:
        return None
    found = [(cost, form) for walk in WALKS if (form := form_of(task, walk)) and (cost := streaming(task, walk, form))]
    cost, form = min(found, default=(0, None))
    return form if form and cost <= gathering(task) else None


def form_of(task: Task, walk: Walk) -> Form | None:
    """How inputs are cut for a walk; None if they are too many for it."""
    reach = stream_tables.reach(task.first, task.bands[0], walk.ow, align=max(task.align, 1), offset=task.offset)
    single = task.align < 4
    most = SINGLE if single else walk.most
    if reach <= 32 * most:
        kc = 64 if 32 < reach <= 64 else 32
        return Form(walk.ow, walk.oh, KR, kc, -(-reach // kc), walk.paired, single)
    return Form(walk.ow, walk.oh, KR, 64, 0, walk.paired) if walk.ow == 16 and not single else None


def streaming(task: Task, walk: Walk, form: Form) -> int:
    """Instructions of a thread for a plane by the streaming kernel; 0 if its rows cannot be walked like that."""
    length = stream_tables.walk_length(task.second, task.bands[1], form.oh, form.kr, paired=form.paired)
    if not length:
        return 0
    reach = stream_tables.reach(task.first, task.bands[0], form.ow, align=max(task.align, 1), offset=task.offset)
    halves = -(-reach // form.kc) * form.kc // 32
    product, loop = (PRODUCTS * form.ow // 16, 0) if form.chunks else (READING, LOOP)
    moving = MOVING[task.align] if task.align else APART
    strips = -(-task.first.n_out * task.bands[0] // form.ow)
    return 32 * strips * (walk.once + length * (walk.each + loop + halves * (product + moving)))


def gathering(task: Task) -> int:
    """The same by a pass after the other."""
    once, tap = GATHERING
    wide, tall = task.first.n_out * task.bands[0], task.second.n_out * task.bands[1]
    return round(wide * (task.n_rows * (once + tap * task.first.n_taps) + tall * (once + tap * task.second.n_taps)))


def segments(programs: int, chunks: int, processors: int) -> int:
    """Into how many parts the rows of a plane are cut, so that few large images still occupy a GPU.

    A power of two, for each has tables of its own; no part has less than four chunks.

    >>> segments(42, 16, 132), segments(42 * 256, 16, 132)
    (4, 1)
    """
    found = 1
    while programs * found < 12 * processors and chunks >= 8 * found:
        found *= 2
    return found
