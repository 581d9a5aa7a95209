"""Which steps of a plan kernels take on a TPU, and which are left to XLA."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from portresize._core.steps import Pass, Step, size_after
from portresize._kernels.pallas.chips import UNKNOWN
from portresize._kernels.pallas.program import mirrored, takes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portresize._kernels.pallas.chips import Chip

Size = tuple[int, int]


class Piece(NamedTuple):
    """Consecutive steps that run together.

    Attributes:
        steps: All passes of 8-bit samples, or else one that is none.
        source: `(height, width)` before them.
        why: Why no kernel takes them; "" if one does.
    """

    steps: tuple[Step, ...]
    source: Size
    why: str


def pieces(steps: Sequence[Step], source: Size, chip: Chip = UNKNOWN, layout: str = "HW") -> list[Piece]:
    """The steps in order, passes of 8-bit samples in pairs where one kernel takes both.

    Args:
        steps: Of a plan.
        source: `(height, width)` of its image.
        chip: Where it has to run.
        layout: Letters of the axes, of which only the order of `H` and `W` matters.
    """

    def refused(passes: list[Pass]) -> str:
        if layout.index("W") < layout.index("H"):
            return takes(mirrored(passes), source[::-1], chip=chip)
        return takes(passes, source, chip=chip)

    found: list[Piece] = []
    rest = list(steps)
    while rest:
        passes = [step for step in rest[:2] if isinstance(step, Pass)] if isinstance(rest[0], Pass) else []
        whys = {n: refused(passes[:n]) for n in range(len(passes), 0, -1)}
        n = next((n for n, why in whys.items() if not why), 1)
        taken = tuple(rest[:n])
        found.append(Piece(taken, source, whys.get(n, "it is no pass")))
        for step in taken:
            source = size_after(step, source)
        rest = rest[n:]
    return found


def explain(steps: Sequence[Step], source: Size, chip: Chip = UNKNOWN, layout: str = "HW") -> str:
    """In a line, what runs how on a TPU, and why; arguments as of `pieces`.

    >>> from portresize._core.plan import plan
    >>> from portresize._core.spec import Spec
    >>> explain(plan(Spec("HWC", "RGBA", "pillow-13", size=(224, 224)), (512, 512)).steps, (512, 512))
    'TPU: premultiply by XLA; passes along W and H in one kernel; unpremultiply by XLA'
    >>> explain(plan(Spec("HW", "F", "pillow-13", size=(224, 512)), (512, 512)).steps, (512, 512))
    'TPU: pass along H by XLA (only 8-bit samples have kernels)'
    """
    words = []
    for piece in pieces(steps, source, chip, layout):
        axes = [step.axis for step in piece.steps if isinstance(step, Pass)]
        if not axes:
            words.append(f"{type(piece.steps[0]).__name__.lower()} by XLA")
            continue
        name = f"pass along {axes[0]}" if len(axes) == 1 else f"passes along {' and '.join(axes)}"
        words.append(f"{name} by XLA ({piece.why})" if piece.why else f"{name} in one kernel")
    return f"TPU: {'; '.join(words) or 'a copy'}"
