"""Kernels serve where they can. Where they cannot, the numpy steps give the same bytes, and the log says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._backends import generic
from portresize._cases import CASES, Case, pixels
from portresize._core.report import assert_same
from portresize._kernels.llvm.host import OLDEST, host
from tests.conformance.test_verbs import BANDS, DTYPES
from tests.serving import without_kernels

ROOT = Path(__file__).parents[2]
needs_kernels = pytest.mark.skipif(host().isa is None, reason=f"no kernels: {host().why}")
IMAGE = np.random.default_rng(5).integers(0, 256, (300, 400, 3), np.uint8)
RESIZE = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format="%(name)s: %(message)s")
import numpy as np
import portresize
x = np.random.default_rng(5).integers(0, 256, (300, 400, 3), np.uint8)
before = x.copy()
sys.stdout.buffer.write(portresize.resize(x, (90, 100)).tobytes())
assert (x == before).all()
"""


def _child(code: str, **env: str) -> tuple[bytes, str]:
    """What a fresh interpreter writes to its output, and the log."""
    clean = {name: value for name, value in os.environ.items() if name != "PORTRESIZE_ISA"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean | env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout, done.stderr.decode()


def _served_by_steps(code: str, **env: str) -> str:
    """Assert that the numpy steps gave the right bytes: the log."""
    result, log = _child(code + RESIZE, **env)
    with without_kernels():
        assert result == portresize.resize(IMAGE, (90, 100)).tobytes()
    assert "portresize: the numpy steps execute Spec(layout='HWC', mode='RGB'" in log
    return log


# That kernels serve.


@pytest.fixture
def _steps_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def perform(*_: Any) -> Any:
        pytest.fail("the steps serve")

    monkeypatch.setattr(generic, "perform", perform)


@needs_kernels
@pytest.mark.usefixtures("_steps_are_an_error")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kernels_serve_every_case_of_the_conformance_tests(case: Case) -> None:
    image = pixels(case)
    portresize.resize(image, case.size, **case.arguments("pillow-13"))


@needs_kernels
@pytest.mark.usefixtures("_steps_are_an_error")
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "LAB", "I", "F"])
def test_kernels_serve_every_verb(mode: str) -> None:
    image: np.ndarray = np.ones((23, 31, BANDS[mode]) if mode in BANDS else (23, 31), DTYPES.get(mode, np.uint8))
    words: dict[str, Any] = {"mode": mode, "layout": "HWC" if mode in BANDS else "HW"}
    for verb in ("resize", "thumbnail", "contain", "cover", "fit", "pad"):
        getattr(portresize, verb)(image, (12, 9), **words)
    portresize.reduce(image, (3, 2), **words)
    portresize.scale(image, 0.5, **words)


@needs_kernels
@pytest.mark.usefixtures("_steps_are_an_error")
def test_kernels_serve_tensors_in_the_memory_of_this_machine() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    expected = portresize.resize(IMAGE, (90, 100))
    assert_same(portresize.resize(torch.from_numpy(IMAGE), (90, 100)).numpy(), expected)
    planes = torch.from_numpy(IMAGE).permute(2, 0, 1)
    assert_same(portresize.resize(planes, (90, 100), layout="CHW").permute(1, 2, 0).numpy(), expected)


@needs_kernels
@pytest.mark.usefixtures("_steps_are_an_error")
def test_what_no_kernel_takes_is_taken_by_the_steps() -> None:
    # Otherwise the three tests above could not fail.
    with pytest.raises(pytest.fail.Exception, match="the steps serve"):
        portresize.resize(np.zeros((9, 9), np.float16), (4, 5))


@needs_kernels
@pytest.mark.parametrize("name", ["avx512-vnni", "avx512", "avx2-vnni", "avx2", "x86-64", "neon-dot", "neon"])
def test_the_environment_chooses_the_level(name: str) -> None:
    from portresize._kernels.llvm import engine

    if name not in {isa.name for isa in engine.levels()}:
        pytest.skip(f"this processor has no {name}")
    result, log = _child(RESIZE, PORTRESIZE_ISA=name)
    assert f"portresize: CPU kernels: {name}\n" in log
    assert "steps" not in log
    with without_kernels():
        assert result == portresize.resize(IMAGE, (90, 100)).tobytes()


# That the steps do.


def _info(code: str, **env: str) -> str:
    """The line about kernels in `portresize info`, which takes seconds to look at the other libraries."""
    return _child(f"{code}\nfrom portresize._cli import info\nprint(info._kernels())", **env)[0].decode().rstrip()


def test_none_is_a_level() -> None:
    why = "the environment variable PORTRESIZE_ISA is none"
    assert f"portresize: CPU kernels: {why}\n" in _served_by_steps("", PORTRESIZE_ISA="none")
    line = f"CPU kernels: none, the numpy steps serve: {why}"
    assert _info("", PORTRESIZE_ISA="none") == line
    text = _child("from portresize._cli import main\nmain(['info'])", PORTRESIZE_ISA="none")[0].decode()
    assert line in text.splitlines()


@needs_kernels
def test_an_unknown_level_is_an_error() -> None:
    from portresize._kernels.llvm import engine

    known = ", ".join(isa.name for isa in engine.levels())
    why = f"the environment variable PORTRESIZE_ISA is 'avx9000', expected none, {known}"
    # Each time, and not only the first.
    code = """
import numpy, portresize
for _ in range(2):
    try:
        portresize.resize(numpy.zeros((9, 9, 3), numpy.uint8), (3, 3))
    except ValueError as error:
        print(error)
"""
    assert _child(code, PORTRESIZE_ISA="avx9000")[0].decode() == f"{why}\n" * 2
    assert _info("", PORTRESIZE_ISA="avx9000") == f"CPU kernels: {why}"


def test_a_missing_llvmlite_is_named() -> None:
    code = "import sys\nsys.modules['llvmlite'] = None"
    log = _served_by_steps(code)
    assert "pip install 'portresize[cpu]' brings kernels" in log
    assert _info(code).startswith("CPU kernels: none, the numpy steps serve: import of llvmlite halted")


def _fake_llvmlite(folder: Path, init: str, binding: str = "") -> str:
    """A package in the place of llvmlite: the path to find it by."""
    package = folder / "llvmlite"
    package.mkdir()
    (package / "__init__.py").write_text(init)
    (package / "binding.py").write_text(binding)
    return os.pathsep.join([str(folder), str(ROOT)])


@pytest.mark.parametrize(
    "kind", ["OSError", "RuntimeError", "AttributeError", "ImportError", "TypeError", "ValueError", "KeyError"]
)
@pytest.mark.parametrize("place", ["package", "binding"])
def test_a_broken_llvmlite_is_no_reason_to_fail(kind: str, place: str, tmp_path: Path) -> None:
    error, init = f"raise {kind}('it is broken')\n", "__version__ = '0.50.0'\n"
    path = _fake_llvmlite(tmp_path, error if place == "package" else init, error)
    log = _served_by_steps("", PYTHONPATH=path)
    assert "it is broken" in log
    assert log.count("RuntimeWarning: the numpy steps serve, exact but slower than kernels of llvmlite: ") == 1
    assert "it is broken" in _info("", PYTHONPATH=path)


@pytest.mark.parametrize("wanted", ["", "avx2"])
def test_an_llvmlite_that_is_not_there_is_missed_only_if_asked_for(wanted: str) -> None:
    log = _served_by_steps("import sys\nsys.modules['llvmlite'] = None\n", PORTRESIZE_ISA=wanted)
    assert ("RuntimeWarning" in log) == bool(wanted)
    said = "slower than kernels of llvmlite: the environment variable PORTRESIZE_ISA is 'avx2', but import of llvmlite"
    assert (said in log) == bool(wanted)


def test_an_llvmlite_without_version_is_no_reason_to_fail(tmp_path: Path) -> None:
    # As the empty folder is that an interrupted removal leaves behind.
    _served_by_steps("", PYTHONPATH=_fake_llvmlite(tmp_path, ""))


def test_an_old_llvmlite_does_not_serve(tmp_path: Path) -> None:
    path = _fake_llvmlite(tmp_path, "__version__ = '0.44.0rc1'")
    log = _served_by_steps("", PYTHONPATH=path)
    assert f"llvmlite is 0.44.0rc1, expected {OLDEST[0]}.{OLDEST[1]} or newer" in log


@needs_kernels
def test_an_unknown_machine_has_no_kernels() -> None:
    code = """
from portresize._kernels.llvm import engine
engine.host = lambda: ("riscv64", frozenset({"v"}))
"""
    assert "there are no kernels for processors of type 'riscv64'" in _served_by_steps(code)


@needs_kernels
def test_a_kernel_that_llvm_does_not_generate_is_no_reason_to_fail() -> None:
    code = """
from portresize._kernels.llvm import library
class Library(library.Library):
    def __init__(self, text, isa):
        if "resize_" in text:
            raise RuntimeError("LLVM ERROR: cannot select")
        super().__init__(text, isa)
library.Library = Library
"""
    log = _served_by_steps(code)
    assert "portresize: CPU kernels: " in log
    assert "LLVM ERROR: cannot select\n" in log
    # Others are generated.
    _child(f"{code}{RESIZE}\nfrom portresize._backends import generic\ndel generic.perform\nportresize.reduce(x, 2)")


@needs_kernels
@pytest.mark.parametrize("error", ["TimeoutError", "RuntimeError", "OSError", "RecursionError", "Deadline"])
def test_what_a_signal_handler_raises_is_not_swallowed(error: str) -> None:
    code = f"""
import numpy, portresize
from portresize._kernels.llvm import host
class Deadline(Exception): pass
levels, calls = host._levels, []
def interrupted():
    calls.append(None)
    if len(calls) == 1:
        raise {error}("of the caller")
    return levels()
host._levels = interrupted
x = numpy.zeros((9, 9, 3), numpy.uint8)
try:
    portresize.resize(x, (3, 3))
except {error} as error:
    print(error)
portresize.resize(x, (3, 3))
print(host.host().isa is not None)
"""
    assert _child(code)[0].decode() == "of the caller\nTrue\n"


# That what is impossible fails as it should.

LIMIT = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))"


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    "call",
    [
        "resize(x, (2**19, 2**19), 'nearest')",
        "resize(x, (2**19, 2**19), 'bicubic')",
        "resize(x, (2**18, 2**16), 'bicubic')",
        "pad(x, (2**19, 2**19), color=(1, 2, 3))",
    ],
)
def test_a_result_beyond_all_memory_is_a_memory_error(number: int, call: str) -> None:
    code = f"""{RESIZE}
{LIMIT}
import contextlib
with portresize.threads({number}):
    try:
        portresize.{call}
    except MemoryError:
        pass
    else:
        raise SystemExit("there is memory enough")
    assert (x == before).all()
    sys.stdout.buffer.write(portresize.resize(x, (90, 100)).tobytes())
"""
    result, _ = _child(code)
    with without_kernels():
        assert result == portresize.resize(IMAGE, (90, 100)).tobytes() * 2
