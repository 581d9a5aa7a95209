"""A short campaign finds nothing, and one with planted faults finds each of them."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("llvmlite")
for _name in ("torch", "jax", "grain", "transformers", "array_api_strict"):
    pytest.importorskip(_name)
if sys.platform != "linux":
    pytest.skip("limits a process as Linux does", allow_module_level=True)

from tests.hostile import child, faults
from tests.hostile.campaign import Campaign, Tally


def _run(count: int, seed: str, first: int = 0) -> Tally:
    tally = Campaign(count, seed, first).run()
    assert tally.calls == count
    return tally


# `nox -s hostile` makes 100,000 of a random seed.
def test_hostile_arguments_break_no_promise() -> None:
    tally = _run(2000, "0")
    assert not tally.faults, "\n".join(tally.faults)
    # Neither is everything refused, nor is nothing.
    words = [word for counter in tally.counts.values() for word in counter.elements()]
    assert words.count("result") > 200
    assert words.count("TypeError") > 400
    assert words.count("ValueError") > 400
    assert words.count("not made") < 80


REPORTS = {
    "raise": "raised RuntimeError: planted",
    "exit": "the process ended with 0",
    "abort": "the process died of SIGABRT",
    "kill": "the process died of SIGSEGV",
    "hang": "the process hung for 5 s",
    "swell": "took 12",
    "write": "the image was written",
    "wrong": "another result, uint8[4, 5], than for its samples, [4, 5]",
    "poison": "after it, or those before, plain requests have other results",
}


def test_a_campaign_finds_every_kind_of_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert REPORTS.keys() == faults.PLANTED.keys()
    # The last, of which other calls know, in a turn after which plain requests are made.
    first = child.CHECKED + 1 - len(REPORTS)
    turns = {name: first + number for number, name in enumerate(REPORTS)}
    monkeypatch.setenv(faults.VARIABLE, " ".join(f"{turn}:{name}" for name, turn in turns.items()))
    monkeypatch.setenv(child.HANGS_VARIABLE, "5")
    tally = _run(len(REPORTS), "small", first)
    assert len(tally.faults) == len(REPORTS)
    for name, report in zip(REPORTS, tally.faults, strict=True):
        assert report.startswith(f"FAULT in call {turns[name]} of seed small: planted {name}(plain)")
        assert REPORTS[name] in report
        assert f"python -m tests.hostile.campaign 1 small {turns[name]}" in report


def test_a_call_depends_on_its_seed_and_its_number_alone() -> None:
    drawn = [child.call_of("5", turn).text for turn in range(40)]
    assert [child.call_of("5", turn).text for turn in reversed(range(40))] == drawn[::-1]
    assert child.call_of("6", 0).text != drawn[0]
