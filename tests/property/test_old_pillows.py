"""Random requests of every verb against old Pillows, each in a process of its own, on a Python that it has wheels for.

`nox -s property-old` installs them, names their interpreters in PORTRESIZE_PILLOWS, and writes what was counted to
benchmarks/results. The same requests every time, and for every Pillow.
"""

from __future__ import annotations

import json
import math
import os
import platform
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import portresize
from portresize._core import geometry
from portresize._core.dialect import dialect
from portresize._core.modes import MODES
from portresize._core.report import compare
from portresize._kernels.llvm.host import host
from tests.answers import Pillow, Request
from tests.libraries import BY_NAME
from tests.property.strategies import LENGTHS, pixels, requests

PYTHONS = [path for path in os.environ.get("PORTRESIZE_PILLOWS", "").split(os.pathsep) if path]
CASES = int(os.environ.get("PORTRESIZE_CASES", "300"))
REPORT = os.environ.get("PORTRESIZE_REPORT")
# Pillow's six filters, and for `resize` two numbers that mean one from 13 on. The other verbs of Pillow do not look at
# the filter where nothing is to be resized.
SIX = [0, 1, 2, 3, 4, 5]
SIX_AND_NEWER = SIX * 4 + [6, 7]
# A strip that has to cover a square is enlarged without bounds, in as many processes as there are Pillows.
MOST_SAMPLES = 2**20

counted: dict[str, Counter[str]] = {}
verbs: Counter[str] = Counter()

pytestmark = [
    pytest.mark.property,
    pytest.mark.skipif(not PYTHONS, reason="no old Pillow; `nox -s property-old` names some in PORTRESIZE_PILLOWS"),
]


@pytest.fixture(scope="module")
def pillows() -> Iterator[list[Pillow]]:
    """Every old Pillow, waiting for requests."""
    with ExitStack() as running:
        yield [running.enter_context(Pillow(python)) for python in PYTHONS]


@st.composite
def placements(draw: st.DrawFn, verb: str, mode: str) -> dict[str, Any]:
    """Words that `fit` and `pad` alone take."""
    words: dict[str, Any] = {}
    if verb in {"fit", "pad"} and draw(st.booleans()):
        words["centering"] = draw(st.tuples(*[st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0]))] * 2))
    if verb == "fit" and draw(st.booleans()):
        words["bleed"] = draw(st.floats(0, 0.49))
    if verb == "pad" and draw(st.booleans()):
        bands = MODES[mode].bands
        highest = 1 if mode == "1" else 255
        color = draw(st.tuples(*[st.integers(0, highest)] * (bands or 1)))
        words["color"] = color if bands else color[0]
    return words


@st.composite
def questions(draw: st.DrawFn) -> Request:
    """A call of any verb; most are calls of `resize`, on which all others rest."""
    verb = draw(st.sampled_from(["resize"] * 6 + ["reduce", "thumbnail", "contain", "cover", "fit", "pad", "scale"]))
    asked = draw(requests(SIX_AND_NEWER if verb == "resize" else SIX))
    mode, source = asked["mode"], asked["source"]
    words: dict[str, Any] = {}
    if draw(st.integers(0, 5)) and verb != "reduce":
        words["resample"] = asked["resample"]
    if verb == "resize":
        words |= {name: asked[name] for name in ("size", "box", "reducing_gap")}
    elif verb == "reduce":
        words["factor"] = draw(st.tuples(st.one_of(st.integers(1, 9), st.integers(1, 70)), st.integers(1, 9)))
        if draw(st.booleans()):
            top, bottom = sorted(draw(st.tuples(*[st.integers(0, source[0])] * 2)))
            left, right = sorted(draw(st.tuples(*[st.integers(0, source[1])] * 2)))
            words["box"] = left, top, right, bottom
    elif verb == "scale":
        words["factor"] = draw(st.one_of(st.floats(0.01, 4), st.sampled_from([0.5, 1.0, 1.5, 2.0, 1 / 3])))
    else:
        words["size"] = draw(st.tuples(LENGTHS, LENGTHS))
        if verb == "cover" and math.prod(geometry.cover(source, words["size"])) > MOST_SAMPLES:
            verb = "contain"
    if verb == "thumbnail" and draw(st.booleans()):
        words["reducing_gap"] = asked["reducing_gap"]
    words |= draw(placements(verb, mode))
    return Request(verb, mode, pixels(mode, source, asked["seed"]), words)


def _ours(request: Request, name: str) -> np.ndarray | str:
    """Our answer in the dialect of `name`, or the text of the error."""
    verb, mode, image, words = request
    layout = "HWC" if image.ndim == 3 else "HW"
    try:
        result: np.ndarray = getattr(portresize, verb)(image, **words, layout=layout, mode=mode, dialect=name)
    except ValueError as error:
        return str(error)
    return result


@settings(max_examples=CASES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(questions(), st.sampled_from(["numpy", "numpy", "numpy", "numpy:steps"]))
def test_every_verb_equals_every_old_pillow(pillows: list[Pillow], request_: Request, way: str) -> None:
    verbs[request_.verb] += 1
    for pillow in pillows:
        pillow.ask(request_)
    answers = {pillow.versions["pillow"]: pillow.answer() for pillow in pillows}
    with BY_NAME[way].serving():
        # One answer for every row of rules: which row a version has, the table's own test says.
        rows = {dialect(f"pillow-{version}"): version for version in answers}
        ours = {rules: _ours(request_, f"pillow-{version}") for rules, version in rows.items()}
    for version, expected in answers.items():
        actual, counts = ours[dialect(f"pillow-{version}")], counted.setdefault(version, Counter())
        counts["requests"] += 1
        if isinstance(expected, str) or isinstance(actual, str):
            assert isinstance(expected, str) is isinstance(actual, str), (version, request_, expected, actual)
            counts["errors in both"] += 1
            continue
        difference = compare(actual, expected)
        counts["values compared"] += difference.total
        counts["values differing"] += difference.differing
        assert not difference, (version, request_, str(difference))


@pytest.fixture(scope="module", autouse=True)
def _report(pillows: list[Pillow]) -> Iterator[None]:
    """Write what was compared, if the environment names a file for it."""
    yield
    if not REPORT:
        return
    isa = host().isa
    found = {
        "command": f"PORTRESIZE_CASES={CASES} nox -s property-old",
        "requests by verb": dict(sorted(verbs.items())),
        "releases": {
            pillow.versions["pillow"]: {
                "python": pillow.versions["python"],
                "numpy": pillow.versions["numpy"],
                "requests": counted[pillow.versions["pillow"]]["requests"],
                "values compared": counted[pillow.versions["pillow"]]["values compared"],
                "values differing": counted[pillow.versions["pillow"]]["values differing"],
                "errors in both": counted[pillow.versions["pillow"]]["errors in both"],
            }
            for pillow in pillows
        },
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "hypothesis": hypothesis.__version__,
        },
        "machine": f"{platform.system()} {platform.machine()}",
        "CPU kernels": isa.name if isa else "none",
    }
    Path(REPORT).parent.mkdir(parents=True, exist_ok=True)
    Path(REPORT).write_text(json.dumps(found, indent=2) + "\n")
