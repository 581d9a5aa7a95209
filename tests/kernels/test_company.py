"""Kernels share a process with others that generate code or keep threads."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

pytest.importorskip("llvmlite")

RESIZE = """
import numpy as np, portresize
x = np.random.default_rng(0).integers(0, 256, (600, 500, 3), np.uint8)
with portresize.threads(1):
    one = portresize.resize(x, (100, 90))
def same():
    with portresize.threads(2):
        assert (portresize.resize(x, (100, 90)) == one).all()
"""
OTHERS = {
    "numba": """
import numba
@numba.njit(parallel=True)
def act(a):
    total = 0.0
    for i in numba.prange(a.size):
        total += a[i]
    return total
def other(): assert act(np.ones(10000)) == 10000
""",
    "torch": """
import torch
def other():
    a = torch.ones(256, 256)
    assert float((a @ a).sum()) == 256.0**3
""",
    "jax": """
import jax, jax.numpy as jnp
def other(): assert float(jax.jit(lambda a: (a @ a).sum())(jnp.ones((64, 64)))) == 64.0**3
""",
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "second"])
def test_neither_harms_the_other(name: str, *, is_first: bool) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    turns = "same(); other(); same(); other()" if is_first else "other(); same(); other(); same()"
    subprocess.run([sys.executable, "-c", f"{RESIZE}{OTHERS[name]}{turns}"], check=True, timeout=300)
