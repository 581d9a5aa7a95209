"""The gradient of a plan, as a plan: tables transposed, steps reversed, run by the same executor.

A plan for floats is a matrix A, up to rounding, plus the constant that `Pad` fills with. The gradient of the image is
Aᵀ times the gradient of the result, so for all images x and y, up to rounding, ⟨A x, y⟩ = ⟨x, Aᵀ y⟩. A is the product
of its steps and Aᵀ the product of their transposes the other way round:

    Crop    the image on zeros                      Pad
    Pad     the part that was the image             Crop
    Blank   no sample mattered                      Blank
    Take    each sample the sum of its copies       Pass with weights of 1
    Pass    the same weights, read by columns       Pass
    Reduce  its share for each sample of a block    Pass along each axis
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from portresize._core import room
from portresize._core.cache import LONG, kept
from portresize._core.floating import DefaultState
from portresize._core.modes import MODES
from portresize._core.plan import Plan, plan
from portresize._core.steps import Blank, Crop, Pad, Pass, Reduce, Take
from portresize._core.taps import Taps, transpose

if TYPE_CHECKING:
    from portresize._core.plan import Size
    from portresize._core.spec import Spec
    from portresize._core.steps import Step


def planned(spec: Spec, size: Size, source: tuple[int, ...] = ()) -> Plan:
    """What to do to an image of `size`: `plan(spec, size)`; or where there is a `source`, what leads back to it.

    That is the adjoint of the plan for an image of `source` = `(height, width)`, whose result has `size`.

    Raises:
        TypeError: The samples are of a dtype that sums cannot be taken in. (Complex ones are two arrays of floats.)
        ValueError: As in `plan`, or some step rounds to integers.
    """
    if source:
        if MODES[spec.mode].kind == "moved":
            msg = f"samples of {spec.mode} have no gradient; cast the image to {MODES[spec.mode].cast}"
            raise TypeError(msg)
        return adjoint(plan(spec, (source[0], source[1])))
    return plan(spec, size)


def hold(made: Plan, depth: int) -> None:
    """Check that this process can hold the image after each step, where steps run one after the other.

    Args:
        made: The plan.
        depth: Bytes of one place (row, column) in all bands and images.

    Raises:
        MemoryError: It cannot.
    """
    size = made.source
    for step in made.steps:
        size = after(step, size)
        # A crop is a view of memory that is there.
        if not isinstance(step, Crop):
            what = f"what a step makes of the image, {size[0]} x {size[1]} samples a band,"
            room.hold(size[0] * size[1] * depth, what)


@kept(lambda forward: max(*forward.source, *forward.result) > LONG)
@DefaultState()
def adjoint(forward: Plan) -> Plan:
    """The plan that turns the gradient of a result of `forward` into the gradient of its image.

    Every step gives samples of the dtype that it takes, rounded once, as in `forward` itself. A plan that only moves
    samples does not know their kind, so whether they are floats is for the caller to know.

    Raises:
        ValueError: Some step rounds to integers.

    >>> from portresize._core.plan import plan
    >>> from portresize._core.spec import Spec
    >>> print(adjoint(plan(Spec("HW", "F", "pillow-13", size=(256, 256)), (768, 256))))
    256x256 -> 768x256
    1. float pass along H: samples 0..256 -> 768, 4 taps, weights float64 24.0 KiB
    """
    steps: list[Step] = []
    size = forward.source
    for step in forward.steps:
        before, size = size, after(step, size)
        # An image that fills its crop or canvas is not moved; a step for it could only return the image itself.
        if before != size or not isinstance(step, Crop | Pad):
            steps = [*_transposed(step, before), *steps]
    return Plan(forward.result, forward.source, tuple(steps))


def after(step: Step, size: Size) -> Size:
    """Size of an image of `size` after a step."""
    height, width = size
    match step:
        case Crop() | Blank() | Pad():
            return step.height, step.width
        case Reduce():
            return -(-height // step.vertical), -(-width // step.horizontal)
        case Take() | Pass():
            n_out = len(step.index) if isinstance(step, Take) else step.taps.n_out
            return (n_out, width) if step.axis == "H" else (height, n_out)
    return size


def _transposed(step: Step, before: Size) -> list[Step]:
    """The steps that undo, in the sense of a transposed matrix, a step on an image of size `before`."""
    height, width = before
    match step:
        case Crop():
            return [Pad(height, width, step.top, step.left, (0,))]
        case Pad():
            return [Crop(step.top, step.left, height, width)]
        case Blank():
            return [Blank(height, width)]
        case Take():
            return [Pass(step.axis, transpose(_one_each(step), height if step.axis == "H" else width), "float")]
        case Pass(kind="float"):
            return [Pass(step.axis, transpose(step.taps, height if step.axis == "H" else width), "float")]
        case Reduce(kind="float"):
            # A mean over a block is the mean of the means over its rows: each axis has a share of its own.
            down = [Pass("H", _shares(height, step.vertical), "float")] if step.vertical > 1 else []
            across = [Pass("W", _shares(width, step.horizontal), "float")] if step.horizontal > 1 else []
            return [*down, *across]
    msg = (
        f'`plan` has the step "{step}", which rounds to integers; expected steps on floats, as in mode "F"; cast the '
        "image to a float dtype"
    )
    raise ValueError(msg)


def _one_each(step: Take) -> Taps:
    """Nearest neighbour as weights."""
    inside = step.index >= 0
    return Taps(np.where(inside, step.index, 0), inside.astype(np.int32), inside.astype(np.float64)[:, None])


def _shares(n_in: int, block: int) -> Taps:
    """What each of `n_in` samples gets of its block's gradient: one part in as many as the block holds."""
    start = np.arange(n_in, dtype=np.int32) // block
    held = np.minimum(block, n_in - start * block)
    weight = (1.0 / held)[:, None]
    size = np.ones(n_in, np.int32)
    for array in (start, size, weight):
        array.setflags(write=False)
    return Taps(start, size, weight)
