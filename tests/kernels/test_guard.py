"""Nothing is read or written beyond source, target and each buffer, and nothing is left unwritten."""

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
from tests.kernels.guarded import GuardedLayout, guards
from tests.kernels.programs import KINDS, Kind, program

ROOT = Path(__file__).parents[2]
HERE = [isa.name for isa in engine.levels()]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("side", ["above", "below"])
def test_a_guard_kills(side: str) -> None:
    assert _run("tests.kernels.guarded", "fault", side).returncode == -signal.SIGSEGV


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_buffer_ends_at_a_guard(kind: Kind) -> None:
    for size in ((7, 50), (50, 33), (20, 64), (300, 20)):
        x, y = kind.noise(300, 64), kind.noise(*size)
        plain = program(x, y, kind.spec(size), kind, engine.levels()[0])
        with guards("above"):
            made = program(x, y, kind.spec(size), kind, engine.levels()[0])
        layout = made._layout
        assert isinstance(layout, GuardedLayout)
        ends = [-(-(place + nbytes) // 8) * 8 for place, nbytes in layout.buffers]
        assert ends == layout.guards
        assert sum(-(-nbytes // 64) * 64 for _, nbytes in layout.buffers) == plain.size


# Every width at the level that serves here; reaching too low is the rarer mistake.
@pytest.mark.parametrize(
    ("level", "side", "step"),
    [(level, "above", 1 if level == HERE[0] else 4) for level in HERE] + [(HERE[0], "below", 4)],
)
def test_nothing_beyond_an_array_or_a_buffer_is_touched(level: str, side: str, step: int) -> None:
    _check(_run("tests.kernels.sweep", level, side, str(step)))


# `nox -s guard` runs 50,000 of another seed.
@pytest.mark.parametrize("level", HERE)
def test_nor_by_random_requests(level: str) -> None:
    child = _run("tests.kernels.campaign", "100", "0", level)
    _check(child)
    assert child.stdout.rstrip().rpartition("\n")[2].startswith("100 requests of seed 0")


def _check(child: subprocess.CompletedProcess[str]) -> None:
    last = child.stdout.rstrip().rpartition("\n")[2]
    assert child.returncode == 0, f"{last}\n{child.stderr}"
