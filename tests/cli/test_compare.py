"""`portresize compare`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from portresize._backends import generic
from portresize._backends._convolve import convolve
from portresize._backends._frame import Frame
from portresize._cli import compare, libraries, main, rivals
from portresize._core.filters import Resampling
from portresize._core.steps import Pass

if TYPE_CHECKING:
    from pathlib import Path

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def only_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing but numpy, Pillow, array-api-strict and matplotlib were installed."""
    kept = {"numpy", "PIL", "array_api_strict", "matplotlib"}
    there = libraries.installed
    monkeypatch.setattr(libraries, "installed", lambda module: module in kept and there(module))


def rows(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


@pytest.mark.parametrize("filter", ["bicubic", "hamming"])
def test_the_photograph_on_every_library(filter: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    output = tmp_path / "compare.png"
    assert main(["compare", "--filter", filter, "--output", str(output)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("grace_hopper.jpg: RGB uint8, 600x512 -> 128x128 (height x width)")
    ours = rows(text, "portresize on")
    measured = [line for line in ours if "not installed" not in line]
    assert all(line.split()[-5:] == ["0", "0", "0", "%", "0"] for line in measured)
    assert len(measured) >= len([o for o in libraries.opened() if o.module and o.target.row != "no-float64"])
    theirs = rows(text, "F.interpolate") + rows(text, "jax.image") + rows(text, "cv2")
    assert len(theirs) == len(rivals.RIVALS)
    offered = [line for line in theirs if "not installed" not in line]
    if filter == "hamming":
        assert all(line.endswith("no hamming filter") for line in offered)
    else:
        assert all(line.split()[-2] == "%" and line.split()[-3] != "0" for line in offered)
    assert "60949936" in text
    with Image.open(output) as picture:
        assert picture.size == (1560, 888)
        assert len(picture.convert("RGB").getcolors(maxcolors=1 << 24)) > 1000


@pytest.mark.usefixtures("only_numpy")
def test_a_missing_rival_is_a_row_and_a_panel(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["compare", "--size", "20x30", "--output", str(tmp_path / "c.png")]) == 0
    text = capsys.readouterr().out
    assert rows(text, "portresize on torch (cpu)")[0].endswith("not installed: pip install torch")
    assert rows(text, "F.interpolate, bicubic")[0].endswith("not installed: pip install torch")
    assert rows(text, "cv2.resize")[0].endswith("not installed: pip install opencv-python-headless")


def test_without_matplotlib_there_are_rings_and_no_figure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(libraries, "installed", lambda module: module in {"numpy", "PIL"})
    output = tmp_path / "compare.png"
    assert main(["compare", "--output", str(output)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("rings: RGB uint8, 512x512 -> 128x128")
    assert text.endswith("no picture: matplotlib is not installed: pip install matplotlib\n")
    assert not output.exists()


def _off_by_one(frame: Frame, x: Any, step: Pass) -> Any:
    return convolve(frame, x, step) ^ frame.xp.asarray(1, dtype=x.dtype)


@pytest.mark.usefixtures("only_numpy")
def test_a_wrong_row_of_ours_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("array_api_strict")
    monkeypatch.setitem(generic.STEPS, Pass, _off_by_one)
    assert main(["compare", "--size", "20x30", "--output", str(tmp_path / "c.png")]) == 1
    assert re.search(r"portresize on array-api-strict: \d+ of 1800 values differ", capsys.readouterr().out)


@pytest.mark.usefixtures("only_numpy")
@pytest.mark.parametrize(
    ("dtype", "shape", "head"),
    [
        ("uint8", (40, 50), "x.npy: L uint8, 40x50 -> 9x7"),
        ("uint8", (40, 50, 2), "x.npy: LA uint8, 40x50 -> 9x7"),
        ("uint8", (40, 50, 4), "x.npy: RGBA uint8, 40x50 -> 9x7"),
        ("uint16", (40, 50, 3), "x.npy: I;16 uint16, 40x50 -> 9x7"),
        (">i4", (40, 50), "x.npy: I int32, 40x50 -> 9x7"),
        ("float32", (40, 50, 1), "x.npy: F float32, 40x50 -> 9x7"),
    ],
)
def test_arrays_of_every_dtype(
    dtype: str, shape: tuple[int, ...], head: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    np.save(tmp_path / "x.npy", noise)
    output = tmp_path / "c.png"
    assert main(["compare", str(tmp_path / "x.npy"), "--size", "9x7", "--output", str(output)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(head)
    assert rows(text, "portresize on numpy")[0].split()[-5:] == ["0", "0", "0", "%", "0"]


@pytest.mark.parametrize(
    ("mode", "read_as"), [("P", "RGB"), ("1", "L"), ("RGBA", "RGBA"), ("LA", "LA"), ("I;16", "I;16")]
)
@pytest.mark.usefixtures("only_numpy")
def test_image_files_keep_their_mode_if_it_can_be_resized(
    mode: str, read_as: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Image.new(mode, (30, 20)).save(tmp_path / "x.png")
    assert main(["compare", str(tmp_path / "x.png"), "--size", "9x7", "--output", str(tmp_path / "c.png")]) == 0
    assert capsys.readouterr().out.startswith(f"x.png: {read_as} ")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((9, 9)), "x.npy has dtype float64, expected uint8, uint16, int32, float32"),
        (
            np.zeros((3, 9, 9), np.uint8),
            "x.npy has shape (3, 9, 9), expected (height, width) or (height, width, bands) with 1 to 4 bands",
        ),
    ],
)
def test_arrays_that_are_no_picture(
    array: np.ndarray, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", array)
    assert main(["compare", str(tmp_path / "x.npy")]) == 2
    assert capsys.readouterr().err == f"portresize: error: {message}\n"


def test_the_measure_of_the_question() -> None:
    found = compare.distance(np.array([10, 9, 0, 4], np.uint8), np.array([10, 10, 0, 5], np.uint8))
    assert (found.largest, found.mean, found.percent) == (1, 0.5, 50)
    assert found.relative == pytest.approx((0 + 0.1 + 0.2) / 3)


def test_rivals_are_rounded_and_clipped() -> None:
    torch = pytest.importorskip("torch")
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    result = rivals.ANTIALIASED.resize(torch, image, (20, 20), Resampling.BICUBIC)
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    expected = torch.nn.functional.interpolate(x, (20, 20), mode="bicubic", antialias=True)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(
        result, expected.round().clamp(0, 255)[0].permute(1, 2, 0).byte().numpy(), strict=True
    )
