"""A program for tensors alike in the making: everything about its acts that does not change from call to call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from portresize._backends import _torch_like
from portresize._backends._torch_carriers import VIEWED
from portresize._core.steps import Pass
from portresize._kernels.triton import tiles

if TYPE_CHECKING:
    from portresize._backends._torch_tables import Resident
    from portresize._core.steps import Axis, Reduce

Act = Callable[[torch.Tensor], torch.Tensor]
# The dtype that holds samples where kernels, or torch, do not know their own.
CARRIERS = VIEWED | {torch.bool: torch.uint8, torch.bfloat16: torch.int16, torch.complex64: torch.int64}
_FLOATS = {torch.float16: "f16", torch.bfloat16: "bf16", torch.float32: "f32", torch.float64: "f64"}


class Draft:
    """A program in the making.

    Attributes:
        layout: Letters of the axes.
        dtype: Of the samples, as the caller has them.
        device: Where they are.
        x: What the acts so far make of an image, without its elements.
        offset: How far its first sample is beyond a multiple of 16 bytes, as `_torch_stream.offset_of` says.
        acts: What is to be done, in order.
        tables: What that reads.
        is_apart: Whether two passes that might be one kernel are two.
    """

    def __init__(self, layout: str, x: torch.Tensor, dtype: torch.dtype, device: torch.device, offset: int = 0) -> None:
        self.offset = offset
        self.layout, self.dtype, self.device = layout, dtype, device
        self.x = self._first = x
        self.acts: list[Act] = []
        self.tables: list[Resident] = []
        self.is_apart = False

    @property
    def image_axes(self) -> tuple[int, int]:
        """Those of height and width."""
        return self.layout.index("H"), self.layout.index("W")

    def kind(self, step: Pass | Reduce) -> str:
        """The arithmetic of a step, as kernels call it."""
        if step.kind == "float":
            return _FLOATS[self.dtype]
        return "u16-bytes" if isinstance(step, Pass) and step.kind == "u16" and not step.clip else step.kind

    def axis(self, name: Axis) -> int:
        """That of height or of width."""
        return self.layout.index(name)

    def resized(self, height: int, width: int) -> torch.Tensor:
        """A tensor of another size of image, in the order of axes that the first one has."""
        shape = list(self.x.shape)
        for axis, length in zip(self.image_axes, (height, width), strict=True):
            shape[axis] = length
        return _torch_like.empty(self._first, shape)

    def read(self, table: Resident) -> list[torch.Tensor]:
        """The tensors of a table, which then is one of the program's."""
        self.tables.append(table)
        return table.tensors

    def seen(self, view: Callable[[torch.Tensor], Any]) -> Any:
        """A view of `x` for a kernel; of a dense copy where it has too many axes that are not one, as parts may."""
        found = view(self.x)
        if found is None:
            self.copy()
            found = view(self.x)
        return found

    def copy(self) -> None:
        """Make `x` dense, and no view."""
        self.make(_torch_like.empty(self._first, self.x.shape), lambda x, y: y.copy_(x))

    def make(self, y: torch.Tensor, write: Callable[[torch.Tensor, torch.Tensor], object]) -> None:
        """Add an act that writes a tensor like `y`."""
        shape, strides, dtype, device = tuple(y.shape), y.stride(), y.dtype, self.device

        def act(x: torch.Tensor) -> torch.Tensor:
            y = torch.empty_strided(shape, strides, dtype=dtype, device=device)
            write(x, y)
            return y

        self.acts.append(act)
        # torch gives memory from multiples of 64 on.
        self.x, self.offset = y, 0

    def launch(self, y: torch.Tensor, kernel: Any, programs: int, *arguments: Any, **words: Any) -> None:
        """Add an act that is one kernel, whose first two arguments are a tensor and the result."""
        if not programs:
            self.make(y, lambda _, y: y)
            return
        launcher, words = kernel[(programs,)], words | tiles.OPTIONS
        self.make(y, lambda x, y: launcher(x, y, *arguments, **words))
