"""What libtpu makes of programs for four chips that are not there: printed as JSON.

python -m tests.backends.tpus
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

if __name__ == "__main__":
    # Before jax is imported.
    os.environ |= {
        "JAX_PLATFORMS": "cpu",
        "TPU_SKIP_MDS_QUERY": "1",
        "TPU_ACCELERATOR_TYPE": "v5litepod-4",
        "TPU_WORKER_HOSTNAMES": "localhost",
        "TPU_HOST_BOUNDS": "1,1,1",
        "TPU_CHIPS_PER_HOST_BOUNDS": "2,2,1",
    }

import jax
import numpy as np
from jax.experimental import topologies
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

import portresize

Answer = dict[str, Any]
COLLECTIVES = ("all-gather", "all-reduce", "all-to-all", "collective-permute", "reduce-scatter")
BATCH, HEIGHT = PartitionSpec("d"), PartitionSpec(None, "d")
RGB = (8, 512, 512, 3)


def shrink(x: Any) -> Any:
    return portresize.resize(x, (224, 224), "bilinear", layout="NHWC")


def shrink_floats(x: Any) -> Any:
    return portresize.resize(x, (40, 24), layout="NHW")


def answer(act: Callable[[Any], Any], shape: tuple[int, ...], dtype: str, sharding: Any) -> Answer:
    """What the compiled program has in it."""
    start = time.perf_counter()
    compiled = jax.jit(act).lower(jax.ShapeDtypeStruct(shape, dtype, sharding=sharding)).compile()
    text = compiled.as_text()
    return {
        "kernels": text.count('custom_call_target="tpu_custom_call"'),
        "collectives": [name for name in COLLECTIVES if f"{name}(" in text or f"{name}-start(" in text],
        "seconds": round(time.perf_counter() - start, 1),
    }


def answers() -> Iterator[tuple[str, Answer]]:
    """One chip, and four."""
    chips = topologies.get_topology_desc(platform="tpu", topology_name="v5e:2x2x1").devices
    one = SingleDeviceSharding(chips[0])
    meshes = {kind: Mesh(np.array(chips).reshape(4), ("d",), axis_types=(kind,)) for kind in AxisType}
    auto, explicit = (meshes[kind] for kind in (AxisType.Auto, AxisType.Explicit))
    mapped = jax.shard_map(shrink, mesh=auto, in_specs=BATCH, out_specs=BATCH)
    yield "one chip", answer(shrink, RGB, "uint8", one)
    yield "alpha", answer(shrink, (8, 512, 512, 4), "uint8", one)
    yield "vmap", answer(jax.vmap(lambda x: portresize.resize(x, (224, 224), layout="HWC")), RGB, "uint8", one)
    yield "shard_map", answer(mapped, RGB, "uint8", NamedSharding(auto, BATCH))
    yield "explicit batch", answer(shrink, RGB, "uint8", NamedSharding(explicit, BATCH))
    yield "auto batch", answer(shrink, RGB, "uint8", NamedSharding(auto, BATCH))
    yield "auto height", answer(shrink, RGB, "uint8", NamedSharding(auto, HEIGHT))
    yield "floats", answer(shrink_floats, (8, 96, 96), "float32", NamedSharding(auto, BATCH))
    yield "gradient", answer(jax.grad(lambda x: shrink_floats(x).sum()), (8, 96, 96), "float32", one)
    for dtype in ("uint16", "int32"):
        yield dtype, answer(shrink_floats, (8, 96, 96), dtype, one)


if __name__ == "__main__":
    print(json.dumps(dict(answers())))
