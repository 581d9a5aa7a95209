"""What the tests of torch's DataLoader run in processes of their own, where a lock that nobody gives back hangs them.

    python -m tests.pipelines.loaders fork

exits with 0 if all results are right. A spawned worker loads this file, and with it torch and torchvision.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
from PIL import Image

from tests.torchvision_ops import missing

if reason := missing():
    raise ModuleNotFoundError(reason)

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

import portresize
import portresize.torch
import portresize.torchvision
from portresize._core.threads import number_of_threads
from tests.oracle import DIALECT
from tests.pipelines.pictures import rgb
from tests.pipelines.workers import expect_warnings_of_fork

N_IMAGES = 12
# A spawned worker takes long to load torch, twice as long where two do.
N_WORKERS = {"spawn": 1}
SIZE = (24, 36)


def pillows(i: int) -> np.ndarray:
    """Image number `i` as the installed Pillow resizes it."""
    return np.asarray(Image.fromarray(rgb(i)).resize(SIZE[::-1], Image.Resampling.LANCZOS)).transpose(2, 0, 1)


class Images(Dataset[dict[str, Any]]):
    """One image at a time, resized in each way."""

    def __init__(self) -> None:
        self.module = portresize.torch.Resize(SIZE, "lanczos", dialect=DIALECT)
        self.pipeline = v2.Compose([portresize.torchvision.Resize(SIZE, "lanczos", dialect=DIALECT), v2.ToImage()])

    def __len__(self) -> int:
        return N_IMAGES

    def __getitem__(self, i: int) -> dict[str, Any]:
        if not 0 <= i < N_IMAGES:
            raise IndexError
        channels_first = rgb(i).transpose(2, 0, 1)
        tensor = torch.from_numpy(channels_first)
        return {
            "tensor": self.module(tensor),
            "array": self.module(channels_first),
            "pipeline": self.pipeline(tensor),
            "picture": self.pipeline(Image.fromarray(rgb(i))),
            "worker": os.getpid(),
            "threads": number_of_threads(),
        }


WAYS = ("tensor", "array", "pipeline", "picture")


def check(results: list[dict[str, Any]]) -> None:
    """All there, in order, and Pillow's."""
    found = {way: np.concatenate([batch[way].numpy() for batch in results]) for way in WAYS}
    expected = np.stack([pillows(i) for i in range(N_IMAGES)])
    assert all(np.array_equal(found[way], expected) for way in WAYS)


def load(method: str) -> None:
    """Workers resize after this process has done so with two threads, and once more afterwards."""
    expect_warnings_of_fork()
    large = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 1200, 900), np.uint8))
    resize = portresize.torch.Resize((500, 700), "lanczos", dialect=DIALECT)
    with portresize.threads(2):
        before = resize(large)
    check(list(DataLoader(Images(), batch_size=3)))
    n_workers = N_WORKERS.get(method, 2)
    loader = DataLoader(
        Images(), batch_size=3, num_workers=n_workers, multiprocessing_context=method, persistent_workers=True
    )
    for _ in range(2):
        results = list(loader)
        check(results)
        workers = {int(number) for batch in results for number in batch["worker"]}
        assert len(workers - {os.getpid()}) == n_workers
        assert {int(number) for batch in results for number in batch["threads"]} == {1}
    with portresize.threads(2):
        assert torch.equal(resize(large), before)


if __name__ == "__main__":
    load(sys.argv[1])
