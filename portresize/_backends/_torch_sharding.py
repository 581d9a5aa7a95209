"""How the operators act on tensors that are spread over devices: each device resizes the images that it holds."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch.distributed.tensor import Replicate, Shard
from torch.distributed.tensor.experimental import register_sharding

from portresize._core.modes import MODES


def register() -> bool:
    """Tell DTensor, once."""
    return _register()


# A compiler calls it when it traces, and does not look inside.
vars(register)["_dynamo_marked_constant"] = True  # As torch.compiler.assume_constant_result does, and imports it all.


@cache
def _register() -> bool:
    ops = [torch.ops.portresize.resize.default, torch.ops.portresize.resize_through.default]
    register_sharding(ops)(_placements)
    return True


def _placements(_: Any, resample: int, layout: str, mode: str, *words: Any) -> list[tuple[list[Any], list[Any]]]:
    """Placements of a result and of the arguments that lead to it; what is divided otherwise is gathered first."""
    # Bands that are not alike: alpha, signed ones, those of a canvas of one colour each.
    are_mixed = MODES[mode].alpha or MODES[mode].signed or (len(words) > 6 and len(words[6]) > 1)
    whole = "HWC" if are_mixed else "HW"
    kept = [Replicate(), *(Shard(axis) for axis, name in enumerate(layout) if name not in whole)]
    others = [None for _ in (resample, layout, mode, *words)]
    return [([placement], [placement, *others]) for placement in kept]
