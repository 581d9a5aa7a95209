"""numpy: the kernels of `portresize[cpu]`, and where they do not serve, numpy's own steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from portresize._backends import _host
from portresize._core.floating import DefaultState
from portresize._core.fork import LOCK

if TYPE_CHECKING:
    from portresize._core.spec import Spec

Array = Any


def run(x: Array, spec: Spec) -> Array:
    """Execute `spec` on an array of numpy."""
    x = np.asarray(x)
    y = _host.run(x, spec)
    if y is not None:
        return y
    with LOCK:
        # Not before: where kernels serve, nobody needs them.
        from portresize._backends import _numpy_steps
    with DefaultState():
        return _numpy_steps.run(x, spec)
