"""torch on CUDA: two passes over 8-bit samples, one along each axis, by the kernel that makes both in one."""

from __future__ import annotations

import math
import warnings
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from portresize._backends import _torch_trial
from portresize._backends._torch_tables import Resident
from portresize._core.cache import LARGE, kept
from portresize._core.steps import Pass
from portresize._kernels.triton import stream_tables
from portresize._kernels.triton.choice import CAPABILITIES, WALKS, Form, Task, Walk, choose, form_of, segments
from portresize._kernels.triton.digits import fit
from portresize._kernels.triton.stream import stream
from portresize._kernels.triton.views import FAR, ONE, Run, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from portresize._core.steps import Step
    from portresize._core.taps import Taps

Size = tuple[int, ...]
# Bytes that are moved at once, and that a GPU can read if it can read one of them.
GRANULE = 16
# A program steps over as many rows, in fractions of one, with 32 bits.
_MOST_ROWS = 1 << 30 - stream_tables.FRACTION


class View(NamedTuple):
    """What the kernel sees of two arrays: planes, in each of them lanes, which are resized first, and rows.

    Attributes:
        outer, inner: Batch axes.
        lanes, rows: Image axes; `n` counts pixels of the source.
        bands: Samples in a pixel along lanes, and along rows: bands that lie side by side belong to the width.
    """

    outer: Run
    inner: Run
    lanes: Run
    rows: Run
    bands: tuple[int, int]


class Prepared(NamedTuple):
    """The kernel, ready for tensors that are alike.

    Attributes:
        tables: What it reads beside samples.
        write: Launches it for a tensor and another one that it writes.
    """

    tables: tuple[Resident, Resident]
    write: Callable[[torch.Tensor, torch.Tensor], None]


@cache
def serves(device: torch.device) -> bool:
    """Whether the kernel is for a device, and right there, of which it is asked once; if not, there is a warning."""
    if device.type != "cuda":
        return True
    if _device(device)[0] not in CAPABILITIES:
        return False
    # One walk with pairs of tiles, and one without.
    for walk in (WALKS[0], WALKS[2]):
        why = _torch_trial.trial(_torch_trial.PAIR, device, partial(_single, walk=walk))
        if why:
            break
    if why:
        msg = f"a pass after the other serves on CUDA device {device.index}, exact but slower than both at once: {why}"
        warnings.warn(msg, RuntimeWarning, stacklevel=2)
    return not why


def _single(x: torch.Tensor, layout: str, steps: Sequence[Step], *, walk: Walk = WALKS[0]) -> torch.Tensor:
    """Both passes on a dense image, whether or not that is best."""
    size = [step.taps.n_out for step in sorted(pair(steps), key=lambda step: step.axis)]
    y = x.new_empty(size)
    strides = x.stride(), y.stride()
    found = prepare(tuple(x.shape), strides, layout, steps, offset=0, device=x.device, walk=walk)
    if found is None:
        msg = f"no tables for an image of {tuple(x.shape)} to {size}, which was chosen so that there are"
        raise RuntimeError(msg)
    found.write(x, y)
    return y


def pair(steps: Sequence[Step]) -> tuple[Pass, ...]:
    """The two passes that `steps` are; none if they are anything else, or not for the kernel."""
    passes = tuple(step for step in steps if isinstance(step, Pass) and step.kind == "u8" and fit(step.taps))
    return passes if len(passes) == len(steps) == 2 and passes[0].axis != passes[1].axis else ()


def view(shape: Size, strides: tuple[Size, Size], layout: str, passes: Sequence[Pass]) -> View | None:
    """The view for two passes.

    Returns:
        None if the axes of batches are more than two and not one, or the array is empty, or too large for 32 bits.
    """
    source, result = strides
    width, channel = layout.index("W"), layout.find("C")
    n = shape[channel] if channel >= 0 else 1
    mixed = 1 < n <= 4 and source[channel] == result[channel] == 1 and source[width] == result[width] == n
    image = [layout.index(step.axis) for step in passes]
    walked = {*image, channel} if mixed else {*image}
    batch = runs(shape, source, result, (i for i in range(len(shape)) if i not in walked))
    bands = [n if mixed and i == width else 1 for i in image]
    found = [
        Run(shape[i], 1, 1) if band > 1 else Run(shape[i], source[i], result[i])
        for i, band in zip(image, bands, strict=True)
    ]
    reach = sum(run.n * band * run.source for run, band in zip(found, bands, strict=True))
    written = sum(step.taps.n_out * band * run.result for step, run, band in zip(passes, found, bands, strict=True))
    if len(batch) > 2 or 0 in shape or max(reach, written) >= FAR or found[1].n * bands[1] >= _MOST_ROWS:
        return None
    outer, inner = [ONE, ONE, *batch][-2:]
    return View(outer, inner, found[0], found[1], (bands[0], bands[1]))


def offset_of(x: torch.Tensor) -> int:
    """How far the first sample is beyond a multiple of 16; -1 if the kernel has to read it by itself.

    Samples before it are read as well, so they have to belong to the tensor's storage.
    """
    offset = x.data_ptr() % GRANULE
    return offset if x.storage_offset() >= offset else -1


def _task(seen: View, passes: Sequence[Pass], offset: int) -> Task:
    """What there is to choose a form for."""
    align = 0
    if seen.lanes.source == seen.lanes.result == 1:
        align = math.gcd(GRANULE, seen.rows.source, seen.outer.source, seen.inner.source) if offset >= 0 else 1
    first, second = (step.taps for step in passes)
    return Task(first, second, seen.bands, seen.rows.n * seen.bands[1], align, offset if align > 1 else 0)


def prepare(
    shape: Size,
    strides: tuple[Size, Size],
    layout: str,
    steps: Sequence[Step],
    *,
    offset: int,
    device: torch.device,
    walk: Walk | None = None,
    parts: int | None = None,
) -> Prepared | None:
    """The kernel for tensors that are alike; None if a pass after the other serves better, or must.

    Args:
        shape: Of the array to read.
        strides: Of that array and of the one to write, in elements.
        layout: Letters of the axes.
        steps: What is to be done at once.
        offset: What `offset_of` says of the tensors.
        device: Where they are.
        walk: How to; None for the best.
        parts: Segments; None for as many as the device asks for.
    """
    passes = pair(steps)
    seen = view(shape, strides, layout, passes) if passes else None
    if seen is None:
        return None
    task = _task(seen, passes, offset)
    capability, processors = _device(device)
    form = form_of(task, walk) if walk else choose(task, capability)
    if form is None:
        return None
    near = {"align": max(task.align, 1), "offset": task.offset}
    wide, first = _strips_on(task.first, seen.lanes.n, seen.bands[0], form, **near, device=device)
    programs = len(wide.start) * seen.outer.n * seen.inner.n
    if parts is None:
        length = stream_tables.walk_length(task.second, seen.bands[1], form.oh, form.kr, paired=form.paired)
        parts = segments(programs, length or 1, processors)
    # Cut into segments, tiles meet other chunks, and may need more than two of them at once.
    walks = (_walk_on(task.second, seen.bands[1], form, n, device) for n in (parts, 1))
    tall, second = next((made for made in walks if made), (None, None))
    if tall is None or second is None:
        return None
    return Prepared((first, second), _launcher(seen, task, form, wide=wide, tall=tall, tables=(first, second)))


@kept(lambda taps, *_, **__: taps.weight.nbytes > LARGE)
def _strips_on(
    taps: Taps, n_in: int, bands: int, form: Form, *, align: int, offset: int, device: torch.device
) -> tuple[stream_tables.Strips, Resident]:
    """The first pass, and its tables on a device."""
    made = stream_tables.strips(taps, n_in, bands, form.ow, form.kc, align=align, offset=offset)
    return made, Resident(made.start, made.weight, made.bias, device=device)


@kept(lambda taps, *_: taps.weight.nbytes > LARGE)
def _walk_on(
    taps: Taps, bands: int, form: Form, parts: int, device: torch.device
) -> tuple[stream_tables.Walk, Resident] | None:
    """The second pass, and its tables on a device; None if it cannot be walked like that."""
    made = stream_tables.walk(taps, bands, form.oh, form.kr, parts, paired=form.paired)
    return made and (made, Resident(made.weight, made.bias, made.ends, made.segments, device=device))


def _launcher(
    seen: View,
    task: Task,
    form: Form,
    *,
    wide: stream_tables.Strips,
    tall: stream_tables.Walk,
    tables: tuple[Resident, Resident],
) -> Callable[[torch.Tensor, torch.Tensor], None]:
    outer, inner, lanes, rows, bands = seen
    align = max(task.align, 1)
    n_wide, n_tall = task.first.n_out * bands[0], task.second.n_out * bands[1]
    # Four bytes are stored at once where all rows of results begin at multiples of four, as tensors do.
    out = 4 if task.align and not any(n % 4 for n in (n_wide, rows.result, outer.result, inner.result)) else 1
    launcher = stream[(len(wide.start) * outer.n * inner.n, len(tall.segments))]
    arguments = (
        *(tensor for table in tables for tensor in table.tensors),
        *(wide.n // align, task.n_rows, n_wide // out, n_tall, wide.chunks, len(wide.start), inner.n),
        *(outer.source // align, inner.source // align, rows.source // align, lanes.source),
        *(outer.result // out, inner.result // out, rows.result // out, lanes.result),
        *(tall.pace, tall.step),
    )
    words: dict[str, Any] = {
        "OW": form.ow,
        "OH": form.oh,
        "KR": form.kr,
        "KC": form.kc,
        "CHUNKS": form.chunks,
        "PAIRED": form.paired,
        "MASKED": wide.masked,
        "DENSE": task.align > 0,
        "IN": align,
        "OUT": out,
        "ASM": tables[0].tensors[0].is_cuda,
        **form.options,
    }
    before = task.offset

    def write(x: torch.Tensor, y: torch.Tensor) -> None:
        # A kernel asks for nothing but the address of the first element, which here is a multiple of 16.
        first = x.as_strided((1,), (1,), x.storage_offset() - before) if before else x
        launcher(first, y, *arguments, **words)

    return write


@cache
def _device(device: torch.device) -> tuple[tuple[int, int], int]:
    """Compute capability and multiprocessors; those of an H100 where kernels are interpreted."""
    if device.type != "cuda":
        return (9, 0), 132
    properties = torch.cuda.get_device_properties(device)
    return (properties.major, properties.minor), properties.multi_processor_count
