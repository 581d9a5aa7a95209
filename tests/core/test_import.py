"""`import portresize` is cheap: no framework, no Pillow. The proof is a child process, and can fail."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

HEAVY = (
    "PIL",
    "torch",
    "jax",
    "jaxlib",
    "array_api_compat",
    "array_api_strict",
    "cupy",
    "dask",
    "cv2",
    "triton",
    "llvmlite",
    "numba",
    "matplotlib",
    "rich",
    "grain",
    "absl",
    "etils",
)


RESIZE = "import numpy, portresize; portresize.resize(numpy.zeros((9, 9, 3), numpy.uint8), (3, 3))"


def _modules_after(statement: str, **env: str) -> set[str]:
    """All that a fresh interpreter has loaded after `statement`."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    command, env = [sys.executable, "-c", code], {"PORTRESIZE_ISA": ""} | env
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | env)
    return set(done.stdout.split())


def _loaded_after(statement: str, **env: str) -> list[str]:
    """Which heavy packages a fresh interpreter has loaded after `statement`."""
    return sorted({name.partition(".")[0] for name in _modules_after(statement, **env)} & set(HEAVY))


def test_import_loads_no_framework() -> None:
    assert _loaded_after("import portresize") == []


@pytest.mark.parametrize("name", ["PIL.Image", "array_api_compat"])
def test_the_proof_can_fail(name: str) -> None:
    assert _loaded_after(f"import portresize, {name}") == [name.partition(".")[0]]


# What generates kernels; `host` alone is there before, and only asks.
GENERATING = {f"portresize._kernels.{name}" for name in ("pool", "llvm.engine", "llvm.library", "llvm.program")}


def test_import_generates_no_kernel() -> None:
    assert not _modules_after("import portresize, portresize._backends.numpy") & GENERATING
    assert not _modules_after(RESIZE, PORTRESIZE_ISA="none") & GENERATING


def test_the_proof_that_nothing_is_generated_can_fail() -> None:
    pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install 'portresize[cpu]'")
    assert _modules_after(RESIZE) >= GENERATING


def test_numpy_arrays_need_no_framework_either() -> None:
    assert _loaded_after(RESIZE) == (["llvmlite"] if importlib.util.find_spec("llvmlite") else ["array_api_compat"])
    assert _loaded_after(RESIZE, PORTRESIZE_ISA="none") == ["array_api_compat"]


def test_an_unknown_class_loads_nothing() -> None:
    call = "import portresize\ntry: portresize.resize(object(), (3, 3))\nexcept TypeError: pass"
    assert _loaded_after(call) == []


@pytest.mark.parametrize("name", ["jax", "grain"])
def test_an_adapter_is_imported_when_it_is_named(name: str) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed")
    assert f"portresize.{name}" in _modules_after(f"import portresize; portresize.{name}")
    assert f"portresize.{name}" not in _modules_after("import portresize")


def test_there_is_nothing_else() -> None:
    import portresize

    with pytest.raises(AttributeError, match="module 'portresize' has no attribute 'tensorflow'"):
        portresize.tensorflow  # noqa: B018
