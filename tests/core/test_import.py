"""`import portresize` is cheap: no framework, no Pillow. The proof is a child process, and can fail."""

from __future__ import annotations

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
)


def _loaded_after(statement: str) -> list[str]:
    """Which heavy packages a fresh interpreter has loaded after `statement`."""
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return sorted(set(done.stdout.split()) & set(HEAVY))


def test_import_loads_no_framework() -> None:
    assert _loaded_after("import portresize") == []


@pytest.mark.parametrize("name", ["PIL.Image", "array_api_compat"])
def test_the_proof_can_fail(name: str) -> None:
    assert _loaded_after(f"import portresize, {name}") == [name.partition(".")[0]]


def test_numpy_arrays_need_no_framework_either() -> None:
    call = "import numpy, portresize; portresize.resize(numpy.zeros((9, 9, 3), numpy.uint8), (3, 3))"
    assert _loaded_after(call) in ([], ["array_api_compat"])


def test_an_unknown_class_loads_nothing() -> None:
    call = "import portresize\ntry: portresize.resize(object(), (3, 3))\nexcept TypeError: pass"
    assert _loaded_after(call) == []
