"""The program as a whole: how it starts, fails and exits."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys

import pytest

import portresize
from portresize._cli import explain, libraries, main

NO_SIZE = 'is no size, expected HEIGHTxWIDTH, both at least 1, such as "128x96"'


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
    assert done.stderr.startswith("portresize: error: `--filter` is 'cubic', expected one of the filters")
    assert '"bicubic"' in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX closes the output")
@pytest.mark.parametrize("words", ["explain 9x9 4x4", "info", "--version"])
def test_a_closed_output_is_one_line(words: str) -> None:
    child = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m portresize {words} >&-', sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (child.returncode, child.stderr) == (2, "portresize: error: standard output is closed\n")


def test_names_are_no_orders_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a\x1b[31mb\u202e.png"]) == 2
    err = capsys.readouterr().err
    assert r"a\x1b[31mb\u202e.png" in err
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"portresize {portresize.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explain", "8x8", "4"], f"argument RESULT: '4' {NO_SIZE}"),
        (["explain", "8x8", "0x4"], f"argument RESULT: '0x4' {NO_SIZE}"),
        (["explain", "-3x5", "4x4"], f"argument SOURCE: '-3x5' {NO_SIZE}"),
        (["explain"], "the following arguments are required: SOURCE, RESULT"),
        (["compare", "--size", "0x5"], f"argument --size: '0x5' {NO_SIZE}"),
        (["compare", "--size", "-3x5"], f"argument --size: '-3x5' {NO_SIZE}"),
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
        (["explain", "8x8", "9999999x9999999"], "`RESULT` is (9999999, 9999999), 1e+14 samples a band, expected at "),
        (["compare", "--size", "9999999x9999999"], "`--size` is (9999999, 9999999), 1e+14 samples a band, expected "),
        (["compare", "--filter", "foo"], "`--filter` is 'foo', expected one of the filters of dialect "),
        (["explain", "8x8", "4x4", "--gap", "0.5"], "`--gap` is 0.5, expected a number >= 1.0, or None to "),
        (["explain", "8x8", "4x4", "--mode", "RGB16"], "`--mode` is 'RGB16', expected one of "),
        (
            ["explain", "8x8", "4x4", "--box", "0,0,9,8"],
            "`--box` (0, 0, 9, 8) leaves the source, which is 8 wide and 8 ",
        ),
        (["explain", "8x8", "4x4", "--dialect", "pillow-2"], "`--dialect` is 'pillow-2', expected a released Pillow "),
        (["explain", "8x8", "4x4", "--layout", "hwc"], "`--layout` is 'hwc', expected one capital letter per axis"),
        (["explain", "8x8", "4x4", "--box", "-1,0,9,8"], "`--box` (-1, 0, 9, 8) leaves the source, which is 8 wide "),
        (["check", "--cases", "0"], "`--cases` is 0, expected a number >= 1"),
        (["compare", "missing.png"], "[Errno 2] No such file or directory: 'missing.png'"),
    ],
)
def test_errors_of_the_library_name_the_option(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"portresize: error: {message}")
    assert err.count("\n") == 1


def test_alone_it_shows_the_commands_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: portresize ")
    assert re.findall(r"^    (\w+) ", err, re.MULTILINE) == ["compare", "explain", "check", "info"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "out of memory"),
        (MemoryError("Unable to allocate 3.2 TiB"), "Unable to allocate 3.2 TiB"),
        (OverflowError("too large to convert"), "too large to convert"),
        (ValueError("two\nlines"), "two lines"),
        (OverflowError(), "OverflowError"),
    ],
)
def test_what_is_too_large_is_one_line_too(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr(explain, "run", fail)
    assert main(["explain", "8x8", "4x4"]) == 2
    assert capsys.readouterr().err == f"portresize: error: {message}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is another error there")
@pytest.mark.parametrize(
    ("words", "unbuffered"),
    [
        (["--help"], ""),
        (["explain", "8x8", "4x4"], ""),
        (["explain", "8x8", "4x4"], "1"),
        (["check", "--cases", "1", "--library", "numpy"], "1"),
    ],
)
def test_a_reader_that_leaves_is_no_error(words: list[str], unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "portresize", *words],
            stdout=writer,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


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
