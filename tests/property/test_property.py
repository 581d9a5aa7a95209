"""Random requests against the installed Pillow: modes, filters, sizes, boxes and gaps that nobody would think of.

An ordinary run draws a few hundred; `nox -s property` draws 20,000 for each of two Pillows and writes what it counted
to benchmarks/results. The same requests every time.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import portresize
from portresize import _subject
from portresize._core.dialect import VERSIONS
from portresize._core.filters import Resampling
from portresize._core.report import compare
from portresize._kernels.llvm.host import host
from tests.libraries import BY_NAME, gpu_name
from tests.oracle import DIALECT, FILTERS, picture
from tests.property.strategies import pixels, requests, sizes

CASES = int(os.environ.get("PORTRESIZE_CASES", "300"))
REPORT = os.environ.get("PORTRESIZE_REPORT")

# One request in so many runs this way: jax compiles a program for every new shape, and no_x64 computes doubles from
# 32-bit integers.
EVERY = {
    "numpy": 1,
    "numpy:reversed": 3,
    "numpy:bands-reversed": 5,
    "numpy:apart": 5,
    "numpy:planar": 5,
    "numpy:fortran": 5,
    "numpy:steps": 3,
    "strict": 3,
    "strict:no_x64": 20,
    "torch": 3,
    "torch:planar": 20,
    "torch:steps": 20,
    "jax": 100,
    "jax:jit": 4,
    "jax:vmap": 40,
    "jax:steps": 200,
    "torch:cuda": 1,
    "cupy": 3,
}
LIBRARIES = {name: EVERY[name] for name, variant in BY_NAME.items() if name in EVERY and not variant.missing}
BY_STEPS_OR_NOT = [name for name in ("numpy", "numpy:steps") if name in LIBRARIES]
# One request in so many is asked for two images at once, which numpy has in one array.
EVERY_BATCH = 4
ALWAYS = settings(
    max_examples=CASES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
counted: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _threads_for_small_images() -> Iterator[None]:
    """As many as are asked for, though images are too small for them to pay."""
    if host().isa is None:
        yield
        return
    from portresize._backends import _call, _host

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_call, "WORTH_THREAD", 1)
        _forget(_host)
        yield
    _forget(_host)


def _forget(host_backend: Any) -> None:
    for kept in (_subject.ready, host_backend._call, host_backend._made_large):
        kept.cache_clear()


def _answer(call: Any) -> Any:
    """A result, or the error as a value."""
    try:
        return call()
    except ValueError as error:
        return error


def _check(name: str, expected: Any, call: Any) -> None:
    actual = _answer(call)
    counted[name] += 1
    if isinstance(expected, ValueError) or isinstance(actual, ValueError):
        assert type(actual) is type(expected) is ValueError, (actual, expected)
        counted["errors"] += 1
        return
    difference = compare(BY_NAME[name.removesuffix(":batch")].back(actual), expected)
    counted["values"] += difference.total
    counted["differing"] += difference.differing
    assert not difference, str(difference)


@pytest.mark.property
@ALWAYS
@given(requests(FILTERS))
def test_resize_equals_pillow(request: dict[str, Any]) -> None:
    mode, size = request["mode"], request["size"]
    counted["requests"] += 1
    image = pixels(mode, request["source"], request["seed"])
    words = {key: request[key] for key in ("resample", "box", "reducing_gap")}
    with np.errstate(all="ignore"):
        expected = _answer(lambda: np.asarray(picture(image, mode).resize(size[::-1], **words)))
    chance = zlib.crc32(repr(request).encode())
    words |= {"layout": "HWC" if image.ndim == 3 else "HW", "mode": mode, "dialect": DIALECT}
    for place, (name, every) in enumerate(LIBRARIES.items()):
        variant = BY_NAME[name]
        # Pairs of floats have limits near the ends of the range: see `_narrow.float_sum`.
        beyond = name == "strict:no_x64" and (max(request["source"]) > 300 or mode == "F")
        # cupy flushes subnormals.
        beyond = beyond or (name == "cupy" and mode == "F")
        # Each in turn for different requests.
        if (chance + place) % every or beyond:
            continue
        array = variant.make(image)
        with variant.serving(), portresize.threads(1 + chance // 100 % 3):
            act = partial(variant.call, lambda x: portresize.resize(x, size, **words), array)
            _check(name, expected, act)
    if chance % EVERY_BATCH == 0:
        _check_batch(request, image, expected, words)


def _check_batch(request: dict[str, Any], image: np.ndarray, expected: Any, words: dict[str, Any]) -> None:
    """The image beside another one."""
    mode, size = request["mode"], request["size"]
    other = pixels(mode, request["source"], request["seed"] + 1)
    arguments = {key: request[key] for key in ("resample", "box", "reducing_gap")}
    with np.errstate(all="ignore"):
        answer = _answer(lambda: np.asarray(picture(other, mode).resize(size[::-1], **arguments)))
    images, wanted = np.stack([image, other]), expected
    if not isinstance(expected, ValueError):
        wanted = np.stack([expected, answer])
    words = words | {"layout": "N" + words["layout"]}
    with portresize.threads(1 + request["seed"] % 3):
        _check("numpy:batch", wanted, lambda: portresize.resize(images, size, **words))


def _height_first(version: tuple[int, int], source: tuple[int, int], size: tuple[int, int]) -> bool:
    """Which pass a version of Pillow begins with."""
    lost = source[0] - size[0], source[1] - size[1]
    if version >= (13, 0):
        return lost[0] > 0 and lost[0] > 2 * lost[1]
    return version >= (12, 2) and source[0] > 100 * source[1] and lost[0] > 0


@pytest.mark.property
@settings(ALWAYS, max_examples=max(CASES // 5, 50))
@given(st.sampled_from(["L", "RGB", "CMYK", "I", "F"]), sizes(), st.sampled_from(sorted(VERSIONS)), st.data())
def test_every_dialect_equals_pillow_one_axis_at_a_time(
    mode: str, shape: tuple[tuple[int, int], tuple[int, int]], version: tuple[int, int], data: st.DataObject
) -> None:
    # Between two calls nothing is left to decide, so that any Pillow can speak for all, in the order of their passes.
    source, size = shape
    known = sorted(VERSIONS[version].filters & set(FILTERS) - {Resampling.NEAREST})
    resample = data.draw(st.sampled_from(known))
    image = pixels(mode, source, data.draw(st.integers(0, 2**32 - 1)))
    between = (source[1], size[0]) if _height_first(version, source, size) else (size[1], source[0])
    with np.errstate(all="ignore"):
        expected = np.asarray(picture(image, mode).resize(between, resample).resize(size[::-1], resample))
    layout, dialect = "HWC" if image.ndim == 3 else "HW", "pillow-{}.{}".format(*version)
    words: dict[str, Any] = {"resample": resample, "layout": layout, "mode": mode, "dialect": dialect}
    for name in BY_STEPS_OR_NOT:
        with BY_NAME[name].serving():
            _check(name, expected, lambda: portresize.resize(image, size, **words))


@pytest.mark.property
@settings(ALWAYS, max_examples=max(CASES // 10, 50))
@given(
    st.sampled_from(["L", "RGB", "RGBA", "LA", "LAB", "I", "F"]),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.one_of(st.integers(1, 9), st.integers(1, 70)), st.integers(1, 9)),
    st.integers(0, 2**32 - 1),
    st.data(),
)
def test_reduce_equals_pillow(
    mode: str, source: tuple[int, int], factor: tuple[int, int], seed: int, data: st.DataObject
) -> None:
    image = pixels(mode, source, seed)
    box = None
    if data.draw(st.booleans()):
        top, bottom = sorted(data.draw(st.tuples(st.integers(0, source[0]), st.integers(0, source[0]))))
        left, right = sorted(data.draw(st.tuples(st.integers(0, source[1]), st.integers(0, source[1]))))
        # An empty box is an error, but not in Pillow 13's shortcut for factor 1.
        box = (left, top, max(right, left + 1), max(bottom, top + 1)) if left < source[1] and top < source[0] else None
    with np.errstate(all="ignore"):
        expected = np.asarray(picture(image, mode).reduce(factor[::-1], box))
    words: dict[str, Any] = {"mode": mode, "dialect": DIALECT, "layout": "HWC" if image.ndim == 3 else "HW", "box": box}
    for name in BY_STEPS_OR_NOT:
        with BY_NAME[name].serving():
            _check(name, expected, lambda: portresize.reduce(image, factor, **words))


def _versions() -> dict[str, str]:
    """Of all that took part."""
    names = ("pillow", "numpy", "hypothesis", "array-api-strict", "torch", "jax", "cupy-cuda13x", "llvmlite")
    found = {}
    for name in names:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _jax_platform() -> str | None:
    if "jax" not in LIBRARIES:
        return None
    import jax

    return str(jax.default_backend())


@pytest.fixture(scope="module", autouse=True)
def _report() -> Iterator[None]:
    """Write what was compared, if the environment names a file for it."""
    yield
    if not REPORT:
        return
    isa = host().isa
    found = {
        "command": f"PORTRESIZE_CASES={CASES} pytest tests/property",
        "requests to resize": counted.pop("requests", 0),
        "values compared": counted.pop("values", 0),
        "values differing": counted.pop("differing", 0),
        "errors in both": counted.pop("errors", 0),
        "runs by library": dict(sorted(counted.items())),
        "filters": [Resampling(number).name.lower() for number in FILTERS],
        "versions": {"python": platform.python_version()} | _versions(),
        "machine": f"{platform.system()} {platform.machine()}",
        "CPU kernels": isa.name if isa else "none",
        "gpu": gpu_name(),
        "jax on": _jax_platform(),
    }
    Path(REPORT).parent.mkdir(parents=True, exist_ok=True)
    Path(REPORT).write_text(json.dumps(found, indent=2) + "\n")
