"""`portresize info`."""

from __future__ import annotations

import platform
from types import ModuleType

import numpy as np
import pytest

import portresize
from portresize._cli import libraries, main
from portresize._kernels.llvm.host import host


def test_versions_and_backends(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"portresize {portresize.__version__}, Python {platform.python_version()} on ")
    assert 'dialect "pillow-' in text
    assert f"numpy                   {np.__version__}" in text


def test_nothing_else_installed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(libraries, "installed", lambda module: module == "numpy")
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert "Pillow, the reference, is not installed: pip install 'portresize[cli]'" in text
    assert "torch                   not installed: pip install torch" in text
    assert "rich                    not installed: pip install rich" in text


def test_a_broken_library_hides_no_other(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    broken = ModuleType("torch")
    broken.__version__ = "9.9"  # type: ignore[attr-defined]  # a module may have any attribute
    load = libraries.load
    monkeypatch.setattr(
        libraries, "load", lambda module, install: broken if module == "torch" else load(module, install)
    )
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert "none: module 'torch' has no attribute 'from_numpy'" in text
    assert "unknown: module 'torch' has no attribute 'cuda'" in text
    assert "array-api-strict" in text


def test_what_serves_under_jax(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jax", reason="jax is not installed")
    from portresize._backends import _jax_cpu

    assert main(["info"]) == 0
    assert ("kernels on the CPU" if host().isa else "operations of XLA on the CPU") in capsys.readouterr().out
    refused = _jax_cpu.Serving(None, "", "XLA takes no kernels: it is too new")
    monkeypatch.setattr(_jax_cpu, "serving", lambda: refused)
    assert main(["info"]) == 0
    assert "operations of XLA on the CPU: XLA takes no kernels: it is too new" in capsys.readouterr().out
