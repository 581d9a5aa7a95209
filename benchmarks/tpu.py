"""What the kernels cost on TPUs, read from their machine code: no TPU is needed, and none has run it.

    python benchmarks/tpu.py --out benchmarks/results/tpu.json

With libtpu, which compiles for chips that are not there, and writes down the code if it is asked to.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import time
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.machine import environment, fresh_python
from benchmarks.table import Table
from benchmarks.timing import write
from portresize import Resampling
from portresize._core.plan import plan
from portresize._core.spec import Spec
from portresize._core.steps import Pass
from portresize._kernels.pallas.chips import chip
from portresize._kernels.pallas.pieces import pieces
from portresize._kernels.pallas.program import arrange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from portresize._kernels.pallas.chips import Limbs

Array = Any
Figures = dict[str, Any]
METHOD = (
    "Compiled ahead of time by libtpu on a machine without a TPU; nothing ran on one. The code of a kernel is a list "
    "of bundles, instructions that start in one cycle. Those of one step of the grid are counted, the ones in a loop "
    "as often as it runs, and scaled from the planes of a step to the three of an RGB image. That leaves out what a "
    "chip does beside: waiting for copies to and from its memory, for instructions, and between steps. The floor is "
    "the time in which the memory can move the bytes of an image, in and out once; `percent` is the floor by the time "
    "counted, and above 100 it is the memory that counts. `moves` are the copies and transpositions that the compiled "
    "program makes of whole arrays before and after the kernel, besides."
)


class Tpu(NamedTuple):
    """A chip to compile for.

    Attributes:
        topology: What libtpu calls a machine with it.
        kind: What jax calls it.
        clock: Cycles a second: operations a second by those of a cycle, both as jax/_src/pallas/mosaic/tpu_info.py
            has them.
        bandwidth: Bytes a second of its memory.
    """

    topology: str
    kind: str
    clock: float
    bandwidth: float


TPUS = {
    "v5e": Tpu("v5e:2x2x1", "TPU v5 lite", 1.5e9, 819e9),
    "v6e": Tpu("v6e:2x2x1", "TPU v6 lite", 1.75e9, 1640e9),
}
# Height and width before and after, filter, and least percentage of the floor for NCHW and int8 by chip.
SHAPES: dict[str, tuple[tuple[int, int], tuple[int, int], str, dict[str, float]]] = {
    "512² to 224² bilinear": ((512, 512), (224, 224), "bilinear", {"v5e": 45}),
    "1080x1920 to 224² bicubic": ((1080, 1920), (224, 224), "bicubic", {"v5e": 85, "v6e": 85}),
    "2160x3840 to 512² lanczos": ((2160, 3840), (512, 512), "lanczos", {"v5e": 85, "v6e": 85}),
    "224² to 512² bicubic": ((224, 224), (512, 512), "bicubic", {}),
}
# RGB images of a batch.
IMAGES, BANDS = 32, 3
# NHWC as it is written, for comparison: `_jax_tpu` goes plane by plane, as XLA keeps such arrays.
INTERLEAVED = "NHWC interleaved"
_COLUMNS = ("bundles", "µs", "floor µs", "percent", "moves", "compile s")
_SETTINGS = {
    "JAX_PLATFORMS": "cpu",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_HOST_BOUNDS": "1,1,1",
    "TPU_CHIPS_PER_HOST_BOUNDS": "2,2,1",
}
_BUNDLE = re.compile(r"\s*0x[0-9a-f]+\s+(\w\w)?\s*: (>*) ?\{")
_RUNS = re.compile(r"scmp\.ge\.s32\.totalorder %\w+, (\d+) \}? ?/\* loop exit test \*/")


def kernels(limbs: str, shapes: Iterable[str] = SHAPES, layouts: Iterable[str] = ("NCHW", "NHWC")) -> Figures:
    """Shapes and layouts for every chip."""
    found: Figures = {}
    for name, tpu in TPUS.items():
        table = Table(f"{name}, {limbs}, an RGB image", *_COLUMNS)
        for shape, layout in product(shapes, layouts):
            figures = found[f"{shape}, {layout}, {name}"] = kernel(tpu, shape, layout, limbs)
            columns = ("bundles", "us", "floor_us", "percent", "moves", "compile_s")
            table.row(f"{shape} {layout}", dict(zip(_COLUMNS, map(figures.get, columns), strict=True)))
            goal = SHAPES[shape][3].get(name, 0) if layout == "NCHW" and limbs == "int8" else 0
            assert figures["percent"] >= goal, f"{shape}, {name}: {figures['percent']} % of the floor, not {goal}"
    return found


def kernel(tpu: Tpu, shape: str, layout: str, limbs: str) -> Figures:
    """One kernel, by an interpreter of its own: libtpu writes down all that a process compiles."""
    source, size, *_ = SHAPES[shape]
    with tempfile.TemporaryDirectory() as folder:
        flags = f"--xla_jf_dump_to={folder} --xla_jf_dump_llo_text=true"
        request = json.dumps([tpu.topology, shape, layout, limbs])
        answer = json.loads(fresh_python(__file__, "--one", request, **_SETTINGS, LIBTPU_INIT_ARGS=flags))
        (code,) = Path(folder).glob("*-portresize*[0-9]-final_bundles.txt")
        n = bundles(code.read_text())
    n_planes = answer.pop("planes")
    microseconds = 1e6 * BANDS * n / n_planes / tpu.clock
    floor = 1e6 * BANDS * (source[0] * source[1] + size[0] * size[1]) / tpu.bandwidth
    return {
        "bundles": round(BANDS * n / n_planes),
        "us": round(microseconds, 3),
        "floor_us": round(floor, 3),
        "percent": round(100 * floor / microseconds, 1),
        **answer,
    }


def bundles(code: str) -> int:
    """Bundles of a step of the grid.

    A bundle shows by `>` how many loops it is in, of which the grid is the first; `LB` begins the body of one, and its
    exit test says how often it runs.
    """
    # Bundles counted and runs, of each loop that the line is in.
    loops = [[0, 1]]
    most = 0

    def leave() -> None:
        count, runs = loops.pop()
        loops[-1][0] += count * runs

    for line in code.splitlines():
        found = _BUNDLE.match(line)
        if not found:
            continue
        depth = len(found[2])
        while len(loops) - 1 > depth or (found[1] == "LB" and len(loops) - 1 == depth):
            if len(loops) == 2:
                most = max(most, loops[-1][0])
            leave()
        while len(loops) - 1 < depth:
            loops.append([0, 1])
        loops[-1][0] += 1
        if depth > 1 and (runs := _RUNS.search(line)):
            loops[-1][1] = int(runs[1])
    return most


def one(topology: str, shape: str, layout: str, limbs: Limbs) -> Figures:
    """Compile the whole resize of a batch."""
    from portresize._backends import _jax_tpu
    from portresize._kernels.pallas import kernel

    source, size, resample, _ = SHAPES[shape]
    steps = plan(Spec("NCHW", "RGB", "pillow-13", size, int(Resampling[resample.upper()])), source).steps
    (kind,) = (tpu.kind for tpu in TPUS.values() if tpu.topology == topology)
    on = chip(kind)._replace(limbs=limbs)
    (piece,) = pieces(steps, source, on)
    assert not piece.why
    passes = [step for step in piece.steps if isinstance(step, Pass)]
    (height, width), n_planes = source, IMAGES * BANDS
    if layout == INTERLEAVED:
        n_planes = IMAGES

        def act(x: Array) -> Array:
            y = kernel.run(x.reshape(IMAGES, height, width * BANDS), passes, bands=BANDS, limbs=limbs)
            return y.reshape(IMAGES, *size, BANDS)
    else:

        def act(x: Array) -> Array:
            return _jax_tpu.perform(x, layout, steps, on=on)

    extent = {"N": IMAGES, "C": BANDS, "H": height, "W": width}
    text, seconds = _compiled(topology, act, tuple(extent[letter] for letter in layout[:4]), "uint8")
    program = arrange(passes, source, bands=IMAGES * BANDS // n_planes, limbs=limbs).among(n_planes)
    planes = program.planes * IMAGES * BANDS // n_planes
    return {"planes": planes, "moves": len(re.findall(r" (?:copy|transpose)\(", text)), "compile_s": round(seconds, 1)}


def by_xla(topology: str, mode: str, dtype: str) -> Figures:
    """Whether the modes without a kernel compile for a chip without 64-bit types."""
    from portresize._backends import _jax_tpu

    steps = plan(Spec("NHW", mode, "pillow-13", (224, 224), int(Resampling.BILINEAR)), (512, 512)).steps
    _, seconds = _compiled(topology, lambda x: _jax_tpu.perform(x, "NHW", steps), (8, 512, 512), dtype)
    return {"compile_s": round(seconds, 1)}


def _compiled(topology: str, act: Callable[[Array], Array], shape: tuple[int, ...], dtype: str) -> tuple[str, float]:
    """The program that XLA makes of `act`, and the seconds that takes."""
    import jax
    from jax.experimental import topologies

    device = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices[0]
    x = jax.ShapeDtypeStruct(shape, dtype, sharding=jax.sharding.SingleDeviceSharding(device))
    start = time.perf_counter()
    compiled = jax.jit(act).lower(x).compile()
    return compiled.as_text(), time.perf_counter() - start


def main() -> None:
    """Compile everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--xla", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one or args.xla:
        print(json.dumps(one(*args.one) if args.one else by_xla(*args.xla)))
        return
    figures = environment()
    figures["versions"]["libtpu"] = version("libtpu")
    figures |= {
        "command": "python benchmarks/tpu.py --out benchmarks/results/tpu.json",
        "method": METHOD,
        "chips": {name: tpu._asdict() for name, tpu in TPUS.items()},
        "int8": kernels("int8"),
        "bf16": kernels("bf16"),
        "interleaved": kernels("int8", ["512² to 224² bilinear"], [INTERLEAVED]),
        "by_xla": {
            f"{mode} 512² to 224² bilinear, {name}": json.loads(
                fresh_python(__file__, "--xla", json.dumps([tpu.topology, mode, dtype]), **_SETTINGS)
            )
            for name, tpu in TPUS.items()
            for mode, dtype in (("I;16", "uint16"), ("I", "int32"), ("F", "float32"))
        },
    }
    print(json.dumps(figures["by_xla"], indent=2))
    if args.out:
        write(figures, args.out)


if __name__ == "__main__":
    os.environ.update(_SETTINGS)
    main()
