"""Where the time of a call on two threads goes: the kernel on an image, on each half, on both at once, and the call.

What `both` takes beyond the longer half is the handing over; what `call` takes beyond `both` is Python's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import portresize
from benchmarks.cases import RGB, checked
from benchmarks.table import Table
from benchmarks.timing import in_turn
from portresize import Resampling
from portresize._core.plan import plan
from portresize._core.spec import Spec
from portresize._kernels.llvm.host import host

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any
CALLS, WARM_UP = 20, 0.005


def measure(n_rounds: int) -> dict[str, Any]:
    """Microseconds of each, RGB, warm."""
    if host().isa is None:
        return {"left_out": host().why}
    found: dict[str, Any] = {}
    columns = ("whole", "half", "other half", "both", "call on 1", "call on 2")
    table = Table("kernels and calls, us", *columns, "whole/both")
    for case in RGB:
        pair = checked(case)
        acts = _kernels(pair.x, case.size, case.resample)
        for n in (1, 2):
            acts[f"call on {n}"] = partial(_call, n, pair.ours)
        times = in_turn(acts, n_rounds, calls=CALLS, warm_up=WARM_UP, unit="us")
        # Whatever else the machine does only adds to them.
        best = {name: figures["best_us"] for name, figures in times.items()}
        found[case.name] = {**times, "ratios_best": {"whole/both": round(best["whole"] / best["both"], 3)}}
        table.row(case.name, {**best, **found[case.name]["ratios_best"]})
    return found


def _call(n_threads: int, act: Callable[[], object]) -> None:
    with portresize.threads(n_threads):
        act()


def _kernels(x: Array, size: tuple[int, int], resample: str) -> dict[str, Callable[[], object]]:
    """What the call for `x` runs, by itself."""
    from portresize._backends._call import Call
    from portresize._backends._items import Form
    from portresize._kernels import pool

    isa = host().isa
    assert isa
    spec = Spec("HWC", "RGB", "pillow-13", size=size, resample=int(Resampling[resample.upper()]))
    form = Form("HWC", "RGB", x.dtype, x.shape)
    call = Call(form, plan(spec, (x.shape[0], x.shape[1])), x.strides, isa)
    y = np.empty((*size, 3), np.uint8)
    one, two = (call._prepared([], n) for n in (1, 2))  # noqa: SLF001  its parts are what is measured
    kernel, address = call._kernel, call._program.kernel  # noqa: SLF001
    arrays = x.ctypes.data, y.ctypes.data

    def alone(block: int, _: object) -> None:
        kernel(block, *arrays)

    keep = [one, two, x, y]  # What the addresses are of.
    return {
        "whole": partial(alone, one.first, keep),
        "half": partial(alone, int(two.addresses[0]), keep),
        "other half": partial(alone, int(two.addresses[1]), keep),
        "both": partial(pool.run, isa, 2, two.all, address, *arrays),
    }
