"""Workers of torch's DataLoader resize on one thread each, after their parent has done so on several: none waits."""

from __future__ import annotations

import multiprocessing

import pytest

from tests.pipelines.process import output_of
from tests.torchvision_ops import missing

if reason := missing():
    pytest.skip(reason, allow_module_level=True)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_resize_after_their_parent_has(method: str) -> None:
    output_of("-m", "tests.pipelines.loaders", method, seconds=120)
