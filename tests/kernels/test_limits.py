"""Where the system gives little, calls give the right bytes or a MemoryError, and the process lives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from portresize._kernels.llvm.host import host

if host().isa is None:
    pytest.skip(f"no kernels: {host().why}", allow_module_level=True)
if sys.platform != "linux":
    pytest.skip("limits a process as Linux does", allow_module_level=True)

ROOT = Path(__file__).parents[2]


def _limited(act: str, number: int) -> str:
    """What `tests.kernels.limits` prints."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.kernels.limits", act, str(number)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (act, number, done.stderr[-3000:])
    return done.stdout.rstrip()


@pytest.mark.parametrize("kibibytes", [64, 256])
def test_a_small_stack_is_enough(kibibytes: int) -> None:
    _limited("stack", kibibytes)


@pytest.mark.parametrize("after", [0, 2])
def test_memory_may_not_become_executable(after: int) -> None:
    said = _limited("no execution", after)
    if "knows no" in said:
        pytest.skip(said)
    assert said == ("" if after else "memory may not become executable in this process: Permission denied")


@pytest.mark.parametrize("number", [1, 13], ids=["EPERM", "EACCES"])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_steps_serve_where_a_page_does_not_become_executable(number: int, threads: int) -> None:
    # As PR_SET_MDWE does it, and the filter of systemd, on kernels that know neither.
    code = f"""
import ctypes, os, warnings
import numpy as np, portresize
from portresize._kernels.llvm import memory
class C:
    mprotect = staticmethod(lambda *_: ctypes.set_errno({number}) or -1)
    def __getattr__(self, name): return getattr(real, name)
real = ctypes.CDLL(None)
class Fake:
    CDLL = staticmethod(lambda *_, **__: C())
    def __getattr__(self, name): return getattr(ctypes, name)
memory.ctypes = Fake()
x = np.random.default_rng(0).integers(0, 256, (900, 700, 3), np.uint8)
with portresize.threads({threads}), warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    portresize.resize(x, (90, 100)), portresize.resize(x, (91, 100))
why = f"memory may not become executable in this process: {{os.strerror({number})}}"
assert [str(warning.message) for warning in caught] == [
    "the numpy steps serve, exact but slower than kernels of llvmlite: " + why
]
from portresize._cli import info
assert info._kernels() == "CPU kernels: none, the numpy steps serve: " + why
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# Among them limits at which LLVM ended the process (3 and 24 of the first twenty-five), and the dynamic linker failed.
@pytest.mark.parametrize("seed", [3, 11, 24, 25, 111, 132, 135, 162, *range(300, 308)])
def test_a_limit_of_memory_is_a_memory_error(seed: int) -> None:
    assert "calls had not the memory" in _limited("memory", seed)
