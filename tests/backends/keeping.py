"""What other processes make of a compiled program: printed as a word.

python -m tests.backends.keeping cache FOLDER     hit or miss of jax's cache on disk, if the result is right
python -m tests.backends.keeping keep FILE        pickle an executable
python -m tests.backends.keeping load FILE        run it: right, or the error
python -m tests.backends.keeping lower FILE       the same after the call was lowered here too
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Before jax is imported.
    _, ACT, PLACE = sys.argv
    os.environ |= {
        "JAX_PLATFORMS": "cpu",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    if ACT == "cache":
        os.environ["JAX_COMPILATION_CACHE_DIR"] = PLACE

import jax
import numpy as np
from jax.experimental import serialize_executable

import portresize

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 64, 80, 4), np.uint8)


def shrink(x: Any) -> Any:
    return portresize.resize(x, (20, 33), layout="NHWC", reducing_gap=1.0)


def verdict(result: Any) -> str:
    return "right" if (np.asarray(result) == shrink(IMAGES)).all() else "wrong"


def main() -> str:
    if ACT == "cache":
        events: list[str] = []
        jax.monitoring.register_event_listener(lambda event, **_: events.append(event))
        found = verdict(jax.jit(shrink)(IMAGES))
        return found + " ".join(f" {name}" for name in ("hit", "miss") if any(f"cache_{name}" in e for e in events))
    if ACT == "keep":
        kept = serialize_executable.serialize(jax.jit(shrink).lower(IMAGES).compile())
        Path(PLACE).write_bytes(pickle.dumps(kept))
        return "kept"
    if ACT == "lower":
        jax.jit(shrink).lower(IMAGES)
    else:
        jax.jit(lambda x: portresize.resize(x, (4, 4))).lower(IMAGES[0, ..., 0])
    try:
        kept = pickle.loads(Path(PLACE).read_bytes())  # noqa: S301  our own
        return verdict(serialize_executable.deserialize_and_load(*kept)(IMAGES))
    except Exception as error:  # noqa: BLE001  jaxlib's own class, wherever it is this year
        return str(error)


if __name__ == "__main__":
    print(main())
