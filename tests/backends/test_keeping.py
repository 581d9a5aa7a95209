"""Programs of jax that outlive their process: on disk, or pickled. There is nothing of the process in them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from portresize._kernels.llvm.host import host

if importlib.util.find_spec("jax") is None:
    pytest.skip("jax is not installed", allow_module_level=True)
if host().isa is None:
    pytest.skip(f"no kernels: {host().why}", allow_module_level=True)


def _other_process(*words: str) -> str:
    command = [sys.executable, "-m", "tests.backends.keeping", *words]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


def test_the_cache_on_disk_serves_other_processes(tmp_path: Path) -> None:
    assert [_other_process("cache", str(tmp_path)) for _ in range(2)] == ["right miss", "right hit"]


def test_a_pickled_executable_asks_for_its_functions(tmp_path: Path) -> None:
    file = str(tmp_path / "executable")
    assert _other_process("keep", file) == "kept"
    assert "portresize: lower the call in this process before it is loaded" in _other_process("load", file)
    assert _other_process("lower", file) == "right"
