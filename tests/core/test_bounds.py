"""Work is bounded before it begins: what cannot be held is refused at once, and what can costs what it has samples."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import portresize
from portresize._core import plan as plans
from portresize._core import room
from portresize._core.spec import Spec
from tests.serving import without_kernels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IMAGE = np.zeros((5, 7), np.uint8)
LARGE = (2**20, 2**20)

REFUSED: dict[str, Callable[[], Any]] = {
    "cover": lambda: portresize.cover(np.zeros((1, 100), np.uint8), (2**19, 2**20)),
    "resize": lambda: portresize.resize(IMAGE, LARGE),
    "nearest": lambda: portresize.resize(IMAGE, LARGE, "nearest"),
    "floats": lambda: portresize.resize(IMAGE.astype(np.float32), LARGE),
    "gap": lambda: portresize.resize(IMAGE, LARGE, reducing_gap=1.5),
    "moved": lambda: portresize.resize(IMAGE.astype(np.int64), LARGE, "nearest"),
    "empty": lambda: portresize.resize(np.zeros((0, 7), np.uint8), LARGE),
    "batch": lambda: portresize.resize(np.broadcast_to(IMAGE, (2**30, 5, 7)), (2**10, 2**10), layout="NHW"),
    "contain": lambda: portresize.contain(IMAGE, LARGE),
    "fit": lambda: portresize.fit(IMAGE, LARGE),
    "pad": lambda: portresize.pad(IMAGE, LARGE),
    "scale": lambda: portresize.scale(IMAGE, 2.0**18),
    "reduce": lambda: portresize.reduce(IMAGE, 1, box=(0, 0, 2**19, 2**20)),
    # A million rows of a million samples lie between the passes, of 2**22 samples before and 10**7 after.
    "between": lambda: portresize.resize(np.zeros((2**20, 4), np.uint8), (10, 2**20), dialect="pillow-12.1"),
}


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    warm()


def warm() -> None:
    """Import and generate what is no work of a request."""
    for resample in ("nearest", "bicubic"):
        portresize.resize(IMAGE, (3, 3), resample)


def _fail(*_: object, **__: object) -> None:
    pytest.fail("a table was made")


@pytest.mark.parametrize("name", REFUSED)
def test_a_result_beyond_the_memory_is_refused_before_any_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for maker in ("taps", "nearest"):
        monkeypatch.setattr(plans, maker, _fail)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        with pytest.raises(MemoryError, match=r"would take [\d,.]+ GiB, and this process can hold [\d,.]+ GiB"):
            REFUSED[name]()
        times.append(time.perf_counter() - start)
    # Often one, of which ten are promised.
    assert min(times) < 0.01


def test_other_libraries_refuse_as_early() -> None:
    for library in ("torch", "jax.numpy"):
        xp = pytest.importorskip(library)
        for act in (portresize.resize, portresize.cover):
            with pytest.raises(MemoryError, match="this process can hold"):
                act(xp.zeros((5, 7)), LARGE)
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    with pytest.raises(MemoryError, match="this process can hold"):
        jax.jit(lambda x: portresize.resize(x, LARGE))(jax.numpy.zeros((5, 7), np.uint8))
    for dtype in (torch.float16, torch.bfloat16):
        with pytest.raises(MemoryError, match="this process can hold"):
            portresize.resize(torch.zeros((2**10, 5, 7), dtype=dtype), (2**15, 2**15), layout="NHW")


@pytest.mark.parametrize(("source", "result", "resample"), [(1000, 10**7, 3), (10**7, 1000, 3), (1000, 10**7, 0)])
def test_a_table_beyond_the_memory_is_refused(
    source: int, result: int, resample: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "largest", lambda: 1 << 28)
    with pytest.raises(MemoryError, match=r"of \d+ (weights|places) would take"):
        plans.plan(Spec("HW", "L", "pillow-13", size=(1, result), resample=resample), (1, source))


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_request_that_is_remembered_is_refused_once_too_little_is_left(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pytest.importorskip(library).zeros((64, 64))
    portresize.resize(image, (2**13, 2**13), "nearest")
    monkeypatch.setattr(room, "largest", lambda: (1 << 28) - 1)
    with pytest.raises(MemoryError, match="a result of"):
        portresize.resize(image, (2**13, 2**13), "nearest")


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_steps_refuse_what_they_cannot_hold_between_them(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    xp = pytest.importorskip(library)
    # 10**7 samples a band between the passes: 40 MB in float32, 640 MB in 16 bands.
    image = xp.ones((2500, 4, 16), dtype=xp.float32)
    act = partial(portresize.resize, image, (10, 4000), "bilinear", layout="HWC", dialect="pillow-12.1")
    monkeypatch.setattr(room, "largest", lambda: 1 << 29)
    assert act().shape == (10, 4000, 16)
    with without_kernels(), pytest.raises(MemoryError, match=r"a step makes .* 2500 x 4000 samples a band, would take"):
        act()


def peak(act: Callable[[], Any]) -> int:
    """Return the most bytes that `act` holds at a time."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


HIGH = np.broadcast_to(np.uint8(3), (2**31 - 1, 4))
PROPORTIONAL: dict[str, Callable[[], Any]] = {
    "nearest of a tall image": lambda: portresize.resize(HIGH, (4, 4), "nearest"),
    "nearest of a wide image": lambda: portresize.resize(HIGH.T, (4, 4), "nearest"),
    "nearest of 2 bands": lambda: portresize.resize(np.broadcast_to(HIGH[..., None], (2**31 - 1, 4, 2)), (4, 4), 0),
    "crop of a tall image": lambda: portresize.resize(HIGH, (4, 4), box=(0, 7, 4, 11)),
    "end of a tall image": lambda: portresize.resize(HIGH, (4, 4), box=(0, 2**30, 4, 2**30 + 256)),
    "end of a wide image": lambda: portresize.resize(HIGH.T, (4, 4), box=(2**28, 0, 2**28 + 32, 4)),
    "average of a part": lambda: portresize.reduce(HIGH, 2, box=(0, 7, 4, 31)),
    "average by a million": lambda: portresize.reduce(np.zeros((10**6, 1), np.uint8), (10**6, 1)),
    "average by more than there is": lambda: portresize.reduce(np.zeros((10, 10), np.uint8), 2**62),
}


@pytest.mark.parametrize("isa", [None, "none"], ids=["kernels", "steps"])
def test_long_axes_cost_what_is_read_of_them(isa: str | None, request: pytest.FixtureRequest) -> None:
    code = """
from tests.core import test_bounds
test_bounds.warm()
for name, act in test_bounds.PROPORTIONAL.items():
    peak = test_bounds.peak(act)
    assert peak < 8 << 20, (name, peak)
"""
    env = os.environ | ({"PORTRESIZE_ISA": isa} if isa else {})
    command = [sys.executable, "-c", code]
    subprocess.run(command, check=True, env=env, cwd=request.config.rootpath, timeout=120)


@pytest.mark.parametrize("sides", [(10**3, 3 * 10**5), (3 * 10**5, 10**3)], ids=["enlarged", "shrunk"])
def test_memory_is_proportional_to_weights(sides: tuple[int, int]) -> None:
    source, result = sides
    weights = result * (4 * max(source // result, 1) + 1)
    # As doubles, as integers, as kernels read them, and as they are made of one another.
    assert peak(lambda: portresize.resize(np.zeros((1, source), np.uint8), (1, result))) < 50 * weights


@pytest.mark.parametrize(
    ("files", "least"),
    [
        ({}, 1 << 62),
        ({"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:      30 kB\nSwapTotal: 8 kB\nSwapFree:   2 kB\n"}, 32 << 10),
        ({"proc/meminfo": "MemTotal: nothing"}, 1 << 62),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "5000\n"}, 5000),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, 1 << 62),
        (
            {"proc/self/cgroup": "5:memory:/docker/x\n", "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "7\n"},
            7,
        ),
    ],
)
def test_what_a_process_can_hold(
    files: dict[str, str], least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert room.largest(tmp_path) == least
    monkeypatch.setattr(resource, "getrlimit", lambda _: (3, 4))
    assert room.largest(tmp_path) == 3
