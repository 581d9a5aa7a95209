"""Programs for TPUs, compiled by libtpu where there are none: which have the kernel, and what is sent between chips."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

for library in ("jax", "libtpu"):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed", allow_module_level=True)


@pytest.fixture(scope="module", params=["0", "1"], ids=["32 bits", "64 bits"])
def found(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """Answers without and with 64-bit types, which a TPU has not."""
    command, env = [sys.executable, "-m", "tests.backends.tpus"], os.environ | {"JAX_ENABLE_X64": request.param}
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    answers: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_bytes_have_a_kernel(found: dict[str, dict[str, Any]]) -> None:
    kernels = {name: answer["kernels"] for name, answer in found.items()}
    assert {name for name, number in kernels.items() if number == 1} == {
        "one chip",
        "alpha",
        "vmap",
        "shard_map",
        "explicit batch",
    }
    # XLA cannot divide a kernel, so where it has to, there is none; and there is none for other samples.
    assert {name for name, number in kernels.items() if number == 0} == {
        "auto batch",
        "auto height",
        "floats",
        "gradient",
        "uint16",
        "int32",
    }


def test_nothing_is_sent_for_a_batch(found: dict[str, dict[str, Any]]) -> None:
    assert {name for name, answer in found.items() if answer["collectives"]} == {"auto height"}
