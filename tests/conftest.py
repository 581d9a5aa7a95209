from __future__ import annotations

import importlib.metadata
import os

import pytest

# Before anyone imports jax, which looks for accelerators and says so; a run on one sets this itself.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from tests.libraries import HAS_CUDA, VARIANTS, Variant

_SHOWN = ("pillow", "numpy", "array-api-compat", "array-api-strict", "torch", "jax")


def pytest_report_header() -> str:
    """Which versions met: Pillow first, for it is the judge."""
    found = []
    for name in _SHOWN:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} missing")
    found.append("CUDA" if HAS_CUDA else "no CUDA device")
    return ", ".join(found)


@pytest.fixture(params=VARIANTS, ids=lambda variant: variant.name)
def library(request: pytest.FixtureRequest) -> Variant:
    """Every way of using every library that is installed."""
    variant: Variant = request.param
    if not variant.installed:
        pytest.skip(f"{variant.needs} is not installed")
    return variant
