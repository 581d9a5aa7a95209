"""What the tests of threads run in processes of their own, where a stale lock or helper would hang or kill them.

    python -m tests.kernels.workers fork

exits with 0 if all results are right.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Any

import numpy as np

import portresize
from portresize._core.threads import number_of_threads
from tests.serving import without_kernels

# Larger than what is left to the calling thread.
SOURCE = (700, 600, 3)


@cache
def image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, SOURCE, np.uint8)


@cache
def expected(size: tuple[int, int], resample: str = "bicubic", seed: int = 0) -> np.ndarray:
    """What the numpy steps give."""
    with without_kernels():
        return np.asarray(portresize.resize(image(seed), size, resample))


def is_right(size: tuple[int, int], resample: str = "bicubic", seed: int = 0) -> bool:
    return np.array_equal(portresize.resize(image(seed), size, resample), expected(size, resample, seed))


def used_before() -> None:
    """Helpers are there, and have worked."""
    expected.cache_clear()
    with portresize.threads(3):
        assert is_right((90, 100))


def work(seed: int) -> tuple[int, int]:
    """In a worker: how many threads it may use, and how many it may where it asks for two; right results."""
    assert is_right((90, 100), seed=seed)
    default = number_of_threads()
    with portresize.threads(2):
        assert is_right((90, 100), seed=seed)
        assert is_right((101, 37), "box", seed=seed)
        return default, number_of_threads()


def processes(method: str) -> None:
    """Workers of `multiprocessing`, when helpers have worked in this process."""
    used_before()
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(work, range(4)) == [(1, 2)] * 4
    used_before()


def plain_fork() -> None:
    """A child that is no worker, forked while another thread resizes."""
    used_before()
    is_over = threading.Event()
    wrong: list[int] = []

    def resize() -> None:
        with portresize.threads(2):
            wrong.extend(turn for turn, _ in enumerate(iter(is_over.is_set, True)) if not is_right((90, 100)))

    busy = threading.Thread(target=resize)
    busy.start()
    for _ in range(20):
        child = os.fork()
        if not child:
            with portresize.threads(3):
                os._exit(0 if is_right((90, 100)) and is_right((60, 70), "hamming") else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    is_over.set()
    busy.join()
    assert not wrong


class Images:
    """A data set for torch's DataLoader."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        import torch

        return torch.from_numpy(portresize.resize(image(index), (90, 100))), number_of_threads()


def loader() -> None:
    """Workers of torch's DataLoader."""
    from torch.utils.data import DataLoader

    used_before()
    loaded = list(DataLoader(Images(), batch_size=2, num_workers=2, timeout=60))
    assert [numbers.tolist() for _, numbers in loaded] == [[1, 1]] * 3
    results = np.concatenate([images.numpy() for images, _ in loaded])
    assert np.array_equal(results, [expected((90, 100), seed=seed) for seed in range(6)])


def _interrupt(act: Callable[[int], None], count: int) -> Callable[[], bool]:
    """Let `act` run in the midst of whatever this thread does, so many times: whether that is over."""
    left = [count]

    def handle(_: int, __: FrameType | None) -> None:
        left[0] -= 1
        act(left[0])
        if left[0] > 0:
            # Not before: on a busy machine handlers would pile up.
            signal.setitimer(signal.ITIMER_REAL, 0.001)

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    return lambda: left[0] <= 0


def handler() -> None:
    """A signal handler resizes while its thread does: the same, something else, and on other threads."""
    sizes = [(90, 100), (91, 100), (33, 200)]
    for size in sizes:
        expected(size)
    wrong: list[tuple[int, int]] = []

    def act(left: int) -> None:
        with portresize.threads(1 + left % 3):
            size = sizes[left % 2]
            if not is_right(size):
                wrong.append(size)

    is_over = _interrupt(act, 300)
    with portresize.threads(2):
        while not is_over():
            for size in sizes:
                assert is_right(size)
    assert not wrong


def handler_at_first() -> None:
    """A signal handler needs kernels that nobody has asked for while others are generated."""
    bands = [image()[..., 0], image()[..., :2].copy(), image(), np.dstack([image(), image()[..., 0]])]
    wide = [image()[..., 0].astype(dtype) for dtype in ("float32", "int32", "uint16", "float64")]
    sizes = [(90, 100), (700, 100), (90, 600), (690, 70)]
    assert is_right((20, 30))

    def resize(arrays: list[np.ndarray]) -> list[np.ndarray]:
        layouts = ["HWC" if array.ndim == 3 else "HW" for array in arrays]
        pairs = [(array, layout, size) for array, layout in zip(arrays, layouts, strict=True) for size in sizes]
        return [portresize.resize(array, size, layout=layout) for array, layout, size in pairs]

    with without_kernels():
        expected_here, expected_there = resize(bands), resize(wide)
    results: dict[int, list[np.ndarray]] = {}

    def act(left: int) -> None:
        results[left] = resize([wide[left]])

    is_over = _interrupt(act, 4)
    with portresize.threads(2):
        here = resize(bands)
    while not is_over():
        signal.pause()
    there = [result for left in range(4) for result in results[left]]
    assert all(map(np.array_equal, here + there, expected_here + expected_there))


class AlarmError(Exception):
    """What a signal handler raises here."""


def raising_handler() -> None:
    """A signal handler raises, as that of Ctrl-C does: the call ends when no thread writes into its memory any more."""

    def act(_: int, __: FrameType | None) -> None:
        raise AlarmError

    signal.signal(signal.SIGALRM, act)
    seen = 0
    large = np.random.default_rng(0).random((3000, 3000)).astype(np.float32)
    # So many threads that some have not ended when the caller has.
    with portresize.threads(16):
        portresize.resize(large, (2500, 2800), "lanczos")
        for step in range(100):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.005 + 0.0003 * step)
                while True:
                    portresize.resize(large, (2500, 2800), "lanczos")
            except AlarmError as error:
                frames = [frame.f_locals for frame, _ in walk_tb(error.__traceback__)]
                # As bytes: before the call it is old memory, in which a float may be NaN and differ from itself.
                results = [frame["y"].view(np.uint8) for frame in frames if isinstance(frame.get("y"), np.ndarray)]
                before = [result.copy() for result in results]
                time.sleep(0.005)
                assert all(map(np.array_equal, before, results)), "somebody still writes"
                seen += len(results)
    assert seen


def threads_of_this_process() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def counted() -> None:
    """Threads are started when they are needed, and not before; more than can be are not an error."""
    before = threads_of_this_process()
    with portresize.threads(1):
        assert is_right((90, 100))
    with portresize.threads(3):
        portresize.resize(image()[:20, :20], (10, 10), layout="HWC")
    assert threads_of_this_process() == before
    with portresize.threads(3):
        assert is_right((90, 100))
    assert threads_of_this_process() == before + 2
    large = np.zeros((4000, 4000, 3), np.uint8)
    with portresize.threads(10_000):
        assert not portresize.resize(large, (1000, 900)).any()
    assert threads_of_this_process() == before + 255


def masked() -> None:
    """A signal arrives while helpers are started, which are not to get any; its handler raises."""
    from portresize._kernels import pool

    def act(_: int, __: FrameType | None) -> None:
        raise AlarmError

    used_before()
    (team,) = pool._TEAMS
    signal.signal(signal.SIGALRM, act)
    for turn in range(200):
        try:
            signal.setitimer(signal.ITIMER_REAL, 1e-6 * (1 + turn % 100))
            team.grow(team.asked + 1)
            while True:
                time.sleep(0.0001)
        except AlarmError:
            pass
        assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())
    used_before()


def switches() -> dict[str, int]:
    """How often each thread of this process went to sleep."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        line = next(line for line in (task / "status").read_text().splitlines() if line.startswith("voluntary_ctxt"))
        found[task.name] = int(line.split()[1])
    return found


def woken() -> None:
    """Where two threads are asked for, no third one wakes."""
    with portresize.threads(20):
        portresize.resize(np.zeros((2000, 2000, 3), np.uint8), (300, 400))
    time.sleep(0.2)
    before = switches()
    with portresize.threads(2):
        for _ in range(10):
            assert is_right((90, 100))
            time.sleep(0.02)
    after = switches()
    busy = [name for name, count in after.items() if count > before.get(name, 0)]
    # One helper each time, which may also have waited for its turn; all of them would be 190.
    assert len(after) >= 20
    assert sum(after[name] - before[name] for name in busy if name != str(os.getpid())) <= 40, (before, after)


def replaced_threads() -> None:
    """Nothing depends on threads of Python, in whose place others put what never runs beside its caller."""

    def start(_: threading.Thread) -> None:
        raise AssertionError

    threading.Thread.start = start  # type: ignore[assignment, method-assign]
    used_before()


def subnormal() -> None:
    """A thread that takes subnormal numbers for 0 starts the helpers; another one does not. Results are the same."""
    import torch

    x = (np.random.default_rng(0).random((600, 600)) * 1e-39).astype(np.float32)
    y = np.ones((600, 600), np.float32)
    with without_kernels():
        wanted = portresize.resize(x, (300, 300), "lanczos")
    assert (wanted != 0).any()
    for flush in (True, False, True):
        # Helpers are born at first.
        assert torch.set_flush_denormal(flush)
        with portresize.threads(3):
            portresize.resize(y, (300, 300))
            found = portresize.resize(x, (300, 300), "lanczos")
        assert torch.set_flush_denormal(False)
        assert np.array_equal(found, wanted)


def busy_at_exit() -> None:
    """The interpreter ends while another thread resizes."""
    used_before()

    def forever() -> None:
        with portresize.threads(2):
            while True:
                portresize.resize(image(), (500, 400), "lanczos")

    threading.Thread(target=forever, daemon=True).start()


ACTS: dict[str, Callable[[], None]] = {
    "fork": lambda: processes("fork"),
    "spawn": lambda: processes("spawn"),
    "forkserver": lambda: processes("forkserver"),
    "plain fork": plain_fork,
    "loader": loader,
    "handler": handler,
    "handler at first": handler_at_first,
    "raising handler": raising_handler,
    "counted": counted,
    "masked": masked,
    "woken": woken,
    "replaced threads": replaced_threads,
    "subnormal": subnormal,
    "used": used_before,
    "busy at exit": busy_at_exit,
}

if __name__ == "__main__":
    ACTS[sys.argv[1]]()
