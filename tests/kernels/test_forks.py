"""A child that is forked at any moment of another thread's first call resizes too."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

if not hasattr(os, "fork"):
    pytest.skip("this system does not fork", allow_module_level=True)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_a_child_of_a_first_call_does_not_hang(library: str, seed: int) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    _fork(library, seed)


def test_a_child_of_a_first_call_of_the_numpy_steps_does_not_hang() -> None:
    _fork("numpy", 0, PORTRESIZE_ISA="none")


def _fork(library: str, seed: int, **env: str) -> None:
    """Let `tests.kernels.forks` run; its children end by themselves after a minute."""
    # jax warns at every fork, and Python from 3.12 on.
    command = [sys.executable, "-W", "ignore", "-m", "tests.kernels.forks", library, str(seed)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
