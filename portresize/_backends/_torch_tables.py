"""Tables of steps in the memory of a GPU, and who may read them when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from portresize._core.cache import LARGE, LONG, kept
from portresize._kernels.triton.tables import lay_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from portresize._core.steps import Take
    from portresize._core.taps import Taps


class Resident:
    """Host tables on their way to a device, on the stream that is current when it is made.

    Attributes:
        tensors: The tables there.
        group: Taps that a kernel adds before it asks whether there are more.
    """

    def __init__(self, *arrays: NDArray[Any], device: torch.device, group: int = 1) -> None:
        # Tables are read-only and shared, and torch refuses to wrap read-only memory quietly.
        tensors = [torch.from_numpy(np.array(array)) for array in arrays]
        self._arrived: Any = None
        if device.type == "cuda":
            # From pinned memory a copy waits for nobody. Work on other streams has to wait for it.
            tensors = [tensor.pin_memory().to(device, non_blocking=True) for tensor in tensors]
            self._arrived = torch.cuda.Event()
            self._arrived.record(torch.cuda.current_stream(device))
        self.tensors = tensors
        self.group = group

    def meet(self, stream: Any) -> None:
        """Let the work that comes next on a stream read the tables, and their memory live until it has."""
        if self._arrived is not None:
            stream.wait_event(self._arrived)
            for tensor in self.tensors:
                tensor.record_stream(stream)


@kept(lambda taps, *_, **__: taps.weight.nbytes > LARGE)
def taps_on(taps: Taps, n_in: int, device: torch.device, *, marked: bool) -> Resident:
    """First samples and weights of an axis, as `tables.lay_out` has them."""
    table = lay_out(taps, n_in, marked=marked)
    return Resident(table.start, table.weight, device=device, group=table.group)


@kept(lambda step, _: step.index.nbytes > LARGE)
def index_on(step: Take, device: torch.device) -> Resident:
    """Indices of nearest samples."""
    return Resident(step.index, device=device)


@kept(lambda n, _: n > LONG)
def all_on(n: int, device: torch.device) -> Resident:
    """Indices of all samples of an axis, in order."""
    return Resident(np.arange(n, dtype=np.int32), device=device)
