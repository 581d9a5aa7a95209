"""The tables of README.md on speed, and on what differences cost, from benchmarks/results.

python -m benchmarks.summary cpu
python -m benchmarks.summary jax
python -m benchmarks.summary tpu
python -m benchmarks.summary torch
python -m benchmarks.summary triton
python -m benchmarks.summary skew
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Figures = dict[str, Any]


def summary(name: str) -> str:
    """The tables of `results/{name}.json`, as Markdown."""
    results = json.loads((Path(__file__).parent / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return "\n\n".join("\n".join(part(results)) for part in PARTS[name])


def _rgb(results: Figures) -> Iterable[str]:
    machine, versions = results["machine"], results["versions"]
    yield (
        f"RGB, uint8, channels last, on {machine['cpu']}; Pillow {versions['pillow']}, torch {versions['torch']}, "
        f"numpy {versions['numpy']}, llvmlite {versions['llvmlite']}. Times of others over ours:"
    )
    yield ""
    yield from _head(
        "one thread",
        *("ours, ms", "Pillow", "torch's `antialias=True`, bytes", "ours over a copy of the input"),
        *("ours on two threads", "two processes"),
    )
    for case, figures in results["rgb"].items():
        if isinstance(figures, dict):
            found, threads = figures["ratios"], results["threads"][case]["ratios"]
            cells = [
                f"{figures['ours']['median_ms']:.3g}",
                _times(found["pillow/ours"]),
                _times(found.get("torch/ours")),
                _times(found["ours/copy"]),
                _times(threads["ours 1/ours 2"], 2),
                _times(threads["two processes/one"], 2),
            ]
            yield _row(case, cells)


def _kinds(results: Figures) -> Iterable[str]:
    cases = [case for case, figures in results["rgb"].items() if isinstance(figures, dict)]
    by_kind: dict[str, dict[str, float]] = {}
    for name, figures in results["kinds"].items():
        if isinstance(figures, dict):
            case = next(case for case in cases if name.endswith(case))
            kind = name.removesuffix(case).strip(" ,").lstrip("0123456789 ")
            by_kind.setdefault(kind, {})[case] = figures["ratios"]["pillow/ours"]
    yield "Pillow's time over ours, for other kinds of samples, one thread (NCHW: batches of 32, large images of 4):"
    yield ""
    yield from _head("", *cases)
    for kind, found in by_kind.items():
        yield _row(kind, [_times(found[case]) for case in cases])


def _neighbours(results: Figures) -> Iterable[str]:
    found = {case: figures for case, figures in results["neighbours"].items() if case[0].isdigit()}
    names = list(dict.fromkeys(name for figures in found.values() for name in figures))
    yield "Their time over ours, on one thread, and the part of bytes that are Pillow's:"
    yield ""
    yield from _head("", *found)
    for name in names:
        cells = [
            f"{_times(figures[name]['ratios']['theirs/ours'])}, {_part(figures[name])}" if name in figures else "–"
            for figures in found.values()
        ]
        yield _row(name, cells)


def _overheads(results: Figures) -> Iterable[str]:
    yield from _head("what it takes", "")
    small = results["small"]["32² to 16² bicubic"]
    yield _row(
        "a warm call, 32² to 16² RGB, array to array",
        [f"{small['ours']['median_us']:.0f} µs; by way of Pillow {small['pillow']['median_us']:.0f} µs"],
    )
    least = min(figures["ratios"]["pillow/ours"] for figures in results["small"].values() if isinstance(figures, dict))
    yield _row("from 8² to 256², array to array, Pillow's time over ours", [f"{least:.1f}× at the least"])
    (sizes,) = (figures for figures in results["new_sizes"].values() if isinstance(figures, dict))
    yield _row(
        "images of ever new sizes, about 420² to 224², so that every plan is new",
        [f"{sizes['ours']['median_ms']:.2g} ms; by way of Pillow {sizes['pillow']['median_ms']:.2g} ms"],
    )
    first = [figures["median_ms"] for figures in results["first_call"].values() if isinstance(figures, dict)]
    yield _row("the first call in a process, llvmlite and code included", [f"{max(first):.0f} ms"])
    memory = {name: figures for name, figures in results["memory"].items() if isinstance(figures, dict)}
    for kind in ("RGB", "F"):
        found = [figures for name, figures in memory.items() if name.startswith(f"{kind} ")]
        ends = [[figures[what] for figures in (found[0], found[-1])] for what in ("resident first", "scratch")]
        texts = [f"{low:.2f} to {high:.2f} MiB" for low, high in ends]
        yield _row(
            f"memory beyond input and result, {kind}, 1080 to 8640 rows of 1920 to 224²",
            [f"{texts[0]}, of which scratch that is kept: {texts[1]}"],
        )


def _head(*cells: str) -> Iterable[str]:
    yield _row(cells[0], cells[1:])
    yield _row("---", [":---:"] * (len(cells) - 1))


def _row(name: str, cells: Iterable[str]) -> str:
    return f"| {' | '.join([name, *cells])} |"


def _times(ratio: float | None, digits: int = 1) -> str:
    return "–" if ratio is None else f"{ratio:.{digits}f}×"


def _part(figures: Figures) -> str:
    """How much is equal: rounded down, so that 100 % means all."""
    return "exact" if figures["exact"] else f"{int(1000 * figures['equal']) / 10:.1f} %"


def _jax(results: Figures) -> Iterable[str]:
    versions = results["versions"]
    yield (
        f"Under `jax.jit` on the CPU, one thread, uint8 RGB, on {results['machine']['cpu']}; jax {versions['jax']}. "
        "Times of others over ours; `jax.image.resize` is not equal to Pillow:"
    )
    yield ""
    columns = ("ours, ms", "Pillow", "`jax.image.resize`", "ours over the kernels alone", "without llvmlite, Pillow")
    yield from _head("", *columns, "to compile, s")
    for case, figures in results["cases"].items():
        if "median_ms" in figures["jit"]:
            found, seconds = figures["ratios"], figures["compile_s"]
            cells = [
                f"{figures['jit']['median_ms']:.3g}",
                _times(found["pillow/jit"]),
                _times(found["jax.image/jit"]),
                _times(found["jit/kernels"], 2),
                _times(found["pillow/xla"]),
                f"{seconds['jit']:.2f}; without llvmlite {seconds['xla']:.2f}",
            ]
            yield _row(case, cells)


def _tpu(results: Figures) -> Iterable[str]:
    yield (
        f"The kernel for TPUs, from the machine code that libtpu {results['versions']['libtpu']} makes of it; it "
        "has not run on one. RGB images of bytes, the slower of NCHW and NHWC:"
    )
    yield ""
    chips = list(results["chips"])
    heads = [f"{chip}, {what}" for chip in chips for what in ("µs counted", "time to move the bytes, over that")]
    yield from _head("", *heads)
    cases = dict.fromkeys(name.rsplit(", ", 2)[0] for name in results["int8"])
    for case in cases:
        found = [
            max(
                (figures for name, figures in results["int8"].items() if name.startswith(case) and name.endswith(chip)),
                key=lambda figures: figures["us"],
            )
            for chip in chips
        ]
        yield _row(case, [text for one in found for text in (f"{one['us']:.3g}", f"{one['percent']:.0f} %")])


def _triton(results: Figures) -> Iterable[str]:
    yield (
        f"The kernels for CUDA, from the machine code that Triton {results['versions']['triton']} makes of them; they "
        "have not run on a GPU, and no speed is claimed. Instructions that a thread issues for a byte of the result, "
        f"RGB images, on {', '.join(results['gpus'])}, NCHW and NHWC:"
    )
    yield ""
    yield from _head("", "both passes in one kernel, by tensor cores", "a kernel for each pass")
    for case in dict.fromkeys(name.rsplit(", ", 2)[0] for name in results["cases"]):
        found = [figures for name, figures in results["cases"].items() if name.startswith(f"{case}, ")]
        counts = [figures["instructions"] for figures in found]
        yield _row(case, [f"{min(counts):.3g} to {max(counts):.3g}", f"{max(f['gathering'] for f in found):.3g}"])


def _torch(results: Figures) -> Iterable[str]:
    versions = results["versions"]
    yield (
        f"CPU tensors of torch, one thread, on {results['machine']['cpu']}; torch {versions['torch']}, Pillow "
        f"{versions['pillow']}. Times of others over ours; torch's `antialias=True` is not equal to Pillow:"
    )
    yield ""
    yield from _head("bytes, RGB", "ours, ms", "Pillow", "torch")
    for case, figures in results["bytes"].items():
        found = figures["ratios"]
        last = [_times(found["pillow/ours"]), _times(found.get("torch/ours"))]
        yield _row(case, [f"{figures['ours']['median_ms']:.3g}", *last])
    yield ""
    yield from _head("float32, forward and backward", "ours, ms", "torch")
    for case, figures in results["gradients"].items():
        yield _row(case, [f"{figures['ours']['median_ms']:.3g}", _times(figures["ratios"]["torch/ours"])])
    small = results["small"]
    ours, array = (f"{small[who]['median_us']:.3g} µs" for who in ("ours", "numpy"))
    yield ""
    yield (
        f"One image of 32² to 16²: {ours}, as numpy array {array}. Where a program calls the operator, that adds "
        f"{small['added_us']:.2g} µs; an operator that does nothing takes {small['dispatch_us']:.2g} µs."
    )


def _skew(results: Figures) -> Iterable[str]:
    versions, (least, most) = results["versions"], results["sides"]
    yield (
        f"{results['tested_on']:,} RGB pictures, {results['without_detail']} of them without fine detail, from {least} "
        f"to {most} samples a side to {results['side']}²; means of {len(results['seeds'])} networks, and the largest "
        f"difference of all. Pillow {versions['pillow']}, torch {versions['torch']}, jax {versions['jax']}, OpenCV "
        f"{versions['opencv-python-headless']}, on {results['machine']['cpu']}."
    )
    columns = ("accuracy", "of those without detail", "predictions that differ", "logits differ, mean and most")
    for resample, found in results["filters"].items():
        yield ""
        deviation = _mean(found["logits_deviation"])
        yield f"{resample.capitalize()}; the standard deviation of Pillow's logits is {deviation:.1f}:"
        yield ""
        yield from _head("", *columns, "samples that differ, and by how much at most")
        for name, figures in found["routes"].items():
            yield _row(name, _costs(figures))


def _costs(figures: Figures) -> Iterable[str]:
    yield f"{100 * _mean(figures['accuracy']):.2f} %"
    yield f"{100 * _mean(figures['accuracy_without_detail']):.2f} %"
    yield _share(_mean(figures["predictions_differ"]))
    largest = max(figures["logits_largest"])
    yield f"{_mean(figures['logits_mean']):.2g}, {largest:.2g}" if largest else "none"
    yield _share(figures["samples_differ"]) + (f", {most}" if (most := figures["samples_largest"]) else "")


def _mean(figures: list[float]) -> float:
    return sum(figures) / len(figures)


def _share(part: float) -> str:
    """Of what differs: `"none"` means that nothing does."""
    return f"{100 * part:.3g} %" if part else "none"


PARTS = {
    "cpu": [_rgb, _kinds, _neighbours, _overheads],
    "jax": [_jax],
    "tpu": [_tpu],
    "torch": [_torch],
    "triton": [_triton],
    "skew": [_skew],
}

if __name__ == "__main__":
    print(summary(sys.argv[1]))
