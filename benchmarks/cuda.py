"""Time `resize` on a GPU beside torch's and a copy of the same bytes.

    python benchmarks/cuda.py --out benchmarks/results/cuda-speed.json

Each contestant is launched so often between two events that the queue never runs empty, and the contestants take turns.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import portresize
from benchmarks.cases import must_agree
from benchmarks.machine import environment
from benchmarks.table import Table
from benchmarks.timing import noise, orders, ratios, summary, write
from benchmarks.triton_aot import BANDS, SHAPES
from portresize import Resampling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Array = Any
IMAGES = (1, 8, 64, 256)
# Bytes that a case may need for each sample that goes in or out; where there is no room, it is left out.
NEEDED = 10
METHOD = (
    "`portresize` resizes bytes, exactly as Pillow does, which was checked before. `interpolate` is torch's, of the "
    "same images as floats, with antialias=True; `u8` makes floats of bytes, interpolates, rounds, clamps, and makes "
    "bytes of them, as torchvision does. Neither has Pillow's values. `copy` moves half as many bytes as go in and "
    "out, from device to device, so it reads and writes as many as that. Microseconds for a batch, by CUDA events "
    "around calls that follow one another; the medians and quartiles of rounds."
)


def contestants(x: Array, size: tuple[int, int], resample: str) -> dict[str, Callable[[], Array]]:
    """Who takes part, for a batch in planes."""
    import torch

    words = {"size": size, "mode": resample, "antialias": True, "align_corners": False}
    interpolate = partial(torch.nn.functional.interpolate, **words)
    floats = x.to(torch.float32)
    n_bytes = (x.numel() + x.numel() // (x.shape[-2] * x.shape[-1]) * size[0] * size[1]) // 2
    source = torch.empty(n_bytes, dtype=torch.uint8, device=x.device)
    target = torch.empty_like(source)
    taking_part: dict[str, Callable[[], Array]] = {
        "portresize": lambda: portresize.resize(x, size, resample, layout="NCHW"),
        "copy": lambda: target.copy_(source),
    }
    if resample in {"bilinear", "bicubic"}:
        taking_part["interpolate"] = lambda: interpolate(floats)
        taking_part["u8"] = lambda: interpolate(x.to(torch.float32)).round_().clamp_(0, 255).to(torch.uint8)
    return taking_part


def timed(acts: Mapping[str, Callable[[], Array]], n_rounds: int) -> dict[str, list[float]]:
    """Seconds of one call of each contestant, in turn."""
    import torch

    def seconds(act: Callable[[], Array], calls: int) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        # The queue is filled while the GPU sleeps, at 2 GHz a tenth of a millisecond for each call, so that what is
        # timed is its work alone.
        torch.cuda._sleep(200_000 * calls)  # noqa: SLF001  there is no public name
        start.record()
        for _ in range(calls):
            act()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3 / calls

    named = list(acts.items())
    calls = {name: max(3, min(50, int(0.02 / max(seconds(act, 3), 1e-6)))) for name, act in named}
    found: dict[str, list[float]] = {name: [] for name in acts}
    for order in islice(orders(len(named)), n_rounds):
        for name, act in (named[place] for place in order):
            found[name].append(seconds(act, calls[name]))
    return found


def check(name: str, x: Array, size: tuple[int, int], resample: str) -> None:
    """Raises AssertionError unless the first and the last image, in planes, are Pillow's."""
    result = portresize.resize(x, size, resample, layout="NCHW")
    for image in {0, len(x) - 1}:
        picture = Image.fromarray(np.ascontiguousarray(x[image].cpu().numpy().transpose(1, 2, 0)))
        expected = np.asarray(picture.resize(size[::-1], int(Resampling[resample.upper()])))
        must_agree(name, expected, result[image].cpu().numpy().transpose(1, 2, 0))


def main() -> None:
    """Time everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()
    try:
        import torch
    except ModuleNotFoundError:
        sys.exit("torch is not installed")
    if not torch.cuda.is_available():
        sys.exit("torch finds no CUDA device, and there is nothing to time without one")
    from portresize._backends._torch_steps import triton_on
    from portresize._backends._torch_stream import serves

    figures = environment()
    serving = triton_on(torch.cuda.current_device())
    if serving.why:
        sys.exit(f"there are no kernels to time: {serving.why}")
    figures["versions"]["triton"] = serving.version
    figures |= {
        "command": "python benchmarks/cuda.py --out benchmarks/results/cuda-speed.json",
        "method": METHOD,
        "gpu": torch.cuda.get_device_name(),
        "both passes in one kernel": serves(torch.device("cuda", torch.cuda.current_device())),
        "rounds": args.rounds,
        "cases": {},
    }
    table = Table(figures["gpu"], "portresize", "copy", "interpolate", "u8")
    for (shape, (source, size, resample)), images in product(SHAPES.items(), IMAGES):
        room, _ = torch.cuda.mem_get_info()
        if NEEDED * images * BANDS * (source[0] * source[1] + size[0] * size[1]) > room:
            continue
        name = f"{images} x {shape}, NCHW"
        x = torch.from_numpy(noise((images, BANDS, *source), "uint8")).cuda()
        check(name, x, size, resample)
        seconds = timed(contestants(x, size, resample), args.rounds)
        times = {who: summary(each, "us") for who, each in seconds.items()}
        table.times(name, times)
        figures["cases"][name] = {
            "times": times,
            "ratios": ratios(times, "portresize/copy", "interpolate/portresize", "u8/portresize"),
        }
        # After every case: the next may not be the last.
        if args.out:
            write(figures, args.out)


if __name__ == "__main__":
    main()
