"""Number of processors that this process may use, by what the system and the environment grant it."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from portresize._core.cgroup import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

OPENMP = "OMP_NUM_THREADS"


def available(root: Path = Path("/")) -> int:
    """Return how many threads make sense in this process: the least of three numbers.

    They are the processors of its affinity, the CPU quota of its control group (Docker's `--cpus`, a limit of
    Kubernetes) rounded up, and OMP_NUM_THREADS, which Ray, Spark, joblib, Slurm and `torchrun` set for their workers.
    """
    number = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # A list has a number for each level of nesting. OpenMP ignores what is none.
    asked = re.match(r"\s*(\d{1,9})\s*(,|$)", os.environ.get(OPENMP, ""))
    if asked and int(asked[1]):
        number = min(number, int(asked[1]))
    return max(1, min([number, *(math.ceil(quota) for quota in quotas(root))]))


def quotas(root: Path) -> Iterator[float]:
    """Generate the CPU quotas, in processors, of the control group of this process and of those that hold it.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max) and scheduler/sched-bwc.rst (cpu.cfs_quota_us).
    """
    for text in limits(root, "cpu", ("cpu.cfs_quota_us", "cpu.cfs_period_us"), "cpu.max"):
        # "max" and -1 are no limits.
        found = re.fullmatch(r"\s*(\d+)\s+(\d+)\s*", text)
        if found and int(found[2]):
            yield int(found[1]) / int(found[2])
