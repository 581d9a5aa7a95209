from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterator

import pytest

# Before anyone imports jax, which looks for accelerators and says so; a run on one sets this itself.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from portresize._kernels.llvm.host import host
from tests.libraries import HAS_CUDA, VARIANTS, WAYS, Variant
from tests.serving import without_kernels
from tests.torchvision_ops import missing

# Without a GPU the kernels for one run in Triton's interpreter, which has to be told before anyone imports it.
os.environ.setdefault("TRITON_INTERPRET", str(int(not HAS_CUDA)))

_SHOWN = (
    "pillow",
    "numpy",
    "array-api-compat",
    "array-api-strict",
    "torch",
    "torchvision",
    "transformers",
    "jax",
    "grain",
    "llvmlite",
)


def pytest_configure(config: pytest.Config) -> None:
    """Examples in docstrings are about to be run: those of `portresize.torchvision` import it."""
    if config.getoption("doctestmodules"):
        missing()


def pytest_report_header() -> str:
    """Which versions met: Pillow first, for it is the judge."""
    found = []
    for name in _SHOWN:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} missing")
    found.append("CUDA" if HAS_CUDA else "no CUDA device")
    isa, why = host()
    found.append(f"CPU kernels {isa.name}" if isa else f"no CPU kernels: {why}")
    return ", ".join(found)


def _served(variant: Variant) -> Iterator[Variant]:
    if variant.missing:
        pytest.skip(variant.missing)
    with variant.serving():
        yield variant


@pytest.fixture(params=VARIANTS, ids=lambda variant: variant.name)
def library(request: pytest.FixtureRequest) -> Iterator[Variant]:
    """Every way of using every library that is installed."""
    yield from _served(request.param)


@pytest.fixture(params=WAYS, ids=lambda variant: variant.name)
def way(request: pytest.FixtureRequest) -> Iterator[Variant]:
    """The same, and functions transformed by a library before they are called."""
    yield from _served(request.param)


@pytest.fixture
def no_kernels() -> Iterator[None]:
    """The numpy steps serve."""
    with without_kernels():
        yield
