"""What figures depend on: the machine, the versions, the commit, the environment."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

import portresize

ROOT = Path(__file__).parent.parent
PACKAGES = ("pillow", "llvmlite", "torch", "jax", "jaxlib", "opencv-python-headless", "scikit-image")
VARIABLES = ("PORTRESIZE_", "OPENBLAS_", "OMP_", "MKL_", "KMP_", "GOMP_", "XLA_", "JAX_", "MALLOC_", "NUMPY_")


def environment() -> dict[str, Any]:
    """What the figures depend on."""
    cpu = platform.processor()
    information = Path("/proc/cpuinfo")
    if information.exists():
        fields = dict(
            line.split(":", 1) for line in information.read_text().split("\n\n")[0].splitlines() if ":" in line
        )
        named = {name.strip(): value.strip() for name, value in fields.items()}
        cpu = f"{named.get('model name', cpu)} (family {named.get('cpu family')}, model {named.get('model')})"
    commit = subprocess.run(  # noqa: S603  a fixed command
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    blas = [
        {key: pool.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    ]
    return {
        "machine": {
            "cpu": cpu,
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "os": platform.platform(),
        },
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            **{package: found for package in PACKAGES if (found := _version(package))},
            "portresize": portresize.__version__,
            "commit": commit or "unknown",
            "blas": blas,
        },
        "variables": {name: value for name, value in sorted(os.environ.items()) if name.startswith(VARIABLES)},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def fresh_python(*arguments: str, python: str = sys.executable, **variables: str) -> str:
    """What an interpreter of its own prints, for which `benchmarks` can be imported.

    Raises:
        RuntimeError: It fails; with what it said last.
        OSError: There is no such interpreter.
    """
    child = subprocess.run(  # noqa: S603  the benchmarks' own scripts
        [python, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        raise RuntimeError((child.stderr.strip().splitlines() or ["it said nothing"])[-1])
    return child.stdout
