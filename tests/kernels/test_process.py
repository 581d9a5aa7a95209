"""No state of the process changes a result: signal handlers, locales, 64 threads, the end of the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = """
import sys
import numpy as np
import portresize
bytes_ = np.random.default_rng(0).integers(0, 256, (600, 500, 3), np.uint8)
floats = bytes_[..., 0].astype(np.float32)
def digest():
    import hashlib
    with portresize.threads(2):
        results = portresize.resize(bytes_, (90, 80)), portresize.resize(floats, (30, 40), "lanczos", layout="HW")
    return hashlib.sha256(b"".join(result.tobytes() for result in results)).hexdigest()
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="sets timers as Linux does")
KERNELS = pytest.mark.parametrize("kernels", ["", "none"], ids=["kernels", "steps"])


def _digest() -> str:
    found: dict[str, object] = {}
    exec(IMAGES, found)  # noqa: S102  what the children do too
    return str(found["digest"]())  # type: ignore[operator]  # a function


def _printed(code: str, **env: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", IMAGES + code],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


HANDLER = """
import signal, time
seen = []
def handle(*_):
    seen.append(digest())
    if len(seen) < 12:
        signal.setitimer(signal.ITIMER_REAL, 0.003)
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, {after})
first = digest()
while len(seen) < 12:
    time.sleep(0.001)  # `pause` would miss a signal that comes just before.
print(first, *seen)
"""


@linux
@KERNELS
@pytest.mark.parametrize("after", [0.0005, 0.01, 0.05])
def test_a_signal_handler_may_resize_during_the_first_call(kernels: str, after: float) -> None:
    found = _printed(HANDLER.format(after=after), PORTRESIZE_ISA=kernels)
    assert found == [_digest()] * 13


@linux
def test_a_signal_handler_may_fork_during_the_first_call() -> None:
    code = """
import os, signal
children = []
def handle(*_):
    child = os.fork()
    if child:
        children.append(child)
        signal.setitimer(signal.ITIMER_REAL, 0.01 if len(children) < 6 else 0)
    else:
        signal.alarm(60)
signal.signal(signal.SIGALRM, handle)
main = os.getpid()
signal.setitimer(signal.ITIMER_REAL, 0.001)
os.write(1, (digest() + "\\n").encode())  # At once: several processes write.
if os.getpid() != main:
    os._exit(0)
signal.setitimer(signal.ITIMER_REAL, 0)
assert children and [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)
"""
    assert set(_printed(code)) == {_digest()}


@KERNELS
@pytest.mark.parametrize("name", ["de_DE.UTF-8", "fr_FR.UTF-8", "hi_IN.UTF-8", "tr_TR.UTF-8"])
def test_no_locale_changes_a_result(name: str, kernels: str, tmp_path: Path) -> None:
    # Compiled here, because images of systems have few.
    language, _, charset = name.partition(".")
    made = subprocess.run(
        ["localedef", "-i", language, "-f", charset, tmp_path / name], capture_output=True, check=False
    )
    if made.returncode and not (tmp_path / name).is_dir():
        pytest.skip(f"localedef makes no {name}: {made.stderr.decode().strip()}")
    code = f"""
import locale
locale.setlocale(locale.LC_ALL, {name!r})
print(digest())
"""
    assert _printed(code, LOCPATH=str(tmp_path), PORTRESIZE_ISA=kernels) == [_digest()]


@KERNELS
def test_sixty_four_threads_call_for_the_first_time(kernels: str) -> None:
    code = """
import threading
sys.setswitchinterval(1e-6)
meet, found = threading.Barrier(64), []
def act():
    meet.wait()
    found.append(digest())
threads = [threading.Thread(target=act) for _ in range(64)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(*found)
"""
    assert _printed(code, PORTRESIZE_ISA=kernels) == [_digest()] * 64


@KERNELS
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "again"])
def test_a_resize_at_exit(is_first: bool, kernels: str) -> None:
    before = "" if is_first else "digest()\n"
    code = "import atexit\natexit.register(lambda: print(digest()))\n"
    # Before and after the functions that portresize itself registers.
    assert _printed(code + before + code, PORTRESIZE_ISA=kernels) == [_digest()] * 2
