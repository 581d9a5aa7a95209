"""Tensors that are spread over processes: each resizes the images that it holds."""

from __future__ import annotations

import pytest

from tests.pipelines.process import output_of

torch = pytest.importorskip("torch", reason="torch is not installed")


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without torch.distributed")
def test_two_processes_resize_what_they_hold() -> None:
    output_of("-m", "tests.backends.shards", seconds=120.0)
