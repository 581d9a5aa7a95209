"""What each step is in kernels: which, how many programs of it, and all that they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import array_api_compat.torch as compat
import torch

from portresize._backends import _round
from portresize._backends._numbers import colors
from portresize._backends._torch_blocks import reduce
from portresize._backends._torch_carriers import BITS
from portresize._backends._torch_draft import Draft
from portresize._backends._torch_stream import GRANULE, pair, prepare, serves
from portresize._backends._torch_tables import all_on, index_on, taps_on
from portresize._core.steps import (
    Blank,
    Crop,
    FlipSign,
    Pad,
    Pass,
    Premultiply,
    Reduce,
    Step,
    Take,
    Unpremultiply,
    size_after,
)
from portresize._kernels.triton import gather, pixels, tiles
from portresize._kernels.triton.views import FAR, ONE, image_view, pass_view, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from portresize._core.steps import Axis


def draft(
    layout: str,
    x: torch.Tensor,
    dtype: torch.dtype,
    device: torch.device,
    steps: Sequence[Step],
    *,
    offset: int = 0,
    together: bool = False,
) -> Draft:
    """The program for `steps`.

    Args:
        layout: Letters of the axes.
        x: A tensor without elements that is like those to come, of a dtype that kernels know.
        dtype: What its samples are.
        device: Where those to come are.
        steps: What to do.
        offset: What `offset_of` says of those to come.
        together: Whether two passes over bytes are one kernel, where that is better.
    """
    made = Draft(layout, x, dtype, device, offset)
    size = x.shape[layout.index("H")], x.shape[layout.index("W")]
    for step in steps:
        size = size_after(step, size)
    if not made.resized(*size).numel():
        made.make(made.resized(*size), lambda _, y: y)
        return made
    rest = list(steps)
    while rest:
        step = rest.pop(0)
        if isinstance(step, Take):
            # The nearest samples along both axes are found at once.
            other = rest[0] if rest and isinstance(rest[0], Take) and rest[0].axis != step.axis else None
            rest = rest[1:] if other else rest
            _take(made, step, other)
        elif rest and _both(made, (step, rest[0]), together=together):
            rest = rest[1:]
        else:
            _ACTS[type(step)](made, step)
    if not steps or isinstance(steps[-1], Crop):
        made.copy()
    return made


def _crop(made: Draft, step: Crop) -> None:
    height, width = made.image_axes
    y = made.x.narrow(height, step.top, step.height).narrow(width, step.left, step.width)
    shape, strides = tuple(y.shape), y.stride()
    offset = step.top * strides[height] + step.left * strides[width]
    made.acts.append(lambda x: x.as_strided(shape, strides, x.storage_offset() + offset))
    moved = (made.offset + offset * y.dtype.itemsize) % GRANULE if made.offset >= 0 else -1
    made.x, made.offset = y, moved


def _blank(made: Draft, step: Blank) -> None:
    made.make(made.resized(step.height, step.width), lambda _, y: y.zero_())


def _pad(made: Draft, step: Pad) -> None:
    # torch fills and copies as fast as memory is; what it fills with is told in bits, which are exact in any dtype.
    (vertical, horizontal), empty = made.image_axes, not made.x.numel()
    height, width = made.x.shape[vertical], made.x.shape[horizontal]
    bits = BITS[made.x.dtype.itemsize]
    fill = torch.from_numpy(colors(step.fill))
    fill = _round.to_float(compat, fill, made.dtype) if fill.dtype == torch.float64 else fill.to(made.dtype)
    fill = fill.view(bits).tolist()

    def write(x: torch.Tensor, y: torch.Tensor) -> None:
        canvas = y.view(bits)
        for band, value in enumerate(fill):
            (canvas.select(made.layout.index("C"), band) if len(fill) > 1 else canvas).fill_(value)
        if not empty:
            y.narrow(vertical, step.top, height).narrow(horizontal, step.left, width).copy_(x)

    made.make(made.resized(step.height, step.width), write)


def _pass(made: Draft, step: Pass) -> None:
    axis, n_out = made.axis(step.axis), step.taps.n_out
    size = [n_out if i == axis else made.x.shape[i] for i in made.image_axes]
    y = made.resized(*size)
    items, rows, inner, along, down = made.seen(lambda x: pass_view(x.shape, x.stride(), y.stride(), axis))
    table = taps_on(step.taps, along.n, made.device, marked=step.kind == "float")
    start, weight = made.read(table)
    numbers = [items.source, rows.source, along.source, items.result, rows.result, along.result]
    align, known = 1, 0
    if down:
        dense = inner.source == inner.result == 1
        if dense:
            align = tiles.together(y.dtype.itemsize, *numbers, inner.n)
        p, q = tiles.TILES.across if align > 1 else tiles.TILES.uneven
        if inner.n <= tiles.TILES.little[1]:
            p, q = tiles.TILES.little
        n_down, n_across, lines = -(-n_out // p), -(-inner.n // q), items.n * rows.n
        reach = (along.n * along.source + q * inner.source, p * along.result + q * inner.result, inner.n + q, n_out + p)
    else:
        p, q = tiles.TILES.along
        dense = along.result == inner.n and inner.result in {0, 1}
        known = along.source if along.source <= 4 else 0
        n_down, n_across, lines = -(-rows.n // p), -(-n_out * inner.n // q), items.n
        reach = (
            along.n * along.source + inner.n * inner.source + p * rows.source,
            n_out * along.result + inner.n * inner.result + p * rows.result,
            n_out * inner.n + q,
            rows.n + p,
        )
    x_item, x_row, x_axis, y_item, y_row, y_axis = (number // align for number in numbers)
    counts = (len(weight) // table.group, rows.n, n_out, inner.n // align, n_down, n_across)
    strides = (x_item, x_row, x_axis, inner.source, y_item, y_row, y_axis, inner.result)
    made.launch(
        y,
        gather.convolve,
        lines * n_down * n_across,
        *(start, weight, *counts, *strides),
        KIND=made.kind(step),
        GROUP=table.group,
        DOWN=down,
        DENSE=dense,
        STEP=known,
        ALIGN=align,
        WIDE=max(*reach, n_out * table.group) >= FAR,
        P=p,
        Q=q,
    )


def _both(made: Draft, steps: tuple[Step, Step], *, together: bool) -> bool:
    """Two passes in one kernel; whether they are for it, and it is for the device."""
    size = made.x.shape[made.axis("H")], made.x.shape[made.axis("W")]
    if not pair(steps) or not serves(made.device):
        return False
    if not together:
        made.is_apart = True
        return False
    y = made.resized(*size_after(steps[1], size_after(steps[0], (size[0], size[1]))))
    strides = made.x.stride(), y.stride()
    found = prepare(tuple(made.x.shape), strides, made.layout, steps, offset=made.offset, device=made.device)
    if found is None:
        return False
    for table in found.tables:
        made.read(table)
    made.make(y, found.write)
    return True


def _take(made: Draft, step: Take, other: Take | None) -> None:
    by_axis = {taken.axis: taken for taken in (step, other) if taken}
    height, width = made.image_axes
    size = [made.x.shape[height], made.x.shape[width]]
    for i, name in enumerate("HW"):
        if name in by_axis:
            size[i] = len(by_axis[name].index)
    y = made.resized(*size)
    (second, first), slow, fast, inner, turned = made.seen(
        lambda x: image_view(y.shape, x.stride(), y.stride(), height, width)
    )
    names: tuple[Axis, Axis] = ("W", "H") if turned else ("H", "W")
    indices: list[torch.Tensor] = []
    for name in names:
        taken = by_axis.get(name)
        indices += made.read(
            index_on(taken, made.device) if taken else all_on(made.x.shape[made.axis(name)], made.device)
        )
    n_across = -(-fast.n * inner.n // tiles.TILES.line)
    reach = (
        made.x.shape[made.axis(names[1])] * fast.source + inner.n * inner.source,
        fast.n * fast.result + inner.n * inner.result,
        fast.n * inner.n + tiles.TILES.line,
    )
    made.launch(
        y,
        pixels.take,
        second.n * first.n * slow.n * n_across,
        *indices,
        *(first.n, slow.n, fast.n, inner.n, n_across),
        *(second.source, first.source, slow.source, fast.source, inner.source),
        *(second.result, first.result, slow.result, fast.result, inner.result),
        WIDE=max(reach) >= FAR,
        Q=tiles.TILES.line,
    )


def _mix(made: Draft, step: Premultiply | Unpremultiply | FlipSign) -> None:
    band = made.layout.index("C")
    y = made.resized(*(made.x.shape[axis] for axis in made.image_axes))
    others = [axis for axis in range(made.x.ndim) if axis != band]

    def view(x: torch.Tensor) -> list[Any] | None:
        found = sorted(runs(x.shape, x.stride(), y.stride(), others), key=lambda run: run.n)
        return [*[ONE] * (3 - len(found)), *found] if len(found) <= 3 else None

    second, first, inner = made.seen(view)
    n_bands, n_across = made.x.shape[band], -(-inner.n // tiles.TILES.line)
    reach = (
        inner.n * inner.source + n_bands * made.x.stride(band),
        inner.n * inner.result + n_bands * y.stride(band),
        inner.n + tiles.TILES.line,
    )
    made.launch(
        y,
        pixels.mix,
        second.n * first.n * n_across,
        sum(1 << band for band in step.bands) if isinstance(step, FlipSign) else 0,
        *(n_bands, first.n, inner.n, n_across),
        *(second.source, first.source, inner.source, made.x.stride(band)),
        *(second.result, first.result, inner.result, y.stride(band)),
        ACT=_MIXTURES[type(step)],
        WIDE=max(reach) >= FAR,
        Q=tiles.TILES.line,
    )


_MIXTURES: dict[type, str] = {Premultiply: "premultiply", Unpremultiply: "unpremultiply", FlipSign: "flip"}
_ACTS: dict[type, Callable[[Draft, Any], None]] = {
    Crop: _crop,
    Blank: _blank,
    Pad: _pad,
    Pass: _pass,
    Reduce: reduce,
    Premultiply: _mix,
    Unpremultiply: _mix,
    FlipSign: _mix,
}
