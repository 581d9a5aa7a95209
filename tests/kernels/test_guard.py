"""Nothing is read or written beyond source, target and scratch."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("llvmlite")
if sys.platform != "linux":
    pytest.skip("protects pages as Linux does", allow_module_level=True)

from portresize._kernels.llvm import engine

ROOT = Path(__file__).parents[2]
HERE = [isa.name for isa in engine.levels()]


def _guarded(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.kernels.guarded", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("side", ["above", "below"])
def test_a_guard_kills(side: str) -> None:
    assert _guarded("fault", side).returncode == -signal.SIGSEGV


# Every width at the level that serves here and at the shortest vectors; reaching too low is the rarer mistake.
@pytest.mark.parametrize(
    ("level", "side", "step"),
    [(level, "above", 1 if level in {HERE[0], HERE[-1]} else 3) for level in HERE] + [(HERE[0], "below", 4)],
)
def test_nothing_beyond_an_array_is_touched(level: str, side: str, step: int) -> None:
    child = _guarded(level, side, str(step))
    last = child.stdout.rstrip().rpartition("\n")[2]
    assert child.returncode == 0, f"{last}\n{child.stderr}"
