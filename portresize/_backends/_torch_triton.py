"""Steps on tensors of a GPU, by kernels of Triton: what is the same for all tensors alike is made once, and kept.

A call that is not the first of its kind allocates, launches, and does nothing else: no copy from the host, no wait. So
it can be captured in a CUDA graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from portresize._backends import _torch_trial
from portresize._backends._torch_acts import draft
from portresize._backends._torch_draft import CARRIERS, Draft
from portresize._backends._torch_stream import GRANULE, offset_of
from portresize._core.cache import LARGE, kept
from portresize._core.steps import Pass, Reduce, Take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portresize._backends._torch_draft import Act
    from portresize._backends._torch_tables import Resident
    from portresize._core.steps import Step

Size = tuple[int, ...]
_COLD = "no kernels or tables yet for an image like this; call once with the same arguments before capturing a graph"


class Like(NamedTuple):
    """What tensors alike have in common."""

    shape: Size
    strides: Size
    dtype: torch.dtype
    device: torch.device
    offset: int


class Program(NamedTuple):
    """What to do to tensors that are alike.

    Attributes:
        acts: In order; the last of them makes the result.
        tables: What they read.
        streams: Numbers of the streams that may read those.
    """

    acts: tuple[Act, ...]
    tables: tuple[Resident, ...]
    streams: set[int]


class Held:
    """The program for tensors that are alike, and whether there is a better one for those that come again.

    That is the one with both passes over bytes in one kernel, whose tables take milliseconds to make: too long for
    images of ever new sizes, each of which comes once.
    """

    def __init__(self, draft_: Draft) -> None:
        self.is_new = True
        self.set(draft_)

    def set(self, draft_: Draft) -> None:
        """Take another program."""
        self.program = Program(tuple(draft_.acts), tuple(draft_.tables), set())
        self.may_be_better = draft_.is_apart


# Whether the better program is made at once.
AT_ONCE = False
# A captured graph holds the addresses of tables, and nobody says when it goes; so they stay.
_CAPTURED: dict[int, Program] = {}


def takes(dtype: torch.dtype, steps: Sequence[Step]) -> bool:
    """Kernels move samples of up to 8 bytes, and compute those of Pillow's own kinds."""
    kinds = {step.kind for step in steps if isinstance(step, (Pass, Reduce))}
    return dtype.itemsize <= 8 and not kinds & {"i16", "u32"}


def perform(x: torch.Tensor, layout: str, steps: Sequence[Step]) -> torch.Tensor:
    """Execute `steps` on `x`, whose axes `layout` names; dense, with its axes in the order of `x`, and no view of it.

    Raises:
        RuntimeError: The stream is being captured, and this is the first call for tensors like `x`.
    """
    if x.is_neg():
        # The sign is still to be flipped in memory, which a kernel would read as it is.
        x = x.resolve_neg()
    if x.is_cuda and x.device.index != torch.cuda.current_device():
        with torch.cuda.device(x.device):
            return _perform(x, layout, tuple(steps))
    return _perform(x, layout, tuple(steps))


def _perform(x: torch.Tensor, layout: str, steps: tuple[Step, ...]) -> torch.Tensor:
    dtype = x.dtype
    # Triton compiles a kernel anew for addresses that are no multiples of 16, so those are not alike.
    offset = offset_of(x) if dtype == torch.uint8 else -int(x.data_ptr() % GRANULE > 0)
    like = Like(x.shape, x.stride(), dtype, x.device, offset)
    held = _held(layout, steps, like)
    if held.may_be_better and not AT_ONCE:
        if held.is_new:
            held.is_new = False
        elif not _is_capturing(x.device):
            held.set(_drafted(layout, steps, like, together=True))
    program = held.program
    if x.is_cuda:
        _read_by_stream(program, x.device)
    carrier = CARRIERS.get(dtype)
    y = x if carrier is None else x.view(carrier)
    for act in program.acts:
        y = act(y)
    return y if carrier is None else y.view(dtype)


def _is_large(_: str, steps: tuple[Step, ...], __: Like) -> bool:
    held = (s.taps.weight if isinstance(s, Pass) else s.index for s in steps if isinstance(s, (Pass, Take)))
    return any(table.nbytes > LARGE for table in held)


@kept(_is_large)
def _held(layout: str, steps: tuple[Step, ...], like: Like) -> Held:
    """The program for tensors alike. Steps with tables are the same if they are one object, as plans keep them."""
    if _is_capturing(like.device):
        # Tables would have to come from the host, and kernels to be compiled, neither of which a graph can hold.
        raise RuntimeError(_COLD)
    return Held(_drafted(layout, steps, like, together=AT_ONCE))


def _drafted(layout: str, steps: tuple[Step, ...], like: Like, *, together: bool) -> Draft:
    shape, strides, dtype, device, offset = like
    x = torch.empty_strided(shape, strides, dtype=CARRIERS.get(dtype, dtype), device="meta")
    return draft(layout, x, dtype, device, steps, offset=offset, together=together)


def _read_by_stream(program: Program, device: torch.device) -> None:
    """See to it that tables are there before they are read, and after."""
    if _is_capturing(device):
        # Whoever captures has waited for what was called before.
        _CAPTURED[id(program)] = program
        return
    stream: Any = torch.cuda.current_stream(device)
    if stream.cuda_stream not in program.streams:
        for table in program.tables:
            table.meet(stream)
        program.streams.add(stream.cuda_stream)


def _is_capturing(device: torch.device) -> bool:
    return device.type == "cuda" and bool(torch.cuda.is_current_stream_capturing())


def trial(device: torch.device) -> str:
    """Why kernels cannot serve a device; "" if they can.

    Raises:
        RuntimeError: The stream is being captured, so that nothing can be compiled.
    """
    if _is_capturing(device):
        raise RuntimeError(_COLD)
    return _torch_trial.trial(_torch_trial.SINGLE, device, perform)
