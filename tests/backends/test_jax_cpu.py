"""XLA is given a handler once; where it takes none, its own operations serve, and the log says why."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._backends._items import Form
from portresize._core.plan import plan
from portresize._core.report import assert_same
from portresize._core.spec import Spec
from portresize._kernels.llvm import host as llvm_host
from portresize._kernels.llvm.host import Host, host

if importlib.util.find_spec("jax") is None:
    pytest.skip("jax is not installed", allow_module_level=True)
if host().isa is None:
    pytest.skip(f"no kernels: {host().why}", allow_module_level=True)

import jax

from portresize._backends import _jax_cpu
from portresize._kernels import handler, pool
from tests.kernels.frames import CallFrame, MetadataExtension

ROOT = Path(__file__).parents[2]
NOISE = np.random.default_rng(3).integers(0, 256, (3, 61, 47, 4), np.uint8)


def _resized(x: Any, rows: int = 20) -> Any:
    return portresize.resize(x, (rows, 30), "lanczos", layout="NHWC")


@pytest.fixture
def _anew() -> Iterator[None]:
    """Nothing is compiled, and XLA has not been asked."""
    jax.clear_caches()
    _jax_cpu.serving.cache_clear()
    yield
    jax.clear_caches()
    _jax_cpu.serving.cache_clear()


def _is_called(x: np.ndarray) -> bool:
    """Whether a program for `x` calls kernels."""
    return "portresize_" in jax.jit(_resized).lower(x).as_text()


def _operations_of_xla_serve(caplog: pytest.LogCaptureFixture) -> str:
    """Assert that they do: what the log says."""
    with caplog.at_level(logging.DEBUG, "portresize"):
        assert not _is_called(NOISE)
    assert_same(np.asarray(jax.jit(_resized)(NOISE)), _resized(NOISE))
    said = [text for text in caplog.messages if text.startswith("operations of XLA do ")]
    assert said
    return said[-1]


def _native(shape: tuple[int, ...], size: tuple[int, int], threads: int, dtype: str = "uint8") -> Any:
    spec = Spec("NHWC", "RGB" if dtype == "uint8" else "F", "pillow-13", size=size)
    form = Form(spec.layout, spec.mode, np.dtype(dtype), shape)
    return _jax_cpu.native(form, plan(spec, (shape[1], shape[2])).steps, threads)


@pytest.mark.usefixtures("_anew")
def test_xla_takes_the_handler_and_takes_it_again() -> None:
    for _ in range(2):
        made, target, why = _jax_cpu.serving()
        assert made is not None
        assert (target.isidentifier(), why) == (True, "")
        _jax_cpu.serving.cache_clear()
    assert _is_called(NOISE)


def _refuse(error: Exception) -> Callable[..., None]:
    def register(*_: Any, **__: Any) -> None:
        raise error

    return register


@pytest.mark.parametrize(
    "error", [RuntimeError("not  today"), ValueError("not\ntoday"), TypeError("not today"), AttributeError("not today")]
)
@pytest.mark.parametrize("name", ["register_ffi_target", "register_ffi_target_as_batch_partitionable"])
@pytest.mark.usefixtures("_anew")
def test_where_xla_refuses_its_operations_serve(
    name: str, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jax.ffi, name, _refuse(error))
    assert _operations_of_xla_serve(caplog).endswith("on the CPU: XLA takes no kernels: not today")
    assert _jax_cpu.serving() == (None, "", "XLA takes no kernels: not today")


@pytest.mark.parametrize("name", ["register_ffi_target", "register_ffi_target_as_batch_partitionable"])
@pytest.mark.usefixtures("_anew")
def test_where_jax_cannot_ask_xla_its_operations_serve(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(jax.ffi, name)
    assert "XLA takes no kernels: " in _operations_of_xla_serve(caplog)


@pytest.mark.usefixtures("_anew")
def test_a_handler_of_a_version_that_xla_does_not_know_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    isa = host().isa
    assert isa is not None

    @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(CallFrame))
    def handle(frame: Any) -> None:
        extension = MetadataExtension.from_address(frame.contents.extension_start)
        version = extension.metadata.contents.api_version
        version.major_version, version.minor_version = 9, 8

    class Later:
        address = ctypes.cast(handle, ctypes.c_void_p).value

    # Under a name of its own: that of the level may be taken.
    monkeypatch.setattr(_jax_cpu, "host", lambda: Host(replace(isa, name="of another version"), ""))
    monkeypatch.setattr(handler, "of", lambda _: Later)
    said = _operations_of_xla_serve(caplog)
    assert "XLA takes no kernels: " in said
    assert "9.8" in said


@pytest.mark.usefixtures("_anew")
def test_without_kernels_the_log_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_jax_cpu, "host", lambda: Host(None, "there is no llvmlite"))
    assert _operations_of_xla_serve(caplog).endswith("on the CPU: there is no llvmlite")


def test_samples_without_a_kernel_are_said_to_be(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "portresize"):
        assert _native((1, 9, 9, 1), (3, 3), 1, "float16") is None
    assert caplog.messages[-1].endswith("on the CPU: no kernel takes samples of float16")


@pytest.mark.usefixtures("_anew")
def test_a_level_that_there_is_not_is_an_error_when_a_program_is_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTRESIZE_ISA", "pentium")
    monkeypatch.setattr(_jax_cpu, "host", lambda: llvm_host._look()[0])
    for act in (_resized, jax.vmap(lambda x: portresize.resize(x, (20, 30), layout="HWC"))):
        with pytest.raises(ValueError, match="PORTRESIZE_ISA is 'pentium', expected none, "):
            jax.jit(act)(NOISE)
    # Set right, it holds at once.
    monkeypatch.setenv("PORTRESIZE_ISA", "")
    assert_same(np.asarray(jax.jit(_resized)(NOISE)), _resized(NOISE))
    assert _is_called(NOISE)


# Threads.


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many helpers are asked for."""
    numbers: list[int] = []
    meet = pool.meet

    def spy(isa: Any, helpers: int) -> tuple[int, int]:
        numbers.append(helpers)
        return meet(isa, min(helpers, 1))

    monkeypatch.setattr(pool, "meet", spy)
    return numbers


needs_threads = pytest.mark.skipif(pool.most() == 1, reason="the C library has no threads that sleep")


@needs_threads
def test_small_images_ask_for_no_threads(asked: list[int]) -> None:
    assert _native((1, 64, 64, 3), (32, 32), 8) is not None
    assert asked == []


@needs_threads
@pytest.mark.parametrize(("number", "helpers"), [(1, 6), (2, 13), (64, 63)])
def test_images_ask_for_as_many_threads_as_have_enough_to_do(number: int, helpers: int, asked: list[int]) -> None:
    # 786,432 bytes and 150,528 more are worth seven.
    assert _native((number, 512, 512, 3), (224, 224), 64) is not None
    assert asked == [helpers]


def test_threads_lower_and_call_at_the_same_time() -> None:
    meet = threading.Barrier(4)

    def act(seed: int) -> list[np.ndarray]:
        meet.wait()
        return [np.asarray(jax.jit(_resized, static_argnums=1)(NOISE, 5 + (turn + seed) // 2)) for turn in range(8)]

    with ThreadPoolExecutor(4) as executor:
        found = list(executor.map(act, range(4)))
    for seed, results in enumerate(found):
        for turn, result in enumerate(results):
            assert_same(result, _resized(NOISE, 5 + (turn + seed) // 2))


def _lower_at_once() -> None:
    """In a child: two threads lower the first programs of a process."""
    sys.setswitchinterval(1e-6)
    wanted, meet = [_resized(NOISE, 20 + i) for i in range(2)], threading.Barrier(2)

    def act(i: int) -> np.ndarray:
        meet.wait()
        return np.asarray(jax.jit(_resized, static_argnums=1)(NOISE, 20 + i))

    with ThreadPoolExecutor(2) as executor:
        for result, expected in zip(executor.map(act, range(2)), wanted, strict=True):
            assert_same(result, expected)
    assert _jax_cpu.serving().why == ""
    assert _is_called(NOISE)
    assert_same(np.asarray(jax.jit(_resized)(NOISE)), wanted[0])


def test_threads_may_be_the_first_to_lower_at_the_same_time() -> None:
    command = [sys.executable, "-c", "from tests.backends import test_jax_cpu as here; here._lower_at_once()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stderr}"
