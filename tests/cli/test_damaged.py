"""Files that are damaged: decoders raise what they like, and a command prints one line."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from portresize._cli import main


@pytest.mark.parametrize("error", [zlib.error, NotImplementedError, AttributeError, RuntimeError, KeyError, IndexError])
@pytest.mark.parametrize("name", ["picture.png", "picture.npz"])
def test_whatever_a_decoder_raises_is_one_line(
    name: str,
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def decode(*_: object, **__: object) -> None:
        msg = "broken\nstream"
        raise error(msg)

    file = tmp_path / name
    file.write_bytes(b"damaged")
    monkeypatch.setattr(Image, "open", decode)
    monkeypatch.setattr(np, "load", decode)
    assert main(["compare", str(file), "--output", str(tmp_path / "compare.png")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"portresize: error: {name} ")
    assert err.count("\n") == 1
