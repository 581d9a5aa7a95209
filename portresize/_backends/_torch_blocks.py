"""Averages of blocks in kernels: whole ones, and partial ones at the end of rows and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from portresize._core import fixed
from portresize._core.steps import size_after
from portresize._kernels.triton import blocks, tiles
from portresize._kernels.triton.views import FAR, image_view

if TYPE_CHECKING:
    import torch

    from portresize._backends._torch_draft import Draft
    from portresize._core.steps import Reduce


class _Region(NamedTuple):
    """Whole blocks of one size, or partial ones at the end of rows or columns: where they begin, and a launch."""

    x_offset: int
    y_offset: int
    launcher: Any
    arguments: tuple[int, ...]
    words: dict[str, Any]


def reduce(made: Draft, step: Reduce) -> None:
    """`steps.Reduce`: up to four launches, each for blocks of one size."""
    size = [made.x.shape[axis] for axis in made.image_axes]
    y = made.resized(*size_after(step, (size[0], size[1])))
    regions = made.seen(lambda x: _regions(made, x, y, step))

    def write(x: torch.Tensor, y: torch.Tensor) -> None:
        for region in regions:
            # A kernel asks for nothing but the address of the first element.
            first = x.as_strided((1,), (1,), x.storage_offset() + region.x_offset)
            region.launcher(first, y.as_strided((1,), (1,), region.y_offset), *region.arguments, **region.words)

    made.make(y, write)


def _regions(made: Draft, x: torch.Tensor, y: torch.Tensor, step: Reduce) -> list[_Region] | None:
    """Launches for up to four regions; None if the axes of `x` are too many."""
    found: list[_Region] = []
    height, width = made.image_axes
    kind = made.kind(step)
    x_strides, y_strides = x.stride(), y.stride()
    for top, above, n_high, block_h in _ends(x.shape[height], step.vertical):
        for left, before, n_wide, block_w in _ends(x.shape[width], step.horizontal):
            shape, source = list(x.shape), list(x_strides)
            shape[height], source[height] = n_high, x_strides[height] * block_h
            shape[width], source[width] = n_wide, x_strides[width] * block_w
            view = image_view(shape, source, y_strides, height, width)
            if view is None:
                return None
            (second, first), slow, fast, inner, _ = view
            n_across = -(-fast.n * inner.n // tiles.TILES.line)
            count = block_h * block_w
            reach = (
                fast.n * fast.source + inner.n * inner.source,
                fast.n * fast.result + inner.n * inner.result,
                fast.n * inner.n + tiles.TILES.line,
                2 * max(x_strides[height], x_strides[width]),
            )
            arguments = (
                fixed.reciprocal(count) if kind == "u8" else int(np.float64(1.0 / count).view(np.int64)),
                *(first.n, slow.n, fast.n, inner.n, n_across, block_h, block_w),
                *(second.source, first.source, slow.source, fast.source, inner.source),
                *(x_strides[height], x_strides[width]),
                *(second.result, first.result, slow.result, fast.result, inner.result),
            )
            words = {
                "KIND": kind,
                "PAIRS": count == step.vertical * step.horizontal,
                "WIDE": max(reach) >= FAR,
                "Q": tiles.TILES.line,
            }
            found.append(
                _Region(
                    top * x_strides[height] + left * x_strides[width],
                    above * y_strides[height] + before * y_strides[width],
                    blocks.reduce[(second.n * first.n * slow.n * n_across,)],
                    arguments,
                    words | tiles.OPTIONS,
                )
            )
    return found


def _ends(length: int, block: int) -> list[tuple[int, int, int, int]]:
    """First sample, first block, number and size of the whole blocks of an axis, and of the partial one after them.

    >>> _ends(7, 3), _ends(2, 3)
    ([(0, 0, 2, 3), (6, 2, 1, 1)], [(0, 0, 1, 2)])
    """
    whole, rest = divmod(length, block)
    found = [(0, 0, whole, block), (whole * block, whole, 1, rest)]
    return [end for end in found if end[2] and end[3]]
