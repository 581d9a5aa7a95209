"""Concrete arrays of jax in the memory of this machine, outside of any program: kernels or numpy's steps, as for numpy.

A program for each new box or size would take 16 ms to compile and 1.5 MiB that XLA keeps for the life of the process.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from portresize._backends import _host
from portresize._core.threads import number_of_threads
from portresize._core.threads import threads as within

if TYPE_CHECKING:
    from portresize._core.spec import Spec

Size = tuple[int, ...]


def is_in_this_memory(x: jax.Array) -> bool:
    """Return whether `x` lies on one CPU device of this process."""
    devices = x.sharding.device_set
    return len(devices) == 1 and x.is_fully_addressable and next(iter(devices)).platform == "cpu"


def run(x: jax.Array, spec: Spec, source: Size, threads: int) -> jax.Array:
    """Execute `spec`, or what leads back to `source`, on an array in this memory.

    Returns:
        An array where a program would have left it: beside `x` if that is committed to its device, or else on the
        default device.
    """
    samples = np.asarray(x)  # A view: jax lends the memory of a CPU device.
    with nullcontext() if threads == number_of_threads() else within(threads):
        result = _host.execute(samples, spec, source)
    with ExitStack() as stack:
        # No context where none is needed: each takes as long as a small image.
        if result.dtype == np.float64:  # It stays what it is also where 64-bit types are switched off.
            stack.enter_context(jax.enable_x64(True))  # noqa: FBT003  jax takes it by position alone
        if jax.config.jax_transfer_guard_host_to_device not in (None, "allow"):  # Nothing leaves the machine.
            stack.enter_context(jax.transfer_guard("allow"))
        # Not `asarray`, which compiles a program for every shape.
        return jax.device_put(result, x.sharding if x.committed else None)


def check(y: jax.Array) -> jax.Array:
    """Return `y` unless the caller looks for NaN or infinities and it holds one: of jax's own operations jax asks that.

    Raises:
        FloatingPointError: It holds one.
    """
    are_looked_for = {"nan": jax.config.jax_debug_nans, "inf": jax.config.jax_debug_infs}
    if any(are_looked_for.values()) and jnp.issubdtype(y.dtype, jnp.floating):
        with jax.debug_nans(False), jax.debug_infs(False):  # noqa: FBT003  jax takes them by position alone
            for name, test in (("nan", jnp.isnan), ("inf", jnp.isinf)):
                if are_looked_for[name] and test(y).any():
                    msg = f"invalid value ({name}) encountered in portresize"
                    raise FloatingPointError(msg)
    return y
