"""numpy: the kernels of `portresize[cpu]`, and where they do not serve, numpy's own steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from portresize._backends import _host

if TYPE_CHECKING:
    from portresize._core.spec import Spec

Array = Any


def run(x: Array, spec: Spec) -> Array:
    """Execute `spec` on an array of numpy."""
    return _host.execute(np.asarray(x), spec)
