"""The program as a whole: how it starts, fails and exits."""

from __future__ import annotations

import subprocess
import sys

import pytest

import portresize
from portresize._cli import libraries, main


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "portresize", *words], capture_output=True, text=True, check=False)


def test_it_runs_as_a_module() -> None:
    done = run("explain", "8x8", "4x4", "--filter", "box")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("8x8 -> 4x4 (height x width), mode RGB (uint8, layout HWC), box, dialect pillow-13\n")


def test_an_error_is_one_line_and_exit_code_2() -> None:
    done = run("explain", "8x8", "4x4", "--filter", "cubic")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("portresize: error: `resample` is 'cubic', expected one of the filters")
    assert done.stderr.count("\n") == 1


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"portresize {portresize.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explain", "8x8", "4"], "argument HEIGHTxWIDTH: '4' is no size, expected HEIGHTxWIDTH such as \"128x96\""),
        (["explain", "8x8", "4x4", "--box", "1,x"], None),
        (["resize"], None),
        (["check", "--library", "keras"], None),
    ],
)
def test_words_that_cannot_be_read_are_one_line_too(
    words: list[str], message: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    text = capsys.readouterr().err
    assert text.startswith(f"portresize: error: {message or ''}")
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explain", "8x8", "0x4"], "`size` is (0, 4), expected two integers >= 1 as (height, width)"),
        (["explain", "8x8", "4x4", "--gap", "0.5"], "`reducing_gap` is 0.5, expected a number >= 1.0, or None to "),
        (["explain", "8x8", "4x4", "--mode", "RGB16"], "`mode` is 'RGB16', expected one of "),
        (["explain", "8x8", "4x4", "--box", "0,0,9,8"], "`box` (0, 0, 9, 8) leaves the source, which is 8 wide and 8 "),
        (["explain", "8x8", "4x4", "--dialect", "pillow-2"], "`dialect` is 'pillow-2', expected a released Pillow "),
        (["explain", "8x8", "4x4", "--layout", "hwc"], "`layout` is 'hwc', expected one capital letter per axis"),
        (["check", "--cases", "0"], "`--cases` is 0, expected a number >= 1"),
        (["compare", "missing.png"], "[Errno 2] No such file or directory: 'missing.png'"),
    ],
)
def test_errors_of_the_library_keep_their_text(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"portresize: error: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["compare"], ["check"]])
def test_without_pillow_there_is_nothing_to_compare_with(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(libraries, "installed", lambda module: module != "PIL")
    assert main(words) == 2
    message = "portresize: error: Pillow, the reference, is not installed: pip install 'portresize[cli]'\n"
    assert capsys.readouterr().err == message


def test_the_table_says_the_same_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rich = pytest.importorskip("rich.text")
    main(["explain", "900x900", "30x40"])
    plain = capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    main(["explain", "900x900", "30x40"])
    coloured = capsys.readouterr().out
    assert "\x1b[" in coloured
    assert rich.Text.from_ansi(coloured).plain.rstrip() == plain.rstrip()
