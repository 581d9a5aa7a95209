"""Where an array lives and which of its axes are which: what every generic step is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from portresize._core.steps import Axis

Array = Any
Namespace = Any


class Frame(NamedTuple):
    """Where an array lives and which of its axes are which."""

    xp: Namespace
    device: Any
    layout: str
    ndim: int

    def axis(self, name: Axis) -> int:
        """Index of an image axis."""
        return self.layout.index(name)

    def along(self, axis: int, values: np.ndarray) -> Array:
        """A 1-D host table as a device array that broadcasts along `axis`."""
        shape = [1] * self.ndim
        shape[axis] = len(values)
        return self.constant(values.reshape(shape))

    def constant(self, values: np.ndarray) -> Array:
        """A host table on the device."""
        # A copy, because tables are read-only and shared, and torch refuses to wrap read-only memory quietly.
        return self.xp.asarray(np.array(values), device=self.device)

    def indices(self, values: np.ndarray) -> Array:
        """Return a host table of indices on the device, as int64 where it has that.

        The standard leaves it to a library which integers it takes as indices: ndonnx takes no others.
        """
        known = self.xp.__array_namespace_info__().dtypes(device=self.device, kind="signed integer")
        return self.constant(values.astype(np.int64 if "int64" in known else np.int32))

    @property
    def wide(self) -> bool:
        """Whether the device can add in double."""
        info = self.xp.__array_namespace_info__()
        return "float64" in info.dtypes(device=self.device, kind="real floating")


def cut(x: Array, axis: int, start: int, stop: int) -> Array:
    """A part of one axis, as a view where the library has views."""
    return x[(*(slice(None),) * axis, slice(start, stop), ...)]


def zeros(frame: Frame, x: Array, height: int, width: int) -> Array:
    """Zeros of the kind of `x`, of another image size."""
    shape = list(x.shape)
    shape[frame.axis("H")], shape[frame.axis("W")] = height, width
    return frame.xp.zeros(tuple(shape), dtype=x.dtype, device=frame.device)


def join(frame: Frame, parts: list[Array], name: Axis) -> Array:
    """Put parts side by side along an image axis."""
    return parts[0] if len(parts) == 1 else frame.xp.concat(parts, axis=frame.axis(name))
