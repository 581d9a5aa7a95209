"""Arrays in the memory of this machine through the kernels: what `portresize[cpu]` brings."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from portresize._kernels.llvm.host import host

if TYPE_CHECKING:
    import numpy as np

    from portresize._backends._call import Call
    from portresize._core.spec import Spec

_LOG = logging.getLogger("portresize")


def run(x: np.ndarray, spec: Spec) -> np.ndarray | None:
    """Execute `spec` on `x`, or None if no kernel can: why is in the debug log."""
    call = _call(spec, x.shape, x.strides, x.dtype)
    return call(x) if call else None


@lru_cache(maxsize=256)
def _call(spec: Spec, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any]) -> Call | None:
    """What executes `spec` on arrays of this kind."""
    isa, why = host()
    if isa is not None:
        # Not before: they import llvmlite.
        from portresize._backends._call import Call
        from portresize._kernels.llvm.parts import Unsupported

        try:
            return Call(spec, shape, strides, dtype, isa)
        except (Unsupported, OverflowError, RuntimeError) as error:
            why = f"no kernel takes {error}"
    _LOG.debug("the numpy steps execute %s on %s of shape %s: %s", spec, dtype, shape, why)
    return None
