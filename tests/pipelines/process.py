"""A process of its own for what might hang: it has ended, with all that it started, before a test goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def output_of(*arguments: str, seconds: float = 60.0) -> str:
    """What a fresh interpreter prints, which must exit with 0 in time; warnings are errors there as in these tests."""
    command = [sys.executable, "-W", "error", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes) as started:  # type: ignore[call-overload]
        try:
            out, err = started.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            # Its workers too: a session holds them together.
            os.killpg(started.pid, signal.SIGKILL)
            raise
    assert started.returncode == 0, err
    return str(out)
