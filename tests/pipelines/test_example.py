"""The example for jax runs as a stranger would run it."""

from __future__ import annotations

import importlib.util
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pipelines.process import ROOT, output_of

if importlib.util.find_spec("jax") is None:
    pytest.skip("jax is not installed", allow_module_level=True)

SCRIPT = "examples/train_jax.py"


def _losses(lines: list[str]) -> list[float]:
    found = [re.fullmatch(r"step (\d+): loss (\S+)", line) for line in lines]
    assert [match and int(match[1]) for match in found] == list(range(1, len(lines) + 1))
    return [float(match[2]) for match in found if match]


def test_it_agrees_with_pillow_and_trains_two_steps() -> None:
    lines = output_of(SCRIPT).splitlines()
    assert lines[:3] == [
        "16 images of 2 classes and 16 shapes",
        "host: 16 images of 96 x 96, every sample == Pillow's",
        "device: 16 images of 32 x 32, every sample == Pillow's",
    ]
    first, second = _losses(lines[3:])
    assert math.isfinite(first)
    assert math.isfinite(second)
    assert first != second


def test_it_learns_from_a_folder_of_files(tmp_path: Path) -> None:
    for i in range(12):
        path = tmp_path / ("dark", "light")[i % 2] / f"{i}.{('png', 'JPG')[i // 2 % 2]}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((40 + i, 120 - 5 * i), 200 * (i % 2) + i, np.uint8)).save(path)
    lines = output_of(SCRIPT, "--folder", str(tmp_path), "--steps", "40").splitlines()
    assert lines[0] == "12 images of 2 classes and 12 shapes"
    losses = _losses(lines[3:])
    assert len(losses) == 40
    assert sum(losses[-5:]) < sum(losses[:5]) / 2


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, SCRIPT, "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(
        f"error: {tmp_path} has 0 folders with PNG or JPEG files, expected one for each class"
    )
