"""Dialects whose Pillow is not installed, against files that it made."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import portresize
from portresize._core.report import assert_same
from tests.golden import make
from tests.libraries import BY_NAME

MANIFEST = json.loads(make.MANIFEST.read_text())
REQUESTS = make.requests()


@cache
def _answers(file: str) -> dict[str, np.ndarray]:
    with np.load(make.HERE / file) as answers:
        return dict(answers)


@pytest.mark.parametrize("file", MANIFEST)
def test_file_is_the_one_in_the_manifest(file: str) -> None:
    assert hashlib.sha256((make.HERE / file).read_bytes()).hexdigest() == MANIFEST[file]["sha256"]
    assert set(_answers(file)) == set(REQUESTS)


def test_every_file_is_in_the_manifest() -> None:
    assert {path.name for path in Path(make.HERE).glob("*.npz")} == set(MANIFEST)


@pytest.mark.parametrize("library", [BY_NAME["numpy"], BY_NAME["numpy:steps"]], ids=lambda v: v.name, indirect=True)
@pytest.mark.parametrize("file", MANIFEST)
@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.usefixtures("library")
def test_dialect_answers_as_its_pillow_did(file: str, name: str) -> None:
    verb, mode, source, words = REQUESTS[name]
    expected = _answers(file)[name]
    image = make.pixels(name, mode, source)
    layout = "HWC" if image.ndim == 3 else "HW"

    def call() -> np.ndarray:
        dialect = f"pillow-{MANIFEST[file]['pillow']}"
        result: np.ndarray = getattr(portresize, verb)(image, **words, layout=layout, mode=mode, dialect=dialect)
        return result

    if expected.dtype.kind == "U":
        with pytest.raises(ValueError, match=r"dialect|cannot be averaged|Pillow 7.1 divides|`size` leaves"):
            call()
    else:
        assert_same(call(), expected)
