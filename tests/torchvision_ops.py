"""torchvision beside a torch it was not built for: its transforms need no compiled operator, only the names of two."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache


@cache
def missing() -> str:
    """Why torchvision cannot be imported here, if it cannot; where it can, it is afterwards."""
    if any(importlib.util.find_spec(name) is None for name in ("torch", "torchvision")):
        return "torchvision is not installed: pip install 'portresize[torchvision]'"
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        # The package index has it for CUDA alone, and there it finds none of its operators.
        if "operator torchvision::nms does not exist" not in str(error):
            raise
        _name_operators()
        importlib.import_module("torchvision")
    return ""


def _name_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _KEPT.append(library)


# A library that nobody holds takes its operators with it.
_KEPT: list[object] = []
