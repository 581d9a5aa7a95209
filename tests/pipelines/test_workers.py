"""Worker processes resize numpy arrays after jax has run in their parent: none waits for a thread that is not there."""

from __future__ import annotations

import importlib.util
import multiprocessing
import subprocess
import sys

import pytest

from tests.pipelines.process import output_of

if importlib.util.find_spec("jax") is None:
    pytest.skip("jax is not installed", allow_module_level=True)


# Only numpy arrays: jax itself is known to hang in a forked child.
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_resize_after_jax_has_run_in_their_parent(method: str) -> None:
    output_of("-m", "tests.pipelines.workers", method)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_child_resizes_that_was_forked_while_jax_resized() -> None:
    output_of("-m", "tests.pipelines.workers", "fork while busy")


def test_a_process_that_hangs_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        output_of("-c", "import time; time.sleep(60)", seconds=0.5)
