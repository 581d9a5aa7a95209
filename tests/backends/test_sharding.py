"""Sharded images in jax: no communication along the batch, right results along every axis."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from portresize._kernels.llvm.host import host

pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
ROOT = Path(__file__).parents[2]


def _start(*words: str, isa: str = "") -> subprocess.Popen[str]:
    environment = os.environ | ({"PORTRESIZE_ISA": isa} if isa else {})
    return subprocess.Popen(
        [sys.executable, "-m", "tests.backends.devices", *words],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _answer(process: subprocess.Popen[str]) -> Any:
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(out.splitlines()[-1])


@cache
def _on_eight(isa: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = _answer(_start(isa=isa))
    return found


@pytest.fixture(params=["kernels", "steps"])
def found(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """All answers, of the custom call and of operations of XLA."""
    if request.param == "kernels" and host().isa is None:
        pytest.skip(f"no kernels: {host().why}")
    return _on_eight("" if request.param == "kernels" else "none")


def test_every_result_is_that_of_one_device(found: dict[str, dict[str, Any]]) -> None:
    assert [name for name, answer in found.items() if not answer["equal"]] == []
    assert len(found) == 32


def test_a_batch_stays_where_it_is(found: dict[str, dict[str, Any]]) -> None:
    batches = {name: answer for name, answer in found.items() if "height" not in name and "width" not in name}
    assert len(batches) == 16
    for name, answer in batches.items():
        if "gradient" not in name:
            assert answer["collectives"] == [], name
        expected = ["d", None, None, None]
        assert answer["spec"] == (expected[::-1] if "last" in name else expected), name


def test_an_image_in_pieces_is_put_together(found: dict[str, dict[str, Any]]) -> None:
    pieces = {name: answer for name, answer in found.items() if "height" in name or "width" in name}
    assert len(pieces) == 16
    # So that a compiler which found another way would be seen.
    known = [["all-gather"], ["all-reduce"], ["all-gather", "all-reduce"]]
    assert [name for name, answer in pieces.items() if answer["collectives"] not in known] == []
    explicit = [answer["spec"] for name, answer in pieces.items() if name.startswith("Explicit")]
    assert explicit == [[None] * 4] * 8


def test_there_is_one_call_for_a_batch() -> None:
    if host().isa is None:
        pytest.skip(f"no kernels: {host().why}")
    assert {answer["calls"] for name, answer in _on_eight("").items() if "gradient" not in name} == {1}
    assert {answer["calls"] for answer in _on_eight("none").values()} == {0}


def test_two_processes_agree() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    for answer in [_answer(process) for process in [_start(port, str(i)) for i in range(2)]]:
        assert answer == {"shape": [8, 24, 40, 4], "shards": 4, "equal": True, "collectives": []}
