"""What jax does with sharded images on eight devices, which one processor pretends to be: printed as JSON.

python -m tests.backends.devices              one process
python -m tests.backends.devices PORT 0|1     one of two, with four devices each
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

if __name__ == "__main__":
    # Before jax is imported.
    NUMBER = 8 if len(sys.argv) == 1 else 4
    os.environ |= {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"--xla_force_host_platform_device_count={NUMBER}"}

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

import portresize

COLLECTIVES = ("all-gather", "all-reduce", "all-to-all", "collective-permute", "reduce-scatter")
Parts = tuple[str | None, ...]
SHARDED: dict[str, Parts] = {
    "batch": ("d", None, None, None),
    "height": (None, "d", None, None),
    "width": (None, None, "d", None),
}
Answer = dict[str, Any]


def shrink(x: Any) -> Any:
    return portresize.resize(x, (24, 40), "lanczos", layout="NHWC")


def shrink_one(x: Any) -> Any:
    return portresize.resize(x, (24, 40), "lanczos", layout="HWC")


def images(dtype: str) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (8, 64, 80, 4))
    return noise.astype(dtype)


def answer(act: Callable[[Any], Any], placed: Any, expected: np.ndarray) -> Answer:
    """What a compiled program says of itself, and whether its result is right."""
    compiled = jax.jit(act).lower(placed).compile()
    text, result = compiled.as_text(), compiled(placed)
    return {
        "equal": bool((np.asarray(result) == expected).all()),
        "spec": list(result.sharding.spec) + [None] * (4 - len(result.sharding.spec)),
        "collectives": [name for name in COLLECTIVES if f"{name}(" in text or f"{name}-start(" in text],
        "calls": text.count('custom_call_target="portresize'),
    }


def answers() -> Iterator[tuple[str, Answer]]:
    """Every way of sharding, with both kinds of axes."""
    for kind in (AxisType.Auto, AxisType.Explicit):
        mesh = jax.make_mesh((8,), ("d",), axis_types=(kind,))
        with jax.set_mesh(mesh):
            for (name, spec), dtype in itertools.product(SHARDED.items(), ("uint8", "float32", "uint16")):
                x = images(dtype)
                placed = jax.device_put(x, NamedSharding(mesh, PartitionSpec(*spec)))
                yield f"{kind.name} {name} {dtype}", answer(shrink, placed, shrink(x))
            x = images("uint8")
            batch = PartitionSpec("d")
            placed = jax.device_put(x, NamedSharding(mesh, batch))
            mapped = jax.shard_map(shrink, mesh=mesh, in_specs=batch, out_specs=batch)
            yield f"{kind.name} shard_map", answer(mapped, placed, shrink(x))
            yield f"{kind.name} vmap", answer(jax.vmap(shrink_one), placed, shrink(x))
            # Images behind one another in every pixel, as where a function is mapped along the last axis.
            behind = np.moveaxis(x, 0, -1).copy()
            placed = jax.device_put(behind, NamedSharding(mesh, PartitionSpec(None, None, None, "d")))
            last = jax.vmap(shrink_one, in_axes=-1, out_axes=-1)
            yield f"{kind.name} last", answer(last, placed, np.moveaxis(shrink(x), 0, -1))
            floats = images("float32")
            placed = jax.device_put(floats, NamedSharding(mesh, batch))
            alone = jax.grad(lambda x: (shrink(x) ** 2).sum())(floats)
            yield f"{kind.name} gradient", answer(jax.grad(lambda x: (shrink(x) ** 2).sum()), placed, alone)
        for name, spec in SHARDED.items():
            # Nobody has said which mesh to use; the array knows.
            placed = jax.device_put(x, NamedSharding(mesh, PartitionSpec(*spec)))
            yield f"{kind.name} {name} alone", answer(shrink, placed, shrink(x))


def distributed(port: str, process: int) -> Answer:
    """One of two processes, each with half of the batch."""
    jax.distributed.initialize(f"127.0.0.1:{port}", 2, process)
    mesh = Mesh(np.array(jax.devices()), ("d",))
    x = images("uint8")
    sharding = NamedSharding(mesh, PartitionSpec("d"))
    placed = jax.make_array_from_process_local_data(sharding, x[process * 4 :][:4])
    compiled = jax.jit(shrink).lower(placed).compile()
    result, expected, text = compiled(placed), shrink(x), compiled.as_text()
    shards = [(np.asarray(shard.data), shard.index) for shard in result.addressable_shards]
    return {
        "shape": list(result.shape),
        "shards": len(shards),
        "equal": all((part == expected[index]).all() for part, index in shards),
        "collectives": [name for name in COLLECTIVES if f"{name}(" in text],
    }


if __name__ == "__main__":
    print(json.dumps(dict(answers()) if NUMBER == 8 else distributed(sys.argv[1], int(sys.argv[2]))))
