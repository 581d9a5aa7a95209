"""Two processes that share tensors of torch.distributed, each with half of the images.

    python -m tests.backends.shards

exits with 0 if all results are right.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor, init_device_mesh
from torch.distributed.tensor.debug import CommDebugMode
from torch.distributed.tensor.experimental import local_map

import portresize

IMAGES = np.random.default_rng(31).integers(0, 256, (4, 4, 40, 50), np.uint8)


def shrink(x: Any, mode: str = "RGBX") -> Any:
    return portresize.resize(x, (13, 21), "lanczos", layout="NCHW", mode=mode)


def check(mesh: Any) -> None:
    """Every placement, and how much is sent for it."""
    images = torch.from_numpy(IMAGES)
    # Before anything has been said of sharding: a compiler meets it first.
    compiled = torch.compile(shrink, fullgraph=True, backend="aot_eager")
    spread = distribute_tensor(images, mesh, [Shard(0)])
    assert torch.equal(compiled(spread).full_tensor(), shrink(images))
    # Placement before and after, mode, and whether anything may be sent.
    cases = [
        (Shard(0), Shard(0), "RGBA", False),
        (Replicate(), Replicate(), "RGBA", False),
        (Shard(1), Shard(1), "RGBX", False),
        (Shard(1), Replicate(), "RGBA", True),
        (Shard(2), Replicate(), "RGBX", True),
        (Shard(3), Replicate(), "RGBX", True),
    ]
    for before, after, mode, is_sent in cases:
        spread = distribute_tensor(images, mesh, [before])
        with CommDebugMode() as sent:
            result = shrink(spread, mode)
        assert isinstance(result, DTensor)
        assert result.placements == (after,), (before, result.placements)
        assert bool(sent.get_total_counts()) == is_sent, (before, sent.get_comm_counts())
        assert torch.equal(result.full_tensor(), shrink(images, mode)), before
    # A colour for each band is for all of them.
    spread = distribute_tensor(images, mesh, [Shard(1)])
    padded = portresize.pad(spread, (10, 20), color=(1, 2, 3, 4), layout="NCHW", mode="L")
    expected = portresize.pad(images, (10, 20), color=(1, 2, 3, 4), layout="NCHW", mode="L")
    assert torch.equal(padded.full_tensor(), expected)
    # Another size is another answer, however the first was remembered.
    spread = distribute_tensor(images, mesh, [Shard(0)])
    assert portresize.resize(spread, (14, 21), layout="NCHW").shape == (4, 4, 14, 21)
    assert portresize.reduce(spread, 2, layout="NCHW").to_local().shape == (2, 4, 20, 25)

    eager, mine = (images.to(torch.float64).requires_grad_() for _ in range(2))
    portresize.resize(eager, (13, 21), layout="NCHW").square().sum().backward()
    leaf = distribute_tensor(mine.detach(), mesh, [Shard(0)]).requires_grad_()
    portresize.resize(leaf, (13, 21), layout="NCHW").square().sum().backward()
    assert leaf.grad.placements == (Shard(0),)
    assert torch.equal(leaf.grad.full_tensor(), eager.grad)

    mapped = local_map(shrink, out_placements=[Shard(0)], in_placements=([Shard(0)],), device_mesh=mesh)
    assert torch.equal(mapped(spread).full_tensor(), shrink(images))


def work(rank: int, store: str) -> None:
    """One of the processes."""
    warnings.simplefilter("error")
    # torch's own.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    try:
        check(init_device_mesh("cpu", (2,)))
    finally:
        distributed.destroy_process_group()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(work, (f"{folder}/store",), nprocs=2)
    sys.exit(0)
