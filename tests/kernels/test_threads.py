"""Threads change nothing but the time: in one process, in workers, in signal handlers, and at the end."""

from __future__ import annotations

import contextvars
import importlib.util
import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._core import processors
from portresize._core.report import assert_same
from portresize._core.threads import VARIABLE, number_of_threads
from portresize._kernels.llvm.host import host
from tests.serving import without_kernels

if host().isa is None:
    pytest.skip(f"no kernels: {host().why}", allow_module_level=True)

ROOT = Path(__file__).parents[2]
RANDOM = np.random.default_rng(11)


def _noise(*shape: int, dtype: str = "uint8") -> np.ndarray:
    if dtype.startswith("float"):
        return RANDOM.normal(0.0, 100.0, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return RANDOM.integers(limits.min, limits.max, shape, dtype, endpoint=True)


# All large enough for threads; first and last those with fewer rows or items than threads.
CASES: dict[str, tuple[np.ndarray, str, dict[str, Any]]] = {
    "one row": (_noise(1, 300_000), "resize", {"size": (1, 40_000), "layout": "HW"}),
    "two rows": (_noise(5, 90_000, 3), "resize", {"size": (2, 8_000), "layout": "HWC"}),
    "L": (_noise(900, 800), "resize", {"size": (301, 203)}),
    "L up": (_noise(90, 80), "resize", {"size": (901, 803), "layout": "HW"}),
    "LA": (_noise(600, 500, 2), "resize", {"size": (203, 101), "mode": "LA", "layout": "HWC"}),
    "RGB": (_noise(600, 500, 3), "resize", {"size": (203, 101)}),
    "RGB, height first": (_noise(3000, 200, 3), "resize", {"size": (70, 190)}),
    "RGB, height alone": (_noise(600, 500, 3), "resize", {"size": (203, 500)}),
    "RGB, width alone": (_noise(600, 500, 3), "resize", {"size": (600, 120)}),
    "LAB": (_noise(600, 500, 3), "resize", {"size": (203, 101), "mode": "LAB"}),
    "RGBA": (_noise(600, 500, 4), "resize", {"size": (203, 101)}),
    "RGBA with a gap": (_noise(600, 500, 4), "resize", {"size": (53, 41), "reducing_gap": 1.5}),
    "RGB in a box": (_noise(600, 500, 3), "resize", {"size": (203, 101), "box": (20.5, 31.25, 480.0, 590.5)}),
    "I;16": (_noise(600, 500, dtype="uint16"), "resize", {"size": (203, 301), "resample": "lanczos"}),
    "I;16 in bytes": (_noise(600, 500, dtype="uint16"), "resize", {"size": (203, 301), "dialect": "pillow-11"}),
    "I": (_noise(600, 500, dtype="int32"), "resize", {"size": (203, 301)}),
    "F": (_noise(600, 500, dtype="float32"), "resize", {"size": (203, 301), "resample": "hamming"}),
    "float64": (_noise(600, 500, dtype="float64"), "resize", {"size": (203, 301)}),
    "nearest": (_noise(600, 500, 3), "resize", {"size": (403, 301), "resample": "nearest"}),
    "crop": (_noise(600, 500, 3), "resize", {"size": (400, 450), "box": (20, 30, 470, 430)}),
    "pad": (_noise(600, 500, 3), "pad", {"size": (300, 400), "color": (1, 2, 3)}),
    "reduce": (_noise(601, 503, 3), "reduce", {"factor": (4, 3)}),
    "reduce to one row": (_noise(601, 503, dtype="float32"), "reduce", {"factor": (700, 3), "layout": "HW"}),
    "five images": (_noise(5, 200, 300, 3), "resize", {"size": (50, 60), "layout": "NHWC"}),
    "many small images": (_noise(300, 40, 30), "resize", {"size": (11, 12), "layout": "NHW"}),
    "planes": (_noise(2, 3, 300, 200), "resize", {"size": (50, 60), "layout": "NCHW"}),
    "upside down": (_noise(600, 500, 3)[::-1, ::-1], "resize", {"size": (203, 101)}),
    "bands last but not least": (_noise(400, 300, 7), "resize", {"size": (53, 61), "layout": "HWC"}),
    "images last": (_noise(200, 300, 7), "resize", {"size": (53, 61), "layout": "HWN"}),
}


def _call(name: str) -> np.ndarray:
    image, verb, words = CASES[name]
    return np.asarray(getattr(portresize, verb)(image, **words))


@pytest.mark.parametrize("name", CASES)
def test_any_number_of_threads_gives_the_same_bytes(name: str) -> None:
    image = CASES[name][0]
    before = image.copy()
    with without_kernels():
        expected = _call(name)
    for number in (1, 2, 3, 8, 2):
        with portresize.threads(number):
            assert_same(_call(name), expected)
    assert_same(image, before)


def test_a_block_holds_inside_and_blocks_are_nested() -> None:
    outside = number_of_threads()
    with portresize.threads(3):
        assert number_of_threads() == 3
        with portresize.threads(1):
            assert number_of_threads() == 1
        assert number_of_threads() == 3
        with pytest.raises(KeyError), portresize.threads(2):
            raise KeyError
        assert number_of_threads() == 3
    assert number_of_threads() == outside


@pytest.mark.parametrize("number", [np.int64(3), np.uint8(3)])
def test_any_integer_is_a_number(number: Any) -> None:
    with portresize.threads(number):
        assert number_of_threads() == 3


def test_a_bad_number_is_an_error_before_the_block() -> None:
    with pytest.raises(ValueError, match="`number` is 0, expected an integer >= 1"):
        portresize.threads(0)


def test_a_block_may_end_in_another_context() -> None:
    # As that of an asynchronous generator which nobody finished.
    def generate() -> Generator[int]:
        with portresize.threads(3):
            yield number_of_threads()

    outside, generator = number_of_threads(), generate()
    assert contextvars.copy_context().run(next, generator) == 3
    generator.close()
    assert number_of_threads() == outside


def test_a_block_holds_for_its_own_thread() -> None:
    outside = number_of_threads()
    with portresize.threads(outside + 1), ThreadPoolExecutor(1) as pool:
        assert pool.submit(number_of_threads).result() == outside


def test_the_default_is_the_number_of_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert number_of_threads() == processors.available()


def test_the_environment_sets_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "5")
    assert number_of_threads() == 5
    with portresize.threads(2):
        assert number_of_threads() == 2
    code = "from portresize._core.threads import number_of_threads as n; print(n())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "5\n"


@pytest.mark.parametrize("text", ["0", "-1", "two", "2.5", " "])
def test_the_environment_may_be_wrong(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ValueError, match="PORTRESIZE") as caught:
        _call("RGB")
    assert str(caught.value) == f"the environment variable PORTRESIZE_NUM_THREADS is {text!r}, expected an integer >= 1"
    with portresize.threads(2):
        _call("RGB")


def test_a_call_for_the_first_time_on_many_threads() -> None:
    # Each round is a request that nobody has made, so that all threads prepare it at once.
    image = CASES["RGB"][0]
    meet = threading.Barrier(8)

    def act(turn: int) -> np.ndarray:
        meet.wait()
        with portresize.threads(1 + turn % 3):
            return portresize.resize(image, (90 + turn, 103), "bilinear")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            results = [[pool.submit(act, turn) for _ in range(8)] for turn in range(30)]
    finally:
        sys.setswitchinterval(interval)
    for turn, futures in enumerate(results):
        with without_kernels():
            expected = portresize.resize(image, (90 + turn, 103), "bilinear")
        for future in futures:
            assert_same(future.result(), expected)


def test_many_threads_call_with_threads_of_their_own() -> None:
    names = list(CASES)
    with without_kernels():
        expected = {name: _call(name) for name in names}

    def act(seed: int) -> list[str]:
        order = np.random.default_rng(seed).permutation(len(names))
        wrong = []
        for turn, i in enumerate(order):
            with portresize.threads(1 + (seed + turn) % 3):
                result = _call(names[i])
            if not np.array_equal(result, expected[names[i]]):
                wrong.append(names[i])
        return wrong

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(act, range(8))) == [[]] * 8
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("number", [1, 2])
def test_the_interpreter_is_free_meanwhile(number: int) -> None:
    image, size = np.zeros((3000, 3000), np.float32), (2000, 2500)
    steps, is_over = [0], threading.Event()

    def count() -> None:
        while not is_over.is_set():
            steps[0] += 1
            time.sleep(0)

    with portresize.threads(number):
        portresize.resize(image, size, "lanczos")
        # From now on a thread that waits for the interpreter gets it only when another one gives it away.
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1000.0)
        counting = threading.Thread(target=count)
        try:
            counting.start()
            before = steps[0]
            portresize.resize(image, size, "lanczos")
            assert steps[0] > before
        finally:
            is_over.set()
            sys.setswitchinterval(interval)
            counting.join()


def _worker(act: str) -> None:
    """Let `tests.kernels.workers` do something; what hangs has ended after a minute."""
    command = [sys.executable, "-m", "tests.kernels.workers", act]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_use_one_thread_unless_asked(method: str) -> None:
    _worker(method)


def test_workers_of_torch_use_one_thread() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    _worker("loader")


linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, counts threads or sets timers as Linux does")


@linux
def test_a_forked_child_has_threads_of_its_own() -> None:
    _worker("plain fork")


@linux
def test_threads_are_started_when_there_is_enough_to_do() -> None:
    _worker("counted")


def test_helpers_are_no_threads_of_python() -> None:
    _worker("replaced threads")


@linux
def test_no_more_helpers_are_woken_than_can_help() -> None:
    _worker("woken")


def test_no_thread_that_flushes_subnormal_numbers_changes_a_result() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed, which can let a thread take them for 0")
    _worker("subnormal")


@linux
def test_a_handler_that_raises_leaves_no_signal_blocked() -> None:
    _worker("masked")


@linux
@pytest.mark.parametrize("act", ["handler", "handler at first"])
def test_a_signal_handler_may_resize_while_its_thread_does(act: str) -> None:
    _worker(act)


@linux
def test_a_call_that_a_signal_ends_leaves_nobody_writing() -> None:
    _worker("raising handler")


@pytest.mark.parametrize("act", ["used", "busy at exit"])
def test_the_interpreter_ends_in_peace(act: str) -> None:
    for _ in range(10):
        _worker(act)
