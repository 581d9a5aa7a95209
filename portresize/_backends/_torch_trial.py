"""Whether a device computes what kernels say: asked of small images, once in a process, before others rely on it.

A kernel is compiled for the GPU at hand, by the Triton and the driver that are there.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from portresize._backends import _numpy_steps
from portresize._core.plan import plan
from portresize._core.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portresize._core.steps import Step

_DIALECT, _SIZE = "pillow-13", (37, 64)
SINGLE = (Spec("HWC", "RGB", _DIALECT, (37, 23), 1), Spec("HW", "F", _DIALECT, (20, 31), 3))
"""Bytes along one axis, and floats along both."""
PAIR = (Spec("HW", "L", _DIALECT, (21, 28), 1),)
"""Bytes along both."""


def trial(
    specs: tuple[Spec, ...], device: torch.device, act: Callable[[torch.Tensor, str, tuple[Step, ...]], torch.Tensor]
) -> str:
    """Why kernels cannot serve a device; "" if they can. Triton needs a C compiler, for one thing."""
    for spec in specs:
        samples = np.random.default_rng(0).integers(0, 256, (*_SIZE, 3)[: len(spec.layout)])
        x = samples.astype(np.float32 if spec.mode == "F" else np.uint8)
        try:
            with _freely(device):
                y = act(torch.from_numpy(x).to(device), spec.layout, plan(spec, _SIZE).steps).cpu().numpy()
        except torch.OutOfMemoryError:
            # That there is no room now says nothing of later.
            raise
        except Exception as error:  # noqa: BLE001  # whatever Triton, its compilers or the driver raise
            return f"{type(error).__name__}: {error}"
        wrong = int((y != _numpy_steps.run(x, spec)).sum())
        if wrong:
            return f"in a trial, {wrong} of {y.size} samples of mode {spec.mode} were wrong; please report it"
    return ""


@contextmanager
def _freely(device: torch.device) -> Iterator[None]:
    """On a device, where it may be waited for even if somebody looks for those who wait."""
    if device.type != "cuda":
        yield
        return
    strictness = torch.cuda.get_sync_debug_mode()
    with torch.cuda.device(device):
        torch.cuda.set_sync_debug_mode(0)
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(strictness)
