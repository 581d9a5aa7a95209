"""How an array of any layout looks to a kernel: few axes, of any lengths and strides."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Size = tuple[int, ...]
# Distances in an array are 32-bit numbers in a kernel below this; with room for what a tile is beyond the array.
FAR = 2**31 - 2**16
# As many samples as a kernel walks along an axis and across it at once: a window over more of them is another loop.
NARROW = 32


class Run(NamedTuple):
    """An axis, or several that are one: how many elements, and how far apart in the source and in the result."""

    n: int
    source: int
    result: int


ONE = Run(1, 0, 0)


def runs(shape: Sequence[int], source: Sequence[int], result: Sequence[int], axes: Iterable[int]) -> list[Run]:
    """Some axes of an array, those far apart in the result first; axes that lie within each other as one.

    Args:
        shape: Lengths; what those of other axes are does not matter.
        source: Strides of the array to read, elements.
        result: Strides of the array to write, elements.
        axes: Which ones.

    >>> runs((8, 3, 4, 5), (60, 20, 5, 1), (600, 200, 5, 1), [0, 1, 2, 3])
    [Run(n=24, source=20, result=200), Run(n=20, source=1, result=1)]
    """
    found: list[Run] = []
    for axis in sorted(axes, key=lambda axis: -result[axis]):
        run = Run(shape[axis], source[axis], result[axis])
        if run.n == 1:
            continue
        if found and (found[-1].source, found[-1].result) == (run.n * run.source, run.n * run.result):
            found[-1] = Run(found[-1].n * run.n, run.source, run.result)
        else:
            found.append(run)
    return found


class PassView(NamedTuple):
    """What a pass sees: `items` of `rows`, in each a line along the axis, and `inner` beside each of its samples.

    Attributes:
        items, rows: What lies across, the one with more elements last.
        inner: Along these samples a kernel reads side by side.
        axis: Length in the source, and strides.
        down: Whether there is so much inside that a kernel walks along it, and not along the axis.
    """

    items: Run
    rows: Run
    inner: Run
    axis: Run
    down: bool


def pass_view(shape: Sequence[int], source: Sequence[int], result: Sequence[int], axis: int) -> PassView | None:
    """The view of an array of `shape` for a pass along `axis`; None if it has too many axes that are not one.

    A dense array has such a view whatever its layout, for all axes before `axis` are one, and all after it.
    """
    # Of two axes with one stride in a dense array, that of a single element lies within the other.
    others = [i for i in range(len(shape)) if i != axis]
    outer = runs(shape, source, result, (i for i in others if result[i] >= result[axis]))
    within = runs(shape, source, result, (i for i in others if result[i] < result[axis]))
    n_within = 1
    for run in within:
        n_within *= run.n
    down = n_within > NARROW
    inner = max(within, key=lambda run: run.n) if down else within[-1] if within else ONE
    if inner in within:
        within.remove(inner)
    across = sorted([*outer, *within], key=lambda run: run.n)
    if len(across) > 2:
        return None
    items, rows = [*[ONE] * (2 - len(across)), *across]
    return PassView(items, rows, inner, Run(shape[axis], source[axis], result[axis]), down)


class ImageView(NamedTuple):
    """What a kernel sees that looks at both axes of an image: batches of images, and `inner` beside each sample.

    Attributes:
        outer: Two runs over images.
        slow, fast: Height and width, the one that lies nearer together in memory last; lengths of the result.
        inner: What lies side by side within.
        turned: Whether `fast` is the height.
    """

    outer: tuple[Run, Run]
    slow: Run
    fast: Run
    inner: Run
    turned: bool


def image_view(
    shape: Sequence[int], source: Sequence[int], result: Sequence[int], height: int, width: int
) -> ImageView | None:
    """The view of an array whose result has `shape`, with its image axes; None if it has too many other axes.

    A dense array has such a view: its other axes lie outside, between and inside of those two.
    """
    turned = (result[height], shape[height]) < (result[width], shape[width])
    slow, fast = (width, height) if turned else (height, width)
    others = [i for i in range(len(shape)) if i not in {height, width}]
    outer = runs(shape, source, result, (i for i in others if result[i] >= result[fast]))
    within = runs(shape, source, result, (i for i in others if result[i] < result[fast]))
    inner = within.pop() if within else ONE
    outer += within
    if len(outer) > 2:
        return None
    outer = [*[ONE] * (2 - len(outer)), *outer]
    lines, line = (Run(shape[axis], source[axis], result[axis]) for axis in (slow, fast))
    return ImageView((outer[0], outer[1]), lines, line, inner, turned)
