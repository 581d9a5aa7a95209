"""`portresize explain`: which steps answer a request, what each leaves, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._cli import arguments
from portresize._cli.table import Table
from portresize._core import request
from portresize._core.dialect import DEFAULT, VERSIONS
from portresize._core.filters import Resampling
from portresize._core.modes import MODES, PILLOWS
from portresize._core.plan import Plan, plan
from portresize._core.spec import Spec
from portresize._core.steps import Pass, Reduce, Step, Take, size_after
from portresize._kernels.pallas import pieces

if TYPE_CHECKING:
    import argparse

Size = tuple[int, int]

# What the library calls an argument, and what this command does.
_NAMES = {
    "size": "RESULT",
    "resample": "--filter",
    "mode": "--mode",
    "box": "--box",
    "reducing_gap": "--gap",
    "layout": "--layout",
    "dialect": "--dialect",
}
_ROUNDING = {
    "u8": "22-bit weights, int32 sums, rounded to 8 bits",
    "u16": "double weights, double sums, rounded to 16 bits",
    "i32": "double weights, double sums, rounded to int32",
    "float": "double weights, double sums, rounded to the dtype",
    "i16": "double weights, double sums, rounded to int16",
    "u32": "double weights, double sums, rounded to uint32",
}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "explain",
        help="show the steps that answer a request, and what they cost",
        description="Show the steps that answer a request, and what they cost. Nothing is resized.",
    )
    parser.add_argument("source", type=arguments.size, metavar="SOURCE", help="its size, HEIGHTxWIDTH")
    parser.add_argument("size", type=arguments.size, metavar="RESULT", help="its size, HEIGHTxWIDTH")
    parser.add_argument("--filter", default="bicubic", help="(%(default)s)")
    parser.add_argument("--mode", default="RGB", help="how Pillow would read the array (%(default)s)")
    parser.add_argument("--box", type=arguments.box, metavar="LEFT,UPPER,RIGHT,LOWER", help="part of the source")
    parser.add_argument("--gap", type=float, help="`reducing_gap`, at least 1")
    parser.add_argument("--layout", help="letters of the axes (HWC, or HW for modes of one band)")
    parser.add_argument("--dialect", default=DEFAULT, help="whose results (%(default)s)")
    parser.set_defaults(run=run, names=_NAMES)


def run(args: argparse.Namespace) -> int:
    """Print the plan."""
    spec = _spec(args)
    planned = plan(spec, args.source)
    bands = MODES[spec.mode].bands or 1
    print(_title(spec, planned))
    print()
    _table(planned, bands).print()
    print()
    print(_elsewhere(spec, planned))
    print(pieces.explain(planned.steps, planned.source, layout=spec.layout))
    return 0


def _spec(args: argparse.Namespace) -> Spec:
    """The request as the verbs would hand it down."""
    row = MODES.get(args.mode)
    bands = row.bands if row else 0
    layout = args.layout or ("HWC" if bands else "HW")
    extent = {"H": args.source[0], "W": args.source[1], "C": bands or 1}
    layout = request.layout_of(tuple(extent.get(letter, 1) for letter in layout), layout)
    dtype = row.dtypes[0] if row else "uint8"
    return Spec(
        layout,
        request.mode_of(dtype, extent["C"] if "C" in layout else None, args.mode),
        args.dialect,
        size=request.size_of(args.size),
        resample=request.filter_of(args.filter, args.dialect, Resampling.BICUBIC),
        box=request.box_of(args.box),
        reducing_gap=request.gap_of(args.gap),
    )


def _title(spec: Spec, planned: Plan) -> str:
    mode = MODES[spec.mode]
    resample = Resampling.NEAREST if mode.kind == "index" else Resampling(spec.resample)
    words = [
        f"{arguments.by(planned.source)} -> {arguments.by(planned.result)} (height x width)",
        f"mode {spec.mode} ({mode.dtypes[0]}, layout {spec.layout})",
        resample.name.lower(),
    ]
    if spec.box:
        words.append(f"box {', '.join(f'{edge:.10g}' for edge in spec.box)}")
    if spec.reducing_gap:
        words.append(f"reducing gap {spec.reducing_gap:g}")
    return ", ".join([*words, f"dialect {spec.dialect}"])


def _table(planned: Plan, bands: int) -> Table:
    table = Table(("step", "what it does", "leaves", "taps", "tables", "multiply-adds"), _NUMBERS)
    size = planned.source
    table.add("", "the source", arguments.by(size), "", "", "")
    total_bytes = total_work = 0
    for number, step in enumerate(planned.steps, 1):
        after = size_after(step, size)
        held, work = _bytes(step), _multiply_adds(step, size) * bands
        table.add(
            str(number),
            _what(step),
            arguments.by(after),
            str(step.taps.n_taps) if isinstance(step, Pass) else "",
            _memory(held) if held else "",
            _count(work) if work else "",
        )
        size, total_bytes, total_work = after, total_bytes + held, total_work + work
    if not planned.steps:
        table.add("1", "copy", arguments.by(size), "", "", "")
    table.rule()
    table.add("", f"all, for {bands} band{'s' * (bands > 1)}", "", "", _memory(total_bytes), _count(total_work))
    return table


_NUMBERS = frozenset({"step", "leaves", "taps", "tables", "multiply-adds"})


def _what(step: Step) -> str:
    """A step in words that need no table beside them."""
    match step:
        case Pass(axis, taps, kind, clip):
            lo, hi = taps.window()
            lines = "rows" if axis == "H" else "columns"
            apart = "" if clip or kind != "u16" else ", each byte clipped apart"
            return f"pass along {axis}: {lines} {lo}..{hi} -> {taps.n_out}; {_ROUNDING[kind]}{apart}"
        case Reduce(vertical, horizontal):
            return f"reduce: average blocks of {vertical}x{horizontal}"
        case _:
            return str(step)


def _bytes(step: Step) -> int:
    """Memory of a step's tables."""
    match step:
        case Pass(taps=taps):
            return taps.start.nbytes + taps.size.nbytes + taps.weight.nbytes
        case Take(index=index):
            return index.nbytes
        case _:
            return 0


def _multiply_adds(step: Step, size: Size) -> int:
    """Multiplications with an addition that one band takes; an average adds each sample and multiplies each sum."""
    height, width = size
    match step:
        case Pass(axis, taps):
            return int(taps.size.sum()) * (width if axis == "H" else height)
        case Reduce():
            return height * width
        case _:
            return 0


def _memory(n_bytes: int) -> str:
    return f"{n_bytes / 1024:,.1f} KiB"


def _count(n: int) -> str:
    return f"{n:,}"


def _elsewhere(spec: Spec, planned: Plan) -> str:
    """Return which dialects give this plan and which do not."""
    if spec.mode not in PILLOWS:
        return f"Pillow has no mode for {MODES[spec.mode].dtypes[0]}: a rule of portresize"
    answers: dict[str, list[str]] = {"This plan in Pillow": [], "another in": [], "an error in": []}
    same, another, refused = answers.values()
    for version in VERSIONS:
        name = ".".join(map(str, version))
        try:
            request.filter_of(spec.resample, f"pillow-{name}", Resampling.BICUBIC)
            there = plan(spec._replace(dialect=f"pillow-{name}"), planned.source)
        except ValueError:
            refused.append(name)
        else:
            (same if _words(there) == _words(planned) else another).append(name)
    return "; ".join(f"{what} {_ranges(names)}" for what, names in answers.items() if names)


def _words(planned: Plan) -> list[str]:
    """All steps in words, by which two plans are compared."""
    return [_what(step) for step in planned.steps]


def _ranges(names: list[str]) -> str:
    """`7.0 to 12.3` for versions that follow each other."""
    order = [".".join(map(str, version)) for version in VERSIONS]
    runs: list[list[str]] = []
    for name in names:
        if runs and order.index(name) == order.index(runs[-1][-1]) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
