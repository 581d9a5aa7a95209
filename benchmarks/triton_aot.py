"""What the kernels for NVIDIA GPUs cost, read from their machine code: no GPU is needed, and none has run it.

    python benchmarks/triton_aot.py --out benchmarks/results/triton.json

With Triton, which compiles for GPUs that are not there, and brings the programs that take machine code apart.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.machine import environment
from benchmarks.machine_code import Code, compiled
from benchmarks.table import Table
from benchmarks.timing import write
from portresize import Resampling
from portresize._core.plan import plan
from portresize._core.spec import Spec
from portresize._core.steps import Pass

if TYPE_CHECKING:
    from collections.abc import Iterable


Figures = dict[str, Any]
METHOD = (
    "Compiled ahead of time by Triton and ptxas on a machine without a GPU; nothing ran on one. `kernels` has what "
    "each kernel consists of: registers of a thread, bytes of shared memory, and instructions by kind, those of each "
    "loop too. `cases` has RGB images of batches: instructions of a lane for each byte of the result, those in the "
    "loop over rows counted as often as it runs; `gathering` is what `choice` reckons for a pass after the other. "
    "Times are a model, not measured: `issue` is the time in which the multiprocessors can issue all instructions, "
    "`tensor` that in which their tensor cores can make all products, and `memory` that in which the bytes of an "
    "image go in and out once, all with the numbers of `gpus`. The longest is the least time that an image can take, "
    "and `percent` is `memory` by it. `programs` is how many find room on a multiprocessor at once."
)


class Gpu(NamedTuple):
    """A GPU to compile for, and to model.

    Attributes:
        capability: What the compiler calls it.
        processors: Multiprocessors.
        clock: Cycles a second, at most.
        bandwidth: Bytes a second of its memory that a copy can reach; about nine tenths of what the data sheet says.
        products: Of bytes, added, in a cycle of a multiprocessor.
        shared: Bytes of shared memory of a multiprocessor.
        most: Programs on a multiprocessor at most.
    """

    capability: int
    processors: int
    clock: float
    bandwidth: float
    products: float
    shared: int
    most: int


# From data sheets and the CUDA programming guide. On Hopper the instructions for one warp reach about 62 % of the rate
# of those for four, as microbenchmarks found.
GPUS = {
    "A100": Gpu(80, 108, 1.41e9, 1.75e12, 2048, 164 << 10, 32),
    "RTX 4090": Gpu(89, 128, 2.52e9, 0.92e12, 1024, 100 << 10, 24),
    "H200": Gpu(90, 132, 1.98e9, 4.3e12, 0.62 * 4096, 228 << 10, 32),
    "RTX 5090": Gpu(120, 170, 2.41e9, 1.6e12, 1024, 100 << 10, 24),
}
LANES = 128  # Of a multiprocessor, instructions a cycle.
REGISTERS = 1 << 16
PRODUCTS = 16 * 8 * 32  # Of an instruction IMMA.16832.
# Height and width before and after, and filter.
SHAPES: dict[str, tuple[tuple[int, int], tuple[int, int], str]] = {
    "512² to 224² bilinear": ((512, 512), (224, 224), "bilinear"),
    "512² to 224² bicubic": ((512, 512), (224, 224), "bicubic"),
    "512² to 128² bilinear": ((512, 512), (128, 128), "bilinear"),
    "1080x1920 to 360x640 bilinear": ((1080, 1920), (360, 640), "bilinear"),
    "1080x1920 to 224² bicubic": ((1080, 1920), (224, 224), "bicubic"),
    "2160x3840 to 512² lanczos": ((2160, 3840), (512, 512), "lanczos"),
    "224² to 512² bicubic": ((224, 224), (512, 512), "bicubic"),
    "384² to 336² bicubic": ((384, 384), (336, 336), "bicubic"),
}
BANDS = 3


def simple(capability: int) -> dict[str, Code]:
    """The kernels that make a step each.

    Raises:
        AssertionError: A pass has registers in memory, or products and sums in one, rounded once.
    """
    from portresize._kernels.triton.kernels import uses
    from portresize._kernels.triton.tiles import OPTIONS

    found = {use.name: compiled(use, capability, OPTIONS) for use in uses()}
    passes = {name: code for name, code in found.items() if " pass " in name}
    must_stay_in_registers(passes)
    contracted = [name for name, code in passes.items() if code.all["DFMA"]]
    assert not contracted, f"{capability}: products and sums in one, rounded once: {contracted}"
    return found


def streaming(capability: int) -> dict[str, Code]:
    """The kernel that makes two passes, in all its forms.

    Raises:
        AssertionError: One has registers in memory, or no use for tensor cores.
    """
    from portresize._kernels.triton.stream_uses import uses

    found = {use.name: compiled(use, capability, options) for use, options in uses()}
    must_stay_in_registers(found)
    without = [name for name, code in found.items() if not code.all["IMMA"]]
    assert not without, f"{capability}: no tensor cores: {without}"
    return found


def must_stay_in_registers(found: dict[str, Code]) -> None:
    """Raises AssertionError if a kernel has a stack, or reads or writes local memory."""
    spilled = [name for name, code in found.items() if code.stack or code.all["LDL"] or code.all["STL"]]
    assert not spilled, f"registers in memory: {spilled}"


def case(gpu: Gpu, shape: str, layout: str) -> Figures:
    """An RGB image of a batch, as `choose` would have it."""
    from portresize._kernels.triton import stream_tables
    from portresize._kernels.triton.choice import Task, choose, gathering
    from portresize._kernels.triton.stream_uses import use

    source, size, resample = SHAPES[shape]
    spec = Spec("HW", "L", "pillow-13", size, int(Resampling[resample.upper()]))
    first, second = (step for step in plan(spec, source).steps if isinstance(step, Pass))
    assert first.axis == "W"
    bands = BANDS if layout == "NHWC" else 1
    task = Task(first.taps, second.taps, (bands, 1), source[0], 16, 0)
    form = choose(task, divmod(gpu.capability, 10))
    assert form
    code = compiled(use(shape, form), gpu.capability, form.options)
    must_stay_in_registers({shape: code})
    walk = stream_tables.walk(second.taps, 1, form.oh, form.kr, 1, paired=form.paired)
    assert walk
    # Products of samples whose weights are read again and again are in a loop of their own.
    body, runs = code.loops[0], 0
    if not form.chunks:
        runs = -(-stream_tables.reach(first.taps, bands, form.ow, align=task.align, offset=0) // form.kc)
    chunks, inner = len(walk.weight), code.loops[1] if runs else Counter[str]()
    not_stored = (chunks - int(walk.ends.sum())) * code.seldom if form.paired else 0
    once = code.all.total() - sum(loop.total() for loop in code.loops)
    strips = -(-size[1] * bands // form.ow) * BANDS // bands
    instructions = strips * (once + chunks * (body.total() + runs * inner.total()) - not_stored)
    products = strips * chunks * (body["IMMA"] + runs * inner["IMMA"]) * PRODUCTS
    written = BANDS * size[0] * size[1]
    times = {
        "issue": instructions * 32 / (LANES * gpu.processors * gpu.clock),
        "tensor": products / (gpu.products * gpu.processors * gpu.clock),
        "memory": (written + BANDS * source[0] * source[1]) / gpu.bandwidth,
    }
    return {
        "form": form._asdict(),
        "registers": code.registers,
        "shared": code.shared,
        "programs": _programs(gpu, code),
        "chunk": body.total(),
        "instructions": round(instructions * 32 / written, 1),
        "gathering": round(gathering(task) * BANDS / bands / written, 1),
        "model_us": {name: round(1e6 * seconds, 3) for name, seconds in times.items()},
        "percent": round(100 * times["memory"] / max(times.values()), 1),
    }


def _programs(gpu: Gpu, code: Code) -> int:
    """Of one warp each."""
    registers = -(-code.registers // 8) * 8 * 32
    return min(gpu.most, REGISTERS // registers, gpu.shared // (code.shared + 1024))


def cases(names: Iterable[str] = GPUS, shapes: Iterable[str] = SHAPES) -> Figures:
    """Shapes and layouts for every GPU."""
    found: Figures = {}
    columns = ("instructions", "gathering", "registers", "programs", "percent")
    for name in names:
        table = Table(f"{name}, an RGB image (model, not measured)", *columns)
        for shape in shapes:
            for layout in ("NCHW", "NHWC"):
                figures = found[f"{shape}, {layout}, {name}"] = case(GPUS[name], shape, layout)
                table.row(f"{shape} {layout}", {column: figures[column] for column in columns})
    return found


def kernels(capabilities: Iterable[int]) -> Figures:
    """All kernels for every capability."""
    found: Figures = {}
    for capability in capabilities:
        name = f"{capability / 10:.1f}"
        codes = {"streaming": streaming(capability), "simple": simple(capability)}
        found[name] = {what: {use: code.figures() for use, code in each.items()} for what, each in codes.items()}
        print(f"{name}: {', '.join(f'{len(each)} {what} kernels' for what, each in codes.items())}", flush=True)
    return found


def some(gpu: str, shapes: Iterable[str], uses: Iterable[str]) -> Figures:
    """What a test compares with the figures that are kept: cases of images in planes, and kernels by name."""
    from portresize._kernels.triton import kernels as other
    from portresize._kernels.triton import stream_uses
    from portresize._kernels.triton.tiles import OPTIONS

    wanted = set(uses)
    all_of_them = [*((use, OPTIONS) for use in other.uses()), *stream_uses.uses()]
    codes = {
        use.name: compiled(use, GPUS[gpu].capability, options) for use, options in all_of_them if use.name in wanted
    }
    return {
        "cases": {f"{shape}, NCHW, {gpu}": case(GPUS[gpu], shape, "NCHW") for shape in shapes},
        "kernels": {name: code.figures() for name, code in codes.items()},
    }


def main() -> None:
    """Compile everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    parser.add_argument("--some", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if os.environ.get("TRITON_INTERPRET"):
        parser.error("Triton interprets kernels while TRITON_INTERPRET is set, and compiles none")
    if args.some:
        print(json.dumps(some(*args.some)))
        return
    from importlib.metadata import version

    figures = environment()
    figures["versions"]["triton"] = version("triton")
    figures |= {
        "command": "python benchmarks/triton_aot.py --out benchmarks/results/triton.json",
        "method": METHOD,
        "gpus": {name: gpu._asdict() for name, gpu in GPUS.items()},
        "cases": cases(),
        "kernels": kernels(gpu.capability for gpu in GPUS.values()),
    }
    if args.out:
        write(figures, args.out)


if __name__ == "__main__":
    main()
