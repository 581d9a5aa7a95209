"""How fast `portresize.resize` is on CPU tensors: beside Pillow and torch's `antialias=True`, with gradients, compiled.

python benchmarks/torch_cpu.py --out benchmarks/results/torch.json
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import threadpoolctl
import torch
from torch.nn.functional import interpolate

import portresize
from benchmarks.cases import RGB, Case, checked, images_of, must_agree
from benchmarks.machine import environment
from benchmarks.table import Table
from benchmarks.timing import Summary, in_turn, noise, ratios, rounds, write
from portresize._backends import _torch_steps
from portresize._core.filters import Resampling
from portresize._core.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any
Figures = dict[str, Any]
METHOD = (
    "One thread each. Results of portresize are compared with Pillow's, element by element, before they are timed; "
    "those of torch are not equal. Contestants run in turn, once a round, in an order that changes. Figures are the "
    "median over rounds, the fastest and the quartiles; ratios are quotients of medians. `bytes`: `pillow` resizes "
    "images made before, `ours` is portresize.resize on a uint8 tensor, `compiled` the same under torch.compile (whose "
    "own guards take a tenth of a millisecond where something else ran before), "
    "`torch` F.interpolate with antialias=True on the same bytes. `gradients`: forward and backward on float32, NCHW, "
    "`ours` and `torch` likewise. `small`: one image of 32² to 16², RGB; `ours` by portresize.resize, `numpy` the same "
    "on an array, `execute` what the operator calls, `operator` that by way of torch's dispatcher, `dispatch` the same "
    "where what it calls does nothing; `dispatch_us` is the fastest of that, `added_us` that of `operator` less that "
    "of `execute`; the fastest, because these are too short for a busy machine."
)
BATCHES = [
    Case("8x512² to 224² bilinear, NHWC", (8, 512, 512, 3), "uint8", "NHWC", "RGB", (224, 224), "bilinear"),
    Case("8x512² to 224² bilinear, NCHW", (8, 3, 512, 512), "uint8", "NCHW", "RGB", (224, 224), "bilinear"),
]
# torch has these filters in both directions.
GRADIENTS = [
    Case("512² to 224² bilinear", (1, 3, 512, 512), "float32", "NCHW", "F", (224, 224), "bilinear"),
    Case("1080x1920 to 224² bicubic", (1, 3, 1080, 1920), "float32", "NCHW", "F", (224, 224), "bicubic"),
    Case("224² to 512² bicubic", (1, 3, 224, 224), "float32", "NCHW", "F", (512, 512), "bicubic"),
]


def bytes_of(case: Case, n_rounds: int) -> Figures:
    """Bytes, eager and compiled."""
    pair = checked(case)
    x = torch.from_numpy(pair.x)

    def ours(x: Array) -> Array:
        return portresize.resize(x, case.size, case.resample, layout=case.layout, mode=case.mode)

    # Each case for itself, with its own shape.
    torch.compiler.reset()
    compiled = torch.compile(ours, fullgraph=True, dynamic=False)
    for name, act in (("ours", ours), ("compiled", compiled)):
        must_agree(f"{case.name}, {name}", pair.expected, images_of(case, act(x).numpy()))
    contestants: dict[str, Callable[[], object]] = {
        "pillow": pair.pillow,
        "ours": lambda: ours(x),
        "compiled": lambda: compiled(x),
    }
    if case.resample != "lanczos":  # It has none for bytes in every release.
        planes = {"HWC": x.permute(-1, *range(x.ndim - 1))[None], "NHWC": x.movedim(-1, 1)}.get(case.layout, x)
        contestants["torch"] = lambda: interpolate(planes, case.size, mode=case.resample, antialias=True)
    times = in_turn(contestants, rounds(case.shape, n_rounds))
    return {**times, "ratios": ratios(times, "pillow/ours", "torch/ours", "compiled/ours")}


def gradients_of(case: Case, n_rounds: int) -> Figures:
    """Forward and backward."""
    x = torch.from_numpy(noise(case.shape, case.dtype)).requires_grad_()
    given = torch.from_numpy(noise((1, 3, *case.size), case.dtype))

    def ours() -> None:
        portresize.resize(x, case.size, case.resample, layout="NCHW").backward(given)
        x.grad = None

    def theirs() -> None:
        interpolate(x, case.size, mode=case.resample, antialias=True).backward(given)
        x.grad = None

    times = in_turn({"ours": ours, "torch": theirs}, rounds(case.shape, n_rounds))
    return {**times, "ratios": ratios(times, "torch/ours")}


def small(n_rounds: int) -> Figures:
    """What a call costs beside the work."""
    x = torch.from_numpy(noise((32, 32, 3), "uint8"))
    array, spec = x.numpy(), Spec("HWC", "RGB", "pillow-13", (16, 16), Resampling.BICUBIC)
    words = _torch_steps.words(spec)
    portresize.resize(x, (16, 16))  # Where it is not yet, it brings the operator.
    operator = torch.ops.portresize.resize.default
    must_agree("small", portresize.resize(array, (16, 16)), operator(x, *words).numpy())
    times: dict[str, Summary] = in_turn(
        {
            "numpy": lambda: portresize.resize(array, (16, 16)),
            "ours": lambda: portresize.resize(x, (16, 16)),
            "execute": lambda: _torch_steps.execute(x, spec),
            "operator": lambda: operator(x, *words),
        },
        n_rounds,
        calls=200,
        unit="us",
    )
    y = torch.empty((16, 16, 3), dtype=torch.uint8)

    def nothing(*_: object) -> Array:
        return y

    with mock.patch.object(_torch_steps, "execute", new=nothing):
        times |= in_turn({"dispatch": lambda: operator(x, *words)}, n_rounds, calls=200, unit="us")
    added = times["operator"]["best_us"] - times["execute"]["best_us"]
    return {**times, "dispatch_us": times["dispatch"]["best_us"], "added_us": round(added, 3)}


def main(arguments: list[str]) -> None:
    """Measure, print tables, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--rounds", type=int, default=40, help="rounds a case; large images get a third (default: 40)")
    options = parser.parse_args(arguments)
    results: Figures = {**environment(), "method": METHOD, "bytes": {}, "gradients": {}}
    torch.set_num_threads(1)
    with threadpoolctl.threadpool_limits(1), portresize.threads(1):
        results["small"] = small(options.rounds)
        print(f"dispatch: {results['small']['dispatch_us']} µs")
        table = Table("bytes, one thread, ms", "pillow", "ours", "compiled", "torch", "pillow/ours", "torch/ours")
        for case in [*RGB, *BATCHES]:
            figures = results["bytes"][case.name] = bytes_of(case, options.rounds)
            _show(table, case, figures)
        table = Table("forward and backward, float32, one thread, ms", "ours", "torch", "torch/ours")
        for case in GRADIENTS:
            figures = results["gradients"][case.name] = gradients_of(case, options.rounds)
            _show(table, case, figures)
    if options.out:
        write(results, options.out)


def _show(table: Table, case: Case, figures: Figures) -> None:
    times = {name: value for name, value in figures.items() if name != "ratios"}
    table.times(case.name, times, **figures["ratios"])


if __name__ == "__main__":
    main(sys.argv[1:])
