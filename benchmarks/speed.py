"""How fast `portresize.resize` is, and what it takes: beside Pillow, torch and others, on this machine.

    python benchmarks/speed.py --out benchmarks/results/cpu.json

With llvmlite, numpy arrays meet the kernels of `portresize[cpu]`; without it, the numpy steps, which
benchmarks/numpy_steps.py measures more closely. What is not installed is left out and listed as such. pillow-simd has
Pillow's import name and so needs an environment of its own, with numpy:

    CC="cc -mavx2" pip install pillow-simd numpy
    python benchmarks/speed.py --pillow-simd /where/it/is/bin/python
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import threadpoolctl
from PIL import Image

import portresize
from benchmarks import first_call, memory, neighbours
from benchmarks.cases import RGB, Case, checked, first_pass, must_agree
from benchmarks.machine import environment
from benchmarks.table import Table
from benchmarks.timing import in_turn, noise, ratios, rounds, write

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any
Figures = dict[str, Any]
METHOD = (
    "Every result is compared with Pillow's, element by element, before it is timed. Contestants then run in turn in "
    "one process, once a round, in an order that changes from round to round so that each follows each other one "
    "equally often; large images get a third of the rounds. Figures are the median over rounds, the fastest and the "
    "quartiles; ratios are the rival's median by ours. Pillow resizes images made before the timer starts, and does "
    "not turn them back into arrays, unless said otherwise. BLAS has one thread."
)

# One letter of `kinds` each: name, dtype, axes after H and W, layout, mode.
KINDS = [
    ("L", "uint8", (), "HW", "L"),
    ("RGBA", "uint8", (4,), "HWC", "RGBA"),
    ("RGB NCHW", "uint8", (3,), "NCHW", "RGB"),
    ("I;16", "uint16", (), "HW", "I;16"),
    ("I", "int32", (), "HW", "I"),
    ("F", "float32", (), "HW", "F"),
]
# Each with the same shape lying down, which loses as many samples and is resized the usual way round.
TALL = [((3840, 1080), 224, "bicubic"), ((2048, 512), 128, "bilinear")]
# libgomp's threads spin for some milliseconds after their work, on the cores that the next contestant wants.
SLEEP = 0.02


def _torch(x: Array, case: Case, n_threads: int) -> tuple[Callable[[], Array], float] | None:
    """Torch's resize of the bytes as they lie, channels last, and how many of its elements are Pillow's."""
    if case.resample == "lanczos" or find_spec("torch") is None:
        return None
    import torch

    torch.set_num_threads(n_threads)
    act = partial(
        torch.nn.functional.interpolate,
        torch.from_numpy(x).permute(2, 0, 1)[None],
        size=case.size,
        mode=case.resample,
        antialias=True,
    )
    return act, float((act()[0].permute(1, 2, 0).numpy() == checked(case).expected[0]).mean())


def rgb(options: argparse.Namespace) -> Figures:
    """RGB on one thread: Pillow, ours, torch, and what it takes merely to copy the input."""
    found: Figures = {}
    table = Table("RGB, one thread, ms", "pillow", "ours", "torch", "copy", *RGB_RATIOS, "torch equal")
    for case in RGB:
        with portresize.threads(1):
            pair = checked(case)
            contestants = {"pillow": pair.pillow, "ours": pair.ours}
            if torch := _torch(pair.x, case, 1):
                contestants["torch"] = torch[0]
            contestants["copy"] = partial(np.copyto, np.empty_like(pair.x), pair.x)
            times = in_turn(contestants, rounds(case.shape, options.repeat))
        figures = found[case.name] = {**times, "ratios": ratios(times, *RGB_RATIOS)}
        if torch:
            figures["torch_equal"] = round(torch[1], 6)
        table.times(case.name, times, **figures["ratios"], **{"torch equal": figures.get("torch_equal")})
    return found


RGB_RATIOS = ("pillow/ours", "torch/ours", "ours/copy")


def threads(options: argparse.Namespace) -> Figures:
    """What a second thread brings, to ours and beside torch's."""
    found: Figures = {}
    table = Table("RGB, threads, ms", "one", "two", "one/two", "ours", "torch", "torch/ours")
    for case in RGB:
        pair = checked(case)

        def ours(n_threads: int, resize: Callable[[], Array] = pair.ours) -> Array:
            with portresize.threads(n_threads):
                return resize()

        for n_threads in (1, 2):
            batch = ours(n_threads)[None]
            must_agree(f"{case.name}, {n_threads} threads", pair.expected, batch)
        n_rounds = rounds(case.shape, options.repeat)
        times = in_turn({"one": partial(ours, 1), "two": partial(ours, 2)}, n_rounds)
        figures = found[case.name] = {"ours": {**times, "ratios": ratios(times, "one/two")}}
        cells = {**times, **figures["ours"]["ratios"]}
        if torch := _torch(pair.x, case, 2):
            beside = in_turn({"ours": partial(ours, 2), "torch": torch[0]}, n_rounds, pause=SLEEP)
            figures["beside_torch"] = {**beside, "ratios": ratios(beside, "torch/ours")}
    return found


def kinds(options: argparse.Namespace) -> Figures:
    """Other kinds of samples, and batches, on one thread."""
    found: Figures = {}
    table = Table("other kinds, one thread, ms", "pillow", "ours", "pillow/ours")
    for (kind, dtype, bands, layout, mode), like in product(KINDS, RGB):
        height, width, _ = like.shape
        shape: tuple[int, ...] = (height, width, *bands)
        name = f"{kind} {like.name}"
        if layout == "NCHW":
            n_images = 32 if height * width < 1e6 else 4
            shape = (n_images, 3, height, width)
            name = f"{kind} batch of {n_images}, {like.name}"
        case = Case(name, shape, dtype, layout, mode, like.size, like.resample)
        with portresize.threads(1):
            pair = checked(case)
            times = in_turn({"pillow": pair.pillow, "ours": pair.ours}, rounds(shape, options.repeat))
        found[name] = {**times, "ratios": ratios(times, "pillow/ours")}
        table.times(name, times, **found[name]["ratios"])
    return found
