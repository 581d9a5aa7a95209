"""Imports point down: adapters and command line, api, subject, dispatch, backends, kernels, core."""

from __future__ import annotations

import ast
import itertools
import sys
from pathlib import Path

import pytest

import portresize

ROOT = Path(portresize.__file__).parent
# First part of a module's name below the package, and its floor. Everything else without an underscore is an adapter.
FLOORS = {
    "_core": 0,
    "_kernels": 1,
    "_backends": 2,
    "_dispatch": 3,
    "_subject": 4,
    "_api": 5,
    "_adapters": 5,
    "_cli": 6,
}
# Data and types belong to no floor: they import `_core` at most.
GROUND = {"_cases": 0, "_typing": 0}
FREE = {"__init__", "__main__"}
# What floors may import beside the standard library; those above import what they are adapters of.
ALLOWED = {"_core": {"numpy"}, "_kernels": {"numpy", "llvmlite"}}
# The room of a compiler may import that too, but for what others ask without it.
_IN_TRITON = ("blocks", "gather", "pixels", "rounding", "stream")
ROOMS = {"_kernels.pallas.kernel": {"jax"}} | {f"_kernels.triton.{name}": {"triton"} for name in _IN_TRITON}
# Kernels are text until these turn it into code; every other room can be read and tested without LLVM.
ENTER_LLVM = {"_kernels.llvm.engine", "_kernels.llvm.host"}


def _imports(source: str, package: str) -> list[str]:
    """Absolute names of all modules that a source imports."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"a relative import in {package}"
            assert node.module
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def _floor(part: str) -> int:
    if part in GROUND:
        return GROUND[part]
    return FLOORS.get(part, 6)


def _violations(name: str, source: str) -> list[str]:
    """What the module `name`, as in "_backends.numpy", imports from above or beside."""
    part, _, rest = name.partition(".")
    found = []
    for target in _imports(source, name):
        top, _, below = target.partition(".")
        if top != "portresize":
            allowed = ALLOWED.get(part, set()) | ROOMS.get(name, set())
            if part in ALLOWED and top not in allowed | sys.stdlib_module_names:
                found.append(f"{name} imports {target}, which is neither the standard library nor {allowed}")
            if top == "llvmlite" and part != "_cli" and name not in ENTER_LLVM:
                found.append(f"{name} imports {target}, which is for {ENTER_LLVM}")
            continue
        other = below.partition(".")[0]
        if part in FREE or not other.startswith("_") or other == "__version__":
            continue
        beside = _floor(other) == _floor(part) and other != part
        # The one side step between backends is to the generic one and what it is made of.
        sibling = part == other == "_backends" and below.split(".")[1] in FOREIGN - {rest.partition(".")[0]}
        if _floor(other) > _floor(part) or (beside and part not in GROUND) or sibling:
            found.append(f"{name} imports {target}")
    return found


# Backends that know one library each.
FOREIGN = {path.stem for path in (ROOT / "_backends").glob("[a-z]*.py")} - {"generic"}
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in ROOT.rglob("*.py")}


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down(name: str) -> None:
    assert _violations(name, MODULES[name].read_text()) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("_core.plan", "from portresize._api import resize"),
        ("_core.plan", "import scipy"),
        ("_core.plan", "from portresize._kernels import pool"),
        ("_kernels.pool", "from portresize._backends import generic"),
        ("_kernels.pool", "from portresize._dispatch import backend"),
        ("_kernels.llvm.ir", "import torch"),
        ("_kernels.llvm.ir", "import jax"),
        ("_kernels.pallas.program", "import jax"),
        ("_kernels.llvm.ir", "import llvmlite.binding"),
        ("_backends._call", "import llvmlite"),
        ("_dispatch", "import portresize._cli"),
        ("_backends.numpy", "from portresize._backends.torch import run"),
        ("_backends.generic", "from portresize import _dispatch"),
    ],
)
def test_the_rule_can_be_broken(name: str, source: str) -> None:
    assert _violations(name, source)


def test_small_files_with_one_idea() -> None:
    long = {name: lines for name, path in MODULES.items() if (lines := len(path.read_text().splitlines())) > 450}
    assert long == {}


def test_every_module_has_a_docstring() -> None:
    assert [name for name, path in MODULES.items() if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_public_names_are_the_ones_listed() -> None:
    assert dir(portresize) == portresize.__all__ == sorted(portresize.__all__)
    assert all(hasattr(portresize, name) for name in portresize.__all__)
    assert not set(itertools.chain(portresize.__all__)) & {"Spec", "Plan"}
