"""`portresize check`."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import portresize
from portresize._backends import array_api, generic
from portresize._backends._convolve import convolve
from portresize._backends._frame import Frame
from portresize._cases import CASES
from portresize._cli import libraries, main, pillow
from portresize._core.steps import Pass

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("PIL")


def row(text: str, name: str) -> list[str]:
    """Cells of the row that begins with `name`."""
    line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
    return line.removeprefix(name).split()


def test_numpy_is_equal_in_every_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--library", "numpy"]) == 0
    _, cases, values, differing, largest, verdict = row(capsys.readouterr().out, "numpy")
    dialect = pillow.installed().dialect
    assert int(cases) == sum(case.exists_in(dialect) for case in CASES)
    assert int(values.replace(",", "")) > 2_000_000
    assert (differing, largest, verdict) == ("0", "0", "equal")


def test_every_library_keeps_its_guarantee(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--cases", "12"]) == 0
    text = capsys.readouterr().out
    for opened in libraries.opened():
        cells = row(text, str(opened.target))
        assert " ".join(cells) == opened.reason if opened.reason else cells[1] == "12"


def _off_by_one(frame: Frame, x: Any, step: Pass) -> Any:
    return convolve(frame, x, step) + frame.xp.asarray(1, dtype=x.dtype, device=frame.device)


def test_a_broken_step_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("array_api_strict")
    monkeypatch.setattr(array_api, "_trial", lambda *_: "")
    monkeypatch.setitem(generic.STEPS, Pass, _off_by_one)
    file = tmp_path / "check.json"
    assert main(["check", "--library", "array-api-strict", "--cases", "20", "--json", str(file)]) == 1
    text = capsys.readouterr().out
    assert "BROKEN in" in " ".join(row(text, "array-api-strict"))
    assert "values differ" in text
    assert "guaranteed: equal" in text
    strict = json.loads(file.read_text())["libraries"][0]
    assert strict["differing"] > 1000
    assert all("guaranteed: equal" in text for text in strict["broken"].values())


def test_a_step_that_fails_is_a_result_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("array_api_strict")
    monkeypatch.setattr(array_api, "_trial", lambda *_: "")
    monkeypatch.setitem(generic.STEPS, Pass, lambda *_: 1 / 0)
    assert main(["check", "--library", "array-api-strict", "--cases", "5"]) == 1
    assert "its operations raised ZeroDivisionError ('division by zero')" in capsys.readouterr().out


def test_a_missing_library_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(libraries, "installed", lambda module: module in {"numpy", "PIL"})
    assert main(["check", "--cases", "3"]) == 0
    text = capsys.readouterr().out
    assert " ".join(row(text, "torch (cpu)")) == "not installed: pip install torch"
    assert " ".join(row(text, "jax (cpu)")) == "not installed: pip install jax"
    assert "torch (cuda)" not in text


def test_a_library_that_does_not_import_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(libraries, "installed", lambda _: True)
    if importlib.util.find_spec("cupy"):
        pytest.skip("cupy is installed")
    assert main(["check", "--library", "cupy", "--cases", "1"]) == 2
    out, err = capsys.readouterr()
    assert "installed, but it does not import: No module named 'cupy'" in out
    assert err == "portresize: error: not checked: cupy\n"


def test_a_file_that_is_no_report_is_not_replaced(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    for text in ("precious", "[1]", '{"a": 1}'):
        file.write_text(text)
        assert main(["check", "--library", "numpy", "--cases", "1", "--json", str(file)]) == 2
        assert file.read_text() == text
        assert capsys.readouterr().err == (
            f"portresize: error: `--json` is {file}, which is there and no report of `portresize check`; "
            "remove it, or name another file\n"
        )
    file.unlink()
    for _ in range(2):
        assert main(["check", "--library", "numpy", "--cases", "1", "--json", str(file)]) == 0
    assert json.loads(file.read_text())["libraries"][0]["verdict"] == "equal"
    assert list(tmp_path.iterdir()) == [file]


def test_a_report_that_cannot_be_written_leaves_the_one_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "check.json"
    assert main(["check", "--library", "numpy", "--cases", "1", "--json", str(file)]) == 0
    before = file.read_bytes()

    def full(path: Path, text: str) -> None:
        with path.open("w") as stream:
            stream.write(text[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    assert main(["check", "--library", "numpy", "--cases", "1", "--json", str(file)]) == 2
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_the_file_holds_what_was_found(tmp_path: Path) -> None:
    file = tmp_path / "check.json"
    assert main(["check", "--library", "numpy", "--cases", "7", "--seed", "3", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    spoken = pillow.installed()
    assert found == {
        "portresize": portresize.__version__,
        "pillow": spoken.version,
        "dialect": spoken.dialect,
        "seed": 3,
        "note": "",
        "libraries": [
            {
                "library": "numpy",
                "device": "",
                "version": np.__version__,
                "cases": 7,
                "values": found["libraries"][0]["values"],
                "differing": 0,
                "largest": 0,
                "ulps": 0,
                "verdict": "equal",
                "broken": {},
            }
        ],
    }


def test_a_file_that_cannot_be_written_is_refused_before_any_work(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "missing" / "check.json"
    assert main(["check", "--json", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    folder = file.parent
    assert err == (
        f"portresize: error: `--json` is {file}, but there is no folder {folder}; make it, or name another file\n"
    )


def test_an_unknown_pillow_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("PIL.__version__", "14.2.0")
    main(["check", "--library", "numpy", "--cases", "1"])
    assert capsys.readouterr().out.startswith(
        "note: Pillow 14.2.0 is newer than any this portresize knows; "
        'compared with dialect "pillow-13.0", the nearest\n'
    )


@pytest.mark.parametrize(
    ("version", "dialect", "known"),
    [
        ("13.0.0", "pillow-13.0", True),
        ("12.3.1", "pillow-12.3", True),
        ("13.1.0", "pillow-13.0", False),
        ("14.0.0.dev0", "pillow-13.0", False),
        ("10.7.0", "pillow-10.4", False),
        ("6.2.0", "pillow-7.0", False),
        ("9.2.0", "pillow-9.2", True),
    ],
)
def test_the_dialect_of_a_version(version: str, dialect: str, *, known: bool) -> None:
    spoken = pillow.dialect_of(version)
    assert (spoken.dialect, spoken.note == "") == (dialect, known)
