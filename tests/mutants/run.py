"""Mutation testing: a sample of small changes to the code, each of which some test has to notice.

Cosmic Ray makes the mutations; its own runner has one command for all files and no sample that fits a given time.
`nox -s mutants` calls this. A survivor that no test can notice is listed with its reason in survivors.json; any other
one fails the run.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).parent / "survivors.json"

# Of the replacements of one operator by another, those that a slip of the pen would make.
_SLIPS: tuple[str, ...] = (
    "Add_Sub",
    "Sub_Add",
    "Mul_Add",
    "Div_Mul",
    "FloorDiv_Div",
    "Mod_FloorDiv",
    "LShift_RShift",
    "RShift_LShift",
)
_SLIPS += ("BitAnd_BitOr", "BitOr_BitAnd", "BitXor_BitOr", "Delete_Not", "Delete_USub")
_SLIPS += ("_Eq_NotEq", "_NotEq_Eq", "_Lt_LtE", "_LtE_Lt", "_Gt_GtE", "_GtE_Gt", "_Is_IsNot", "_IsNot_Is")
# The last two rename variables, by lists that a project writes.
OPERATORS = [
    name
    for name in operator_names()
    if ("Operator_" not in name or name.endswith(_SLIPS))
    and not name.endswith(("VariableReplacer", "VariableInserter"))
]


@dataclass(frozen=True)
class Area:
    """Files that the same tests cover.

    Attributes:
        files: Patterns.
        quick: Arguments of pytest, run for every mutant.
        slow: Run for those that survive.
        without: Files left to other sessions, since only tests with torch meet them.
    """

    files: tuple[str, ...]
    quick: tuple[str, ...]
    slow: tuple[str, ...]
    without: tuple[str, ...] = ()


_WORDS = tuple(
    f"tests/core/test_{name}.py" for name in ("taps", "plan", "dialect", "errors", "foreign", "memo", "cache")
)
AREAS = {
    "core": Area(
        ("portresize/_core/*.py",),
        (*_WORDS, "tests/core/test_adjoint.py", "tests/conformance/test_verbs.py", "tests/golden", "-k", "not steps"),
        ("tests/core", "tests/property", "tests/cli", "tests/conformance/test_empty.py"),
        ("ahead.py", "edges.py", "straight.py", "guarantee.py"),
    ),
    "array API": Area(
        tuple(f"portresize/_backends/{name}.py" for name in ("generic", "_convolve", "_reduce", "_round")),
        ("tests/conformance/test_resize.py", "tests/backends/test_alpha.py", "tests/backends/test_round.py"),
        ("tests/conformance", "tests/property", "tests/core/test_adjoint.py", "tests/conformance/test_dtypes.py"),
    ),
    "llvm": Area(
        ("portresize/_kernels/llvm/*.py",),
        ("tests/conformance/test_resize.py", "tests/backends/test_numpy.py", "tests/kernels/test_gradients.py"),
        ("tests/kernels", "tests/property", "tests/conformance", "--ignore=tests/kernels/test_threads.py"),
    ),
}


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        area: A key of `AREAS`.
        file: Path from the root.
        operator: Cosmic Ray's name of the kind of change.
        code: The whole file, changed.
        before: Lines that changed, joined.
        after: What became of them.
    """

    area: str
    file: str
    operator: str
    code: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}: {self.before} → {self.after}"

    @property
    def key(self) -> dict[str, str]:
        """What names it in survivors.json, also once other lines have moved."""
        return {"file": self.file, "before": self.before, "after": self.after}


def mutants(area: str, random_: random.Random) -> Iterator[Mutant]:
    """All mutants of an area that change what runs, in random order."""
    row = AREAS[area]
    files = [path for pattern in row.files for path in sorted(ROOT.glob(pattern)) if path.name not in row.without]
    places = [(path, *place) for path in files for place in _places(path)]
    random_.shuffle(places)
    for path, name, occurrence in places:
        source = path.read_text()
        code = MutationVisitor.mutate_code(source, get_operator(name)(), occurrence)
        if code is not None and _what_runs(code) != _what_runs(source):
            before, after = _difference(source, code)
            yield Mutant(area, path.relative_to(ROOT).as_posix(), name, code, before, after)


def _places(path: Path) -> list[tuple[str, int]]:
    """Every operator with the number of each place in a file that it can change."""
    made = {name: get_operator(name)() for name in OPERATORS}
    found: Counter[str] = Counter()

    class Counting(Visitor):
        def visit(self, node: object) -> object:
            found.update({name: len(list(operator.mutation_positions(node))) for name, operator in made.items()})
            return node

    Counting().walk(get_ast(path.read_text()))
    return [(name, occurrence) for name in OPERATORS for occurrence in range(found[name])]


class _Bare(ast.NodeTransformer):
    """Leave out annotations, which nobody evaluates, and what only a type checker reads."""

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        is_for_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if is_for_types else self.generic_visit(node)


def _what_runs(code: str) -> str:
    return ast.dump(_Bare().visit(ast.parse(code)))


def _difference(before: str, after: str) -> tuple[str, str]:
    """The lines that differ."""
    lines = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[:2] in {"- ", "+ "}]
    sides = [" ".join(line[2:].strip() for line in lines if line[0] == sign) for sign in "-+"]
    return sides[0], sides[1]


class Tests:
    """A copy of the repository in which files may be changed."""

    def __init__(self, folder: Path, limit: float) -> None:
        self.folder, self.limit = folder, limit
        shutil.rmtree(folder, ignore_errors=True)
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
        for name in listed.stdout.splitlines():
            if (ROOT / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)

    def fail(self, words: tuple[str, ...]) -> str | None:
        """How pytest fails, or None if it passes."""
        # Two changes within a second would leave the first one's bytecode in use.
        env = os.environ | {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *words]
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=self.limit, check=False
            )
        except subprocess.TimeoutExpired:
            return "timeout"
        if done.returncode == 0:
            return None
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return failed[0] if failed else f"exit status {done.returncode}"

    def notice(self, mutant: Mutant) -> str | None:
        """How a test notices a mutant, or None if none does."""
        place = self.folder / mutant.file
        original = place.read_text()
        place.write_text(mutant.code)
        try:
            area = AREAS[mutant.area]
            return self.fail(area.quick) or self.fail(area.slow)
        finally:
            place.write_text(original)


def main() -> int:
    """Run a sample and report it; 1 if a mutant survives that survivors.json does not explain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20, help="when to stop (%(default)s)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the sample")
    parser.add_argument("--area", choices=AREAS, action="append", help="one of them alone")
    parser.add_argument("--folder", type=Path, help="for a copy (a new one)")
    parser.add_argument("--out", type=Path, help="a file for the figures")
    args = parser.parse_args()
    print(f"seed {args.seed}")
    # A machine that is busy with other things is no reason for a mutant to be called noticed.
    tests = Tests(args.folder or Path(tempfile.mkdtemp(prefix="portresize-mutants-")), limit=900)
    areas = args.area or list(AREAS)
    for area in areas:
        if reason := tests.fail(AREAS[area].quick):
            print(f"the tests of {area} fail on the code as it is: {reason}")
            return 2
    explained = json.loads(SURVIVORS.read_text())
    known = [{name: row[name] for name in ("file", "before", "after")} for row in explained]
    streams = [mutants(area, random.Random(args.seed)) for area in areas]  # noqa: S311  a sample
    end, counts, survivors = time.monotonic() + 60 * args.minutes, Counter[str](), []
    while streams and time.monotonic() < end:
        stream = streams.pop(0)
        mutant = next(stream, None)
        if mutant is None:
            continue
        streams.append(stream)
        if mutant.key in known:
            counts["explained"] += 1
            continue
        reason = tests.notice(mutant)
        counts["noticed" if reason else "survived"] += 1
        print(f"{'noticed ' if reason else 'SURVIVED'} {mutant}   {reason or ''}", flush=True)
        if not reason:
            survivors.append(mutant.key)
    print(f"{dict(counts)} with seed {args.seed}")
    if args.out:
        figures = {"seed": args.seed, "minutes": args.minutes, "areas": areas, **counts, "survivors": survivors}
        args.out.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
