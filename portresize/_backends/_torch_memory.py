"""The memory of a CPU tensor as an array of numpy, without a mark on the tensor.

`Tensor.numpy` forbids its storage to be resized ever after, as FSDP does between two uses of a parameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from portresize._backends._torch_carriers import SHARED

if TYPE_CHECKING:
    import torch

_KINDS = {dtype: np.dtype(str(dtype).rpartition(".")[2]).str for dtype in SHARED}


class _Lender:
    """An object that numpy asks for an address, and keeps; and with it the tensor."""

    __slots__ = ("__array_interface__", "_tensor")

    def __init__(self, x: torch.Tensor) -> None:
        size = x.itemsize
        self._tensor = x
        self.__array_interface__: dict[str, Any] = {
            "version": 3,
            "shape": tuple(x.shape),
            "strides": tuple([stride * size for stride in x.stride()]),
            "typestr": _KINDS[x.dtype],
            "data": (x.data_ptr(), False),
        }


def lent(x: torch.Tensor) -> np.ndarray:
    """Return a view of a dense tensor, of a dtype that numpy has as well and without a conjugate or negative bit."""
    return np.asarray(_Lender(x))
