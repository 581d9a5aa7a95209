"""No rounding mode of a thread, and no flush of subnormal numbers, changes a result or a table that is kept."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import portresize
from portresize import _subject
from portresize._backends import _host
from portresize._core import adjoint, geometry, plan, taps
from portresize._core.floating import DefaultState, is_default
from portresize._core.report import assert_same
from portresize._kernels.llvm.host import host
from tests.core.states import STATES, state, word
from tests.serving import without_kernels

RANDOM = np.random.default_rng(3)
BYTES = RANDOM.integers(0, 256, (90, 70, 4), np.uint8)
FLOATS = RANDOM.normal(0.0, 100.0, (500, 400)).astype(np.float32)
IMAGES: dict[str, np.ndarray] = {
    "L": BYTES[..., 0],
    "RGBA": BYTES,
    "I;16": RANDOM.integers(0, 2**16, (90, 70), np.uint16),
    "I": RANDOM.integers(-(2**31), 2**31, (90, 70), np.int32),
    "F": FLOATS,
    "F, subnormal": (FLOATS * 1e-42).astype(np.float32),
    "float64": RANDOM.normal(0.0, 100.0, (90, 70)),
    "float64, subnormal": RANDOM.normal(0.0, 1e-310, (90, 70)),
    "float16": RANDOM.normal(0.0, 1e-6, (90, 70)).astype(np.float16),
}
CALLS: dict[str, Callable[[Any], Any]] = {
    "lanczos": lambda x: portresize.resize(x, (41, 57), "lanczos"),
    "enlarged": lambda x: portresize.resize(x, (203, 101), "bicubic"),
    "nearest": lambda x: portresize.resize(x, (41, 57), "nearest", box=(0.3, 0.7, 65.1, 77.7)),
    "box and gap": lambda x: portresize.resize(x, (11, 7), box=(0.1, 0.2, 65.3, 80.4), reducing_gap=1.5),
    "fit": lambda x: portresize.fit(x, (33, 57), "hamming", bleed=0.013, centering=(0.3, 0.7)),
    "contain": lambda x: portresize.contain(x, (33, 57)),
}


def _forget() -> None:
    """Let every table be made again."""
    for cached in (_subject.ready, _host._call, _host._made_large, adjoint.adjoint, plan.plan, taps.nearest, taps.taps):
        cached.cache_clear()
    if host().isa is not None:
        from portresize._kernels.llvm import tables

        tables.quads.cache_clear()


def _called(call: Callable[[Any], Any], image: Any) -> Any:
    """The result of a first call, and that of another where states of the first are kept."""
    _forget()
    return call(image)


@pytest.mark.skipif(sys.platform != "linux", reason="reads states as Linux has them")
def test_arithmetic_changes_no_state() -> None:
    ones = np.ones(5, np.longdouble)
    before = word()
    assert (ones + ones).sum() == 10
    assert word() == before


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("mode", IMAGES)
@pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "steps"])
def test_results_are_those_of_the_default_state(name: str, mode: str, kernels: bool) -> None:
    image = IMAGES[mode]
    for call in CALLS.values():
        if mode == "I;16" and call is CALLS["box and gap"]:
            continue
        if kernels:
            wanted = _called(call, image)
            with state(name), portresize.threads(1):
                before = word()
                found = _called(call, image)
                assert word() == before
        else:
            with without_kernels():
                wanted = _called(call, image)
                with state(name):
                    before = word()
                    found = _called(call, image)
                    assert word() == before
        assert_same(found, wanted)
        assert_same(call(image), wanted)


@pytest.mark.parametrize("name", STATES)
def test_helpers_compute_in_the_default_state(name: str) -> None:
    x = (RANDOM.random((900, 700)) * 1e-39).astype(np.float32)
    wanted = portresize.resize(x, (301, 299), "lanczos")
    with state(name), portresize.threads(3):
        assert_same(portresize.resize(x, (301, 299), "lanczos"), wanted)
    assert (wanted != 0).any()


@pytest.mark.parametrize("name", STATES[:3])
def test_sizes_are_those_of_the_default_state(name: str) -> None:
    sides = [(11, 10), (50, 23), (63, 43), (333, 500), (49, 70)]
    pairs = [(source, size) for source in sides for size in sides]

    def sizes() -> list[Any]:
        found: list[Any] = []
        for source, size in pairs:
            found += [geometry.contain(source, size), geometry.cover(source, size), geometry.thumbnail(source, size)]
            found += [geometry.fit(source, size, 0.01, (0.3, 0.7)), geometry.offset(source, size, (0.3, 0.7))]
            found.append(geometry.scale(source, 0.7))
        return found

    wanted = sizes()
    with state(name):
        assert sizes() == wanted


@pytest.mark.parametrize("name", STATES)
def test_code_is_that_of_the_default_state(name: str) -> None:
    library = pytest.importorskip("portresize._kernels.llvm.library")
    isa = host().isa
    if isa is None:
        pytest.skip(f"no kernels: {host().why}")
    keys = [key for key in library.every_key() if key[0] in {"resize_WH", "reduce", "unpremultiply"}]
    wanted = [str(library.write(isa, key)) for key in keys]
    texts: list[str] = []
    made: list[Any] = []

    def parse(text: str, isa: Any) -> Any:
        texts.append(text)
        assert is_default()
        made.append(real(text, isa))
        return made[-1]

    real = library.Library
    with pytest.MonkeyPatch.context() as patch, state(name):
        patch.setattr(library, "Library", parse)
        # Not its cache cleared: code must outlive what calls it.
        patch.setattr(library, "_library", library._library.__wrapped__)
        for key in keys[:3]:
            library.address(isa, key)
    assert texts == wanted[:3]


@pytest.mark.parametrize("name", STATES)
def test_operations_of_torch_compute_in_the_default_state(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x = torch.from_numpy(RANDOM.normal(0.0, 1.0, (40, 30))).to(torch.bfloat16)
    wanted = _called(lambda x: portresize.resize(x, (21, 22), "lanczos", layout="HW"), x)
    with state(name):
        found = _called(lambda x: portresize.resize(x, (21, 22), "lanczos", layout="HW"), x)
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("name", STATES)
def test_programs_of_jax_are_made_in_the_default_state(name: str) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    x = jax.numpy.asarray(FLOATS[:90, :70])
    for size in ((21, 22), (101, 33)):
        wanted = np.asarray(portresize.resize(x, size, "lanczos"))
        jax.clear_caches()
        _forget()
        with state(name):
            assert_same(np.asarray(portresize.resize(x, size, "lanczos")), wanted)


@pytest.mark.parametrize("name", STATES)
def test_a_block_leaves_the_state_of_its_caller(name: str) -> None:
    with state(name):
        before = word()
        assert not is_default()
        with DefaultState():
            with DefaultState():
                assert is_default()
            assert is_default()
        with pytest.raises(KeyError), DefaultState():
            raise KeyError
        assert word() == before
    assert is_default()
