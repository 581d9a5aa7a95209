"""dtypes that hold the bits of samples where torch, numpy or a kernel does not know the samples' own."""

from __future__ import annotations

import torch

from portresize._core.modes import MODES

BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}

# What numpy has as well. Of the others, bfloat16 alone can be computed with.
SHARED = {torch.bool, torch.uint8, torch.uint16, torch.int32, torch.float32, torch.float64, torch.float16, torch.int16}
_MOVED_BY_NUMPY = {torch.int8, torch.int64, torch.complex64, torch.complex128}
SHARED |= _MOVED_BY_NUMPY | {dtype for name in ("uint32", "uint64") if (dtype := getattr(torch, name, None))}

_MOVED = {getattr(torch, name, None) for name, row in MODES.items() if row.kind == "moved"}
VIEWED: dict[torch.dtype, torch.dtype] = {
    dtype: BITS[dtype.itemsize] for dtype in _MOVED - _MOVED_BY_NUMPY if isinstance(dtype, torch.dtype)
}
"""Of dtypes that are only moved, those that torch's own operations do not all take, on every device."""

COMPUTED = {torch.uint16: torch.int32} | ({torch.uint32: torch.int64} if hasattr(torch, "uint32") else {})
"""Of dtypes that are computed with, those that torch's operations do not take, and integers that hold every sample."""
