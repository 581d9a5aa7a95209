"""Machine code for GPUs that are not there: a few kernels compiled again, beside the figures that are kept of all."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portresize._kernels.triton.choice import LOOP, READING, WALKS, Walk

ROOT = Path(__file__).parents[2]
GPU, CAPABILITY = "H200", "9.0"
SHAPES = ["512² to 224² bilinear", "224² to 512² bicubic"]
# One that reads bytes one by one, one with its weights in a loop, and sums in double.
STREAMING = ["pairs of 16x16, one by one", "pairs of 16x16, any number x 64 samples"]
DOUBLE = "f32 pass along planes, groups of 2"
# How much more of something a kernel may have than is on file, for compilers do not always decide alike.
MARGIN = 1.05

Figures = dict[str, Any]


@pytest.fixture(scope="module")
def kept() -> Figures:
    """What was counted when the kernels were last changed."""
    figures: Figures = json.loads((ROOT / "benchmarks/results/triton.json").read_text())
    return figures


@pytest.fixture(scope="module")
def found(kept: Figures) -> Figures:
    """What is counted now, by a process in which Triton compiles, with the compilers of that time."""
    for library in ("triton", "threadpoolctl"):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    version, met = importlib.metadata.version("triton"), kept["versions"]["triton"]
    if version != met:
        pytest.skip(f"the figures are those of Triton {met}, not {version}")
    command = [sys.executable, "-m", "benchmarks.triton_aot", "--some", json.dumps([GPU, SHAPES, [*STREAMING, DOUBLE]])]
    env = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _kernels(figures: Figures) -> Figures:
    of = figures["kernels"][CAPABILITY]
    return {**of["streaming"], **of["simple"]}


def test_no_case_has_more_instructions_than_on_file(found: Figures, kept: Figures) -> None:
    for name, case in found["cases"].items():
        before = kept["cases"][name]
        assert case["form"] == before["form"], name
        for what in ("instructions", "chunk", "registers", "shared"):
            assert case[what] <= before[what] * MARGIN, f"{name}: {what}"


def test_no_kernel_has_more_instructions_than_on_file(found: Figures, kept: Figures) -> None:
    assert set(found["kernels"]) == {*STREAMING, DOUBLE}
    for name, kernel in found["kernels"].items():
        before = _kernels(kept)[name]
        assert kernel["instructions"]["all"] <= before["instructions"]["all"] * MARGIN, name
        assert kernel["registers"] <= before["registers"] * MARGIN, name


def test_registers_stay_registers(found: Figures) -> None:
    for name, kernel in found["kernels"].items():
        assert kernel["stack"] == 0, name
        assert "local memory" not in kernel["instructions"], name


def test_bytes_are_multiplied_by_tensor_cores(found: Figures) -> None:
    for name in STREAMING:
        assert found["kernels"][name]["instructions"]["tensor"] >= 36, name


def test_double_sums_round_twice(found: Figures) -> None:
    counts = found["kernels"][DOUBLE]["instructions"]
    assert counts["double"] > 0
    assert "DFMA" not in counts


@pytest.mark.parametrize("capability", ["8.0", "8.9", "9.0", "12.0"])
def test_what_is_on_file_holds_for_every_gpu(kept: Figures, capability: str) -> None:
    kernels = kept["kernels"][capability]
    for name, kernel in kernels["streaming"].items():
        assert not kernel["stack"], name
        assert kernel["instructions"]["tensor"], name
    for name, kernel in kernels["simple"].items():
        assert "DFMA" not in kernel["instructions"] or " pass " not in name, name


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: f"{walk.ow}x{walk.oh}")
def test_choices_are_made_by_these_counts(kept: Figures, walk: Walk) -> None:
    name = f"{'pairs of ' if walk.paired else ''}{walk.ow}x{walk.oh}"
    kernels = kept["kernels"][CAPABILITY]["streaming"]
    for kc, chunks in ((32, 1), (64, 1), (32, 2), (32, walk.most)):
        loop = kernels[f"{name}, {chunks} x {kc} samples"]["loops"][0]
        reckoned = walk.each + 32 * walk.ow // 16 * chunks * kc // 32
        assert reckoned == pytest.approx(loop, rel=0.12), f"{chunks} x {kc}"
    if walk.ow == 16:
        outside, inside = kernels[f"{name}, any number x 64 samples"]["loops"]
        assert inside == pytest.approx(2 * READING, rel=0.05)
        assert outside == pytest.approx(walk.each + LOOP, rel=0.05)
