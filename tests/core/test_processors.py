"""The default number of threads is what the system grants this process, and one in a worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portresize._core import processors

if not hasattr(os, "sched_getaffinity"):
    pytest.skip("this system has no affinity", allow_module_level=True)


def _root(folder: Path, **files: str) -> Path:
    """A file system with a file for each name, in which `__` stands for a slash."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(autouse=True)
def _sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.delenv(processors.OPENMP, raising=False)


V2 = {"proc__self__cgroup": "0::/a/b\n"}
V1 = {"proc__self__cgroup": "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/y\n0::/\n"}
GROUPS = "sys__fs__cgroup__"


@pytest.mark.parametrize(
    ("files", "number"),
    [
        ({}, 16),
        (V2, 16),
        (V2 | {f"{GROUPS}a__b__cpuDOTmax": "max 100000\n"}, 16),
        (V2 | {f"{GROUPS}a__b__cpuDOTmax": "300000 100000\n"}, 3),
        (V2 | {f"{GROUPS}a__b__cpuDOTmax": "150000 100000\n"}, 2),
        (V2 | {f"{GROUPS}a__b__cpuDOTmax": "50000 100000\n"}, 1),
        (V2 | {f"{GROUPS}a__b__cpuDOTmax": "9000000 100000\n"}, 16),
        # A group is limited by those that hold it too.
        (V2 | {f"{GROUPS}a__b__cpuDOTmax": "800000 100000\n", f"{GROUPS}a__cpuDOTmax": "400000 100000\n"}, 4),
        # As in a container, where the path is that of the host.
        (V2 | {f"{GROUPS}cpuDOTmax": "200000 100000\n"}, 2),
        (V2 | {f"{GROUPS}a__b__cpuDOTmax": "gibberish"}, 16),
        (V2 | {f"{GROUPS}a__b__cpuDOTmax": "100000 0"}, 16),
        ({"proc__self__cgroup": "gibberish"}, 16),
        (V1, 16),
        (
            V1
            | {
                f"{GROUPS}cpu,cpuacct__docker__x__cpuDOTcfs_quota_us": "250000\n",
                f"{GROUPS}cpu,cpuacct__docker__x__cpuDOTcfs_period_us": "100000\n",
            },
            3,
        ),
        (V1 | {f"{GROUPS}cpu__cpuDOTcfs_quota_us": "200000\n", f"{GROUPS}cpu__cpuDOTcfs_period_us": "50000\n"}, 4),
        (V1 | {f"{GROUPS}cpu__cpuDOTcfs_quota_us": "-1\n", f"{GROUPS}cpu__cpuDOTcfs_period_us": "100000\n"}, 16),
        (V1 | {f"{GROUPS}cpu__cpuDOTcfs_quota_us": "200000\n"}, 16),
    ],
)
def test_a_quota_bounds_the_number(files: dict[str, str], number: int, tmp_path: Path) -> None:
    assert processors.available(_root(tmp_path, **files)) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 16),
        ("4", 4),
        (" 4 ", 4),
        ("4,2", 4),
        ("99", 16),
        ("0", 16),
        ("-3", 16),
        ("four", 16),
        ("4.5", 16),
        ("9" * 5000, 16),
    ],
)
def test_the_variable_of_openmp_bounds_the_number(
    text: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(processors.OPENMP, text)
    assert processors.available(tmp_path) == number


def _printed(code: str, **env: str) -> str:
    clean = {
        name: value for name, value in os.environ.items() if name not in {processors.OPENMP, "PORTRESIZE_NUM_THREADS"}
    }
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(command, env=clean | env, capture_output=True, text=True, check=True, timeout=60).stdout


FORK = """
import os, sys
import portresize
from portresize._core.threads import number_of_threads
if os.fork():
    os.wait()
else:
    print(number_of_threads())
    with portresize.threads(3):
        print(number_of_threads())
"""


def test_a_forked_child_uses_one_thread_unless_asked() -> None:
    assert _printed(FORK) == "1\n3\n"
    assert _printed(FORK, PORTRESIZE_NUM_THREADS="5") == "5\n3\n"


def test_a_process_of_its_own_reads_the_variable_of_openmp() -> None:
    code = "from portresize._core.threads import number_of_threads as n; print(n())"
    assert _printed(code, OMP_NUM_THREADS="1") == "1\n"
    assert _printed(code, OMP_NUM_THREADS="1", PORTRESIZE_NUM_THREADS="7") == "7\n"


WORKERS = {
    "multiprocess": "import multiprocess\nmap_ = multiprocess.get_context('spawn').Pool(2).map",
    "joblib": "import joblib\nmap_ = lambda f, x: joblib.Parallel(2)(joblib.delayed(f)(i) for i in x)",
}


@pytest.mark.parametrize("library", WORKERS)
def test_workers_of_other_libraries_use_one_thread(library: str) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    code = f"""
def count(_):
    import os
    os.environ.pop("OMP_NUM_THREADS", None)
    from portresize._core.threads import number_of_threads
    return number_of_threads()
if __name__ == "__main__":
    {WORKERS[library].replace(chr(10), chr(10) + "    ")}
    print(*map_(count, range(2)))
"""
    assert _printed(code) == "1 1\n"
