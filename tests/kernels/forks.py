"""A process that forks while another of its threads resizes for the first time.

    python -m tests.kernels.forks torch 3

exits with 0 if every child answered, and right. A child that waits for a thread which exists in its parent alone is
ended by an alarm.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module

import numpy as np

import portresize

PATIENCE = 60
"""Seconds that a child may take for its own first resize, on a busy machine."""
CHILDREN = 8
BYTES = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
FLOATS = np.random.default_rng(0).random((90, 80)).astype(np.float32)


def _digest(*results: object) -> bytes:
    return hashlib.sha256(b"".join(np.asarray(result).tobytes() for result in results)).digest()


def by_numpy() -> bytes:
    with portresize.threads(2):
        bytes_ = portresize.resize(BYTES, (90, 100)), portresize.fit(BYTES, (40, 40), "box")
        return _digest(*bytes_, portresize.resize(FLOATS, (50, 40), "lanczos", layout="HW"))


def by_torch() -> bytes:
    import torch

    with portresize.threads(2):
        y = portresize.resize(torch.from_numpy(FLOATS).requires_grad_(), (50, 40), "lanczos", layout="HW")
        # Not float16: operations of torch initialize themselves at their first use, and do not bear a fork then (3 of
        # 430 children waited in `index_select`).
        return _digest(y.detach(), portresize.resize(torch.from_numpy(BYTES), (90, 100)))


def by_jax() -> bytes:
    import jax.numpy as jnp

    return _digest(portresize.resize(jnp.asarray(BYTES), (90, 100)), portresize.resize(jnp.asarray(FLOATS), (9, 8)))


# What the busy thread calls, and what a child does: one that jax's threads have left can call jax no more.
ACTS: dict[str, tuple[Callable[[], bytes], Callable[[], bytes]]] = {
    "numpy": (by_numpy, by_numpy),
    "torch": (by_torch, by_torch),
    "jax": (by_jax, by_numpy),
}


def _child(act: Callable[[], bytes]) -> tuple[int, int]:
    """A process that does it: its number, and where its answer comes from."""
    answer, give = os.pipe()
    child = os.fork()
    if child:
        os.close(give)
        return child, answer
    try:
        signal.alarm(PATIENCE)
        os.write(give, act())
    finally:
        os._exit(0)


def main(library: str, seed: int) -> None:
    """Fork at random moments of a first call."""
    # As the caller who has an array of it has done.
    module = import_module(library)
    if library == "torch":
        # What torch itself initializes at a first use does not bear a fork (1 child in 100 waited in `numpy()` or in
        # `backward`), so it has been used.
        module.from_numpy(FLOATS).requires_grad_().detach().numpy()
    first, again = ACTS[library]
    moments = np.random.default_rng(seed)
    # The first moments are those of imports, which are over soonest.
    latest = moments.choice([0.03, 0.15, 0.6])
    busy = threading.Thread(target=first)
    began = time.perf_counter()
    busy.start()
    children = []
    for moment in sorted(moments.uniform(0, latest, CHILDREN)):
        time.sleep(max(0.0, began + moment - time.perf_counter()))
        children.append(_child(again))
    answers = []
    for child, answer in children:
        with os.fdopen(answer, "rb") as pipe:
            answers.append(pipe.read())
        os.waitpid(child, 0)
    busy.join()
    wanted = again()
    hung, wrong = answers.count(b""), sum(answer not in {b"", wanted} for answer in answers)
    print(f"{hung} of {len(answers)} children hung or died, {wrong} were wrong")
    sys.exit(bool(hung or wrong))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
