"""`portresize compare`: one picture, shrunk by Pillow, by portresize on every library, and by what people use today."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import portresize
from portresize._cases import Case
from portresize._cli import arguments, figure, libraries, output, pillow, rivals
from portresize._cli.picture import Picture, read
from portresize._cli.table import Table
from portresize._core import report, request
from portresize._core.filters import Resampling
from portresize._core.modes import MODES

if TYPE_CHECKING:
    import argparse

_CAPTION = (
    "Differences from Pillow in sample values. relative: mean of |x - Pillow| / |Pillow|, the measure of Stack "
    "Overflow question 60949936, taken where Pillow's value is not 0, since the question's formula divides by it. "
    "Rivals' integers are rounded and clipped as torchvision does."
)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "compare",
        help="resize a picture with every library, and show how far each is from Pillow",
        description="Resize a picture with Pillow, with portresize on every installed array library, and with what "
        "people use today; print how far each is from Pillow, and draw it. The exit code is 1 if one of "
        "portresize's results is not Pillow's.",
    )
    parser.add_argument(
        "picture",
        nargs="?",
        type=Path,
        metavar="IMAGE_OR_ARRAY",
        help="an image file, or a .npy or .npz file with an array (height, width) or (height, width, bands) of uint8, "
        "uint16, int32, float32 or bool (a photograph that comes with matplotlib)",
    )
    parser.add_argument(
        "--size",
        type=arguments.size,
        default=(128, 128),
        metavar="HEIGHTxWIDTH",
        help="of the result, height first (128x128)",
    )
    parser.add_argument("--filter", default="bicubic", help="(%(default)s)")
    parser.add_argument(
        "--output", type=Path, default=Path("compare.png"), metavar="FILE", help="where to draw it (%(default)s)"
    )
    parser.set_defaults(run=run, names={"size": "--size", "resample": "--filter"})


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a result is from Pillow's."""

    largest: float
    mean: float
    percent: float
    relative: float

    def cells(self) -> tuple[str, ...]:
        """As text."""
        return (
            f"{self.largest:.6g}",
            f"{self.mean:.4g}",
            f"{self.percent:.3g} %",
            f"{self.relative:.4g}",
        )


def run(args: argparse.Namespace) -> int:
    """Print the table, draw the picture."""
    output.check_figure(args.output, args.picture)
    spoken = pillow.installed()
    picture = read(args.picture)
    case = _case(args, picture, spoken)
    expected = pillow.resize(picture.array, case)
    if spoken.note:
        print(f"note: {spoken.note}")
    sizes = f"{arguments.by(case.source)} -> {arguments.by(case.size)} (height x width)"
    what = f"{picture.name}: {picture.mode} {picture.array.dtype}, {sizes}"
    print(f"{what}, {case.resample.name.lower()}, by Pillow {spoken.version}\n")
    table = Table(("", "version", "largest", "mean", "differing", "relative"), _NUMBERS)
    ours, wrong = _our_rows(table, picture, case, spoken, expected)
    table.rule()
    theirs = _their_rows(table, picture, case, expected)
    table.print()
    print("\n" + textwrap.fill(_CAPTION, 100))
    for text in wrong:
        print(f"\n{text}")
    try:
        with output.replacing(args.output) as file:
            figure.draw(file, spoken=spoken, picture=picture, case=case, expected=expected, ours=ours, theirs=theirs)
        print(f"\npicture: {args.output}")
    except libraries.Missing as reason:
        print(f"\nno picture: matplotlib is {reason}")
    return int(bool(wrong))


_NUMBERS = frozenset({"largest", "mean", "differing", "relative"})


def distance(result: np.ndarray, expected: np.ndarray) -> Distance:
    """Measure `result`."""
    a, e = result.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):
        # Equal infinities, and NaN with NaN, are no difference.
        gap = np.where((a == e) | (np.isnan(a) & np.isnan(e)), 0.0, np.abs(a - e))
    present = np.isfinite(e) & (e != 0)
    relative = (gap[present] / np.abs(e[present])).mean() if present.any() else 0.0
    return Distance(float(gap.max()), float(gap.mean()), 100 * float((gap != 0).mean()), float(relative))


def _case(args: argparse.Namespace, picture: Picture, spoken: pillow.Spoken) -> Case:
    height, width = picture.array.shape[:2]
    resample = request.filter_of(args.filter, spoken.dialect, Resampling.BICUBIC)
    if MODES[picture.mode].kind == "index":
        # Whatever is asked for, Pillow copies the nearest sample; so must the rivals.
        resample = Resampling.NEAREST
    return Case(picture.name, picture.mode, (height, width), request.size_of(args.size), resample)


def _our_rows(
    table: Table, picture: Picture, case: Case, spoken: pillow.Spoken, expected: np.ndarray
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Resize with every library: the results by name, and what is wrong with any."""
    results: dict[str, np.ndarray] = {}
    wrong: list[str] = []
    for opened in libraries.opened():
        target, module = opened.target, opened.module
        name = f"portresize on {target}"
        if module is None:
            table.add(name, opened.reason, tone="dim")
            continue
        if target.row == "no-float64":
            # A device for tests; `check` has it.
            continue
        try:
            layout = "HWC"[: picture.array.ndim]
            keywords = case.arguments(spoken.dialect) | {"layout": layout}
            answer = portresize.resize(target.send(module, picture.array), case.size, **keywords)
            result = target.fetch(module, answer)
        except Exception as error:  # noqa: BLE001  one library that fails must not hide the others
            text = f"failed: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
            table.add(name, opened.version, text, tone="bad")
            wrong.append(f"{name} {text}")
            continue
        difference = report.compare(result, expected)
        if difference:
            wrong.append(f"{name}: {difference}")
        results[str(target)] = result
        table.add(name, opened.version, *distance(result, expected).cells(), tone="bad" if difference else "good")
    return results, wrong


def _their_rows(table: Table, picture: Picture, case: Case, expected: np.ndarray) -> dict[str, np.ndarray | str]:
    """Resize with every rival: by name the result, or why there is none."""
    results: dict[str, np.ndarray | str] = {}
    for rival in rivals.RIVALS:
        name = rivals.word(rival, case.resample)
        try:
            module = rivals.load(rival)
        except libraries.Missing as reason:
            table.add(name, str(reason), tone="dim")
            results[rival.name] = f"{rival.module} is {reason}"
            continue
        version = str(module.__version__)
        try:
            result = rival.resize(module, picture.array, case.size, case.resample)
        except rivals.NotOffered as reason:
            table.add(name, version, str(reason), tone="dim")
            results[rival.name] = str(reason)
        except Exception as error:  # noqa: BLE001  a rival that fails is a row like any other
            table.add(name, version, f"failed: {str(error).partition(chr(10))[0]}", tone="dim")
            results[rival.name] = "failed"
        else:
            table.add(name, version, *distance(result, expected).cells())
            results[rival.name] = result
    return results
