"""`portresize compare`."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from portresize._backends import array_api, generic
from portresize._backends._convolve import convolve
from portresize._backends._frame import Frame
from portresize._cli import compare, libraries, main, output, rivals
from portresize._core.filters import Resampling
from portresize._core.steps import Pass

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def only_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing but numpy, Pillow, array-api-strict and matplotlib were installed."""
    kept = {"numpy", "PIL", "array_api_strict", "matplotlib"}
    there = libraries.installed
    monkeypatch.setattr(libraries, "installed", lambda module: module in kept and there(module))


NO_MODE = "for which Pillow has no mode; expected uint8, uint16, int32, float32 or bool"
FITS = "its values are 0 to 255"
NO_NUMBERS = (
    "holds objects or is damaged, expected a numeric array: uint8, uint16, int32, float32 or bool; "
    "save one with numpy.save"
)


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
    monkeypatch.setattr(array_api, "_trial", lambda *_: "")
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
        ("bool", (40, 50), "x.npy: 1 bool, 40x50 -> 9x7"),
        ("bool", (40, 50, 3), "x.npy: 1 bool, 40x50 -> 9x7"),
    ],
)
def test_arrays_of_every_dtype(
    dtype: str, shape: tuple[int, ...], head: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape)
    np.save(tmp_path / "x.npy", noise > 128 if dtype == "bool" else noise.astype(dtype))
    output = tmp_path / "c.png"
    assert main(["compare", str(tmp_path / "x.npy"), "--size", "9x7", "--output", str(output)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(head)
    assert rows(text, "portresize on numpy")[0].split()[-5:] == ["0", "0", "0", "%", "0"]


def test_bits_are_only_copied_by_pillow_and_so_by_rivals(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((40, 50)) < 0.5)
    assert main(["compare", str(tmp_path / "x.npy"), "--size", "9x7", "--output", str(tmp_path / "c.png")]) == 0
    text = capsys.readouterr().out
    assert text.startswith("x.npy: 1 bool, 40x50 -> 9x7 (height x width), nearest, by Pillow")
    assert rows(text, "F.interpolate, nearest")[0].split()[-2] == "%"
    assert "failed" not in text


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
        (np.zeros((9, 9)), f"x.npy has dtype float64, {NO_MODE}; cast it to float32"),
        (np.zeros((9, 9), np.float16), f"x.npy has dtype float16, {NO_MODE}; cast it to float32"),
        (np.zeros((9, 9), np.int64), f"x.npy has dtype int64, {NO_MODE}; cast it to int32, or to uint8 if {FITS}"),
        (np.zeros((9, 9), np.int8), f"x.npy has dtype int8, {NO_MODE}; cast it to int32, or to uint8 if {FITS}"),
        (np.zeros((9, 9), complex), f"x.npy has dtype complex128, {NO_MODE}"),
        (np.array([[1, "a"]], object), f"x.npy {NO_NUMBERS}"),
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


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_damaged_file_of_arrays(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 and then nothing" if name == "x.npz" else b"x")
    assert main(["compare", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err == f"portresize: error: {name} {NO_NUMBERS}\n"


def test_objects_in_an_archive(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.array([[1, "a"]], object))
    assert main(["compare", str(tmp_path / "x.npz")]) == 2
    assert capsys.readouterr().err == f"portresize: error: x.npz {NO_NUMBERS}\n"


def png(width: int = 9, height: int = 9) -> bytes:
    """A file whose header claims a size, of noise so that there is something to cut off."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [("t.txt", b"text"), ("empty.png", b""), ("cut.png", png(90, 90)[:5000]), ("bad.png", b"\x89PNG\r\n\x1a\n" * 9)],
)
def test_files_that_are_no_picture(
    name: str, content: bytes, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    assert main(["compare", str(tmp_path / name)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"portresize: error: {name} is no picture that Pillow reads (")
    assert err.endswith("); expected an image file, or an array in a .npy or .npz file\n")
    assert err.count("\n") == 1


def test_more_pixels_than_pillow_opens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    (tmp_path / "x.png").write_bytes(png())
    assert main(["compare", str(tmp_path / "x.png")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("portresize: error: x.png has more pixels than Pillow opens (")
    assert err.endswith("); save it as an array in a .npy file\n")


@pytest.mark.parametrize("output", ["p.png", "folder/../p.png", "link.png", "hard.png"])
def test_the_picture_itself_is_not_replaced(
    output: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "p.png").write_bytes(png())
    (tmp_path / "link.png").symlink_to("p.png")
    (tmp_path / "hard.png").hardlink_to("p.png")
    assert main(["compare", "p.png", "--output", output]) == 2
    out, err = capsys.readouterr()
    assert (out, (tmp_path / "p.png").read_bytes()) == ("", png())
    assert err == f"portresize: error: `--output` is {Path(output)}, the picture itself; name another file\n"


def test_the_default_output_replaces_no_picture_either(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "compare.png").write_bytes(png())
    assert main(["compare", "compare.png"]) == 2
    assert "`--output` is compare.png, the picture itself" in capsys.readouterr().err
    assert (tmp_path / "compare.png").read_bytes() == png()


ENDS = "expected a name that ends in .jpeg, .jpg, .pdf, .png, .svg, .tif, .tiff or .webp"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("missing/x.png", "`--output` is missing/x.png, but there is no folder missing; make it, or name another file"),
        ("p.png/x.png", "`--output` is p.png/x.png, but there is no folder p.png; make it, or name another file"),
        ("folder", "`--output` is folder, a folder; name a file, such as folder/compare.png"),
        ("folder.png", "`--output` is folder.png, a folder; name a file, such as folder.png/compare.png"),
        ("x.foo", f"`--output` is x.foo, {ENDS}"),
        ("p", f"`--output` is p, {ENDS}"),  # matplotlib would write p.png.
    ],
)
def test_an_output_that_cannot_be_is_refused_before_any_work(
    output: str, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "p.png").write_bytes(png())
    assert main(["compare", "p.png", "--output", output]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.replace("\\", "/") == f"portresize: error: {message}\n"


@pytest.mark.usefixtures("only_numpy")
@pytest.mark.parametrize("suffix", [*output.FIGURES, ".PNG"])
def test_every_format_that_is_allowed_is_written(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "p.png").write_bytes(png())
    file = tmp_path / f"x{suffix}"
    assert main(["compare", str(tmp_path / "p.png"), "--size", "3x3", "--output", str(file)]) == 0
    assert file.stat().st_size > 1000


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
