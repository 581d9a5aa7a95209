"""Where kernels for GPUs run in tests: on a GPU, or without one in Triton's interpreter, on tensors of the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np
import torch

from portresize._backends import _torch_steps, _torch_triton
from portresize._kernels.triton import tiles
from tests.libraries import HAS_CUDA

DEVICE = torch.device("cuda", 0) if HAS_CUDA else torch.device("cpu")
# The interpreter takes as long for a small tile as for a large one.
LARGE = tiles.Tiles((256, 64), (32, 256), (32, 256), (64, 64), 4096)


@contextmanager
def interpreted() -> Iterator[None]:
    """Few programs for the interpreter, which computes with numpy: it says what no GPU does, that a float overflows."""
    if HAS_CUDA:
        yield
        return
    _torch_triton._held.cache_clear()
    at_once = mock.patch.object(_torch_triton, "AT_ONCE", new=True)
    with at_once, mock.patch.object(tiles, "TILES", LARGE), np.errstate(all="ignore"):
        yield
    _torch_triton._held.cache_clear()


@contextmanager
def serving() -> Iterator[None]:
    """Kernels serve tensors wherever they are."""
    with mock.patch.object(_torch_steps, "is_for_triton", return_value=True), interpreted():
        yield
