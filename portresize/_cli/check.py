"""`portresize check`: every library of this machine against its Pillow, judged by the table of guarantees."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import portresize
from portresize._cases import CASES, Case, by_pillow, pixels
from portresize._cli import libraries, output, pillow
from portresize._cli.table import Table
from portresize._core import report
from portresize._core.guarantee import GUARANTEE, Bound, kind_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import numpy as np


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "check",
        help="compare every installed library with the installed Pillow",
        description="Resize noise in every mode with every installed library and compare with the installed Pillow. "
        "The exit code is 1 if a library breaks its guarantee, and 2 if one that is named cannot be checked.",
    )
    parser.add_argument("--library", nargs="+", choices=libraries.NAMES, metavar="NAME", help="(all that there are)")
    parser.add_argument("--cases", type=int, metavar="N", help=f"take N of the {len(CASES)} cases, evenly spaced (all)")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to a file too")
    parser.set_defaults(run=run)


@dataclass(slots=True)
class Tally:
    """What one library has shown.

    `broken` holds what went beyond the guarantee, by name of the case.
    """

    cases: int = 0
    values: int = 0
    differing: int = 0
    largest: float = 0
    ulps: float = 0
    open: int = 0
    broken: dict[str, str] = field(default_factory=dict)

    def count(self, case: Case, image: np.ndarray, result: np.ndarray, expected: np.ndarray, bound: Bound) -> None:
        """Add a case."""
        difference = report.compare(result, expected)
        self.cases += 1
        self.values += difference.total
        self.differing += difference.differing
        self.largest = max(self.largest, difference.largest)
        self.ulps = max(self.ulps, difference.ulps)
        self.open += bound.ulps is None
        if beyond := bound.judge(result, expected, image):
            self.broken[case.name] = f"{beyond}\n  guaranteed: {bound}"

    def verdict(self) -> str:
        """In words."""
        if self.broken:
            return f"BROKEN in {len(self.broken)} case{'s' * (len(self.broken) > 1)}"
        if not self.differing:
            return "equal"
        if self.open:
            return "differs, but there is no promise yet"
        return "as guaranteed, not equal"


def run(args: argparse.Namespace) -> int:
    """Check, print a row for each library, and the first thing that is broken in each."""
    if args.json:
        output.check("--json", args.json, "check.json")
        _spare(args.json)
    spoken = pillow.installed()
    cases = _chosen(spoken.dialect, args.cases)
    if spoken.note:
        print(f"note: {spoken.note}")
    print(f'portresize {portresize.__version__} against Pillow {spoken.version}, dialect "{spoken.dialect}"\n')
    images = [pixels(case, args.seed) for case in cases]
    expected = [by_pillow(case, image) for case, image in zip(cases, images, strict=True)]
    questions = list(zip(cases, images, expected, strict=True))
    table = Table(("library", "version", "cases", "values", "differing", "largest", "verdict"), _NUMBERS)
    tallies: dict[str, Tally] = {}
    found = libraries.opened(tuple(args.library or libraries.NAMES))
    for opened in found:
        if opened.reason:
            table.add(str(opened.target), opened.reason, tone="dim")
            continue
        _progress(f"{opened.target} ...")
        tally = tallies[str(opened.target)] = _tally(opened, questions, spoken.dialect)
        table.add(
            str(opened.target),
            opened.version,
            str(tally.cases),
            f"{tally.values:,}",
            f"{tally.differing:,}",
            f"{tally.largest:g}",
            tally.verdict(),
            tone="bad" if tally.broken else "good",
        )
    _progress("")
    table.print()
    for name, tally in tallies.items():
        for case, what in list(tally.broken.items())[:1]:
            print(f"\n{name}, {case}: {what}")
    if args.json:
        with output.replacing(args.json) as file:
            file.write_text(_json(args.seed, spoken, found, tallies))
    if any(tally.broken for tally in tallies.values()):
        return 1
    checked = {opened.target.name for opened in found if not opened.reason}
    if missing := [name for name in args.library or () if name not in checked]:
        msg = f"not checked: {', '.join(missing)}"
        raise ValueError(msg)
    return 0


def _spare(path: Path) -> None:
    """Refuse to replace a file that no `portresize check` wrote.

    Raises:
        ValueError: There is such a file.
    """
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        report_ = json.loads(path.read_bytes())
    except ValueError:
        report_ = None
    if not isinstance(report_, dict) or not report_.keys() >= {"portresize", "libraries"}:
        msg = f"`--json` is {path}, which is there and no report of `portresize check`; remove it, or name another file"
        raise ValueError(msg)


_NUMBERS = frozenset({"cases", "values", "differing", "largest"})


def _chosen(dialect: str, n: int | None) -> list[Case]:
    """The cases that there are in a dialect, `n` of them or all."""
    cases = [case for case in CASES if case.exists_in(dialect)]
    if n is None:
        return cases
    if n < 1:
        msg = f"`--cases` is {n}, expected a number >= 1"
        raise ValueError(msg)
    return cases[:: max(1, len(cases) // n)][:n]


def _progress(text: str) -> None:
    """Replace the line that says what is going on, where someone can see it."""
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)


def _tally(opened: libraries.Opened, questions: Sequence[tuple[Case, np.ndarray, np.ndarray]], dialect: str) -> Tally:
    """Put all questions to one library."""
    target, module = opened.target, opened.module
    assert module is not None  # noqa: S101  for the checker: a target without a reason has its module
    tally = Tally()
    for case, image, expected in questions:
        bound = GUARANTEE[target.row].bound(kind_of(case.mode, image.dtype.name, case.resample))
        try:
            result = portresize.resize(target.send(module, image), case.size, **case.arguments(dialect))
            tally.count(case, image, target.fetch(module, result), expected, bound)
        except Exception as error:  # noqa: BLE001  one case that fails is a result like any other
            text = str(error).partition("\n")[0]
            tally.cases += 1
            tally.broken[case.name] = f"{type(error).__name__}: {text}"
    return tally


def _json(seed: int, spoken: pillow.Spoken, found: list[libraries.Opened], tallies: dict[str, Tally]) -> str:
    """Everything in the table and more, for a machine."""
    rows = []
    for opened in found:
        row: dict[str, object] = {"library": opened.target.name, "device": opened.target.device}
        if opened.reason:
            rows.append(row | {"missing": opened.reason})
            continue
        tally = tallies[str(opened.target)]
        rows.append(
            row
            | {
                "version": opened.version,
                "cases": tally.cases,
                "values": tally.values,
                "differing": tally.differing,
                # JSON has no infinity.
                "largest": _finite(tally.largest),
                "ulps": _finite(tally.ulps),
                "verdict": tally.verdict(),
                "broken": tally.broken,
            }
        )
    head = {"portresize": portresize.__version__, "pillow": spoken.version, "dialect": spoken.dialect, "seed": seed}
    return json.dumps(head | {"note": spoken.note, "libraries": rows}, indent=2) + "\n"


def _finite(number: float) -> float | str:
    return number if number < float("inf") else "inf"
