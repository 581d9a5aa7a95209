from __future__ import annotations

import importlib.util
from enum import IntEnum
from itertools import pairwise

import pytest

from portresize._core import filters
from portresize._core.dialect import DEFAULT, NEWEST, VERSIONS, dialect
from portresize._core.filters import Resampling


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: ".".join(map(str, version)))
def test_every_released_version_has_its_row(version: tuple[int, int]) -> None:
    name = "pillow-{}.{}".format(*version)
    assert dialect(name) is VERSIONS[version]
    assert dialect(name + ".1") is VERSIONS[version]


@pytest.mark.parametrize(
    ("name", "version"),
    [("pillow-7", (7, 2)), ("pillow-8", (8, 4)), ("pillow-9", (9, 5)), ("pillow-10", (10, 4)), ("pillow-12", (12, 3))],
)
def test_a_major_version_is_its_newest_minor(name: str, version: tuple[int, int]) -> None:
    assert dialect(name) is VERSIONS[version]


def test_the_default_is_the_newest() -> None:
    assert dialect(DEFAULT) is VERSIONS[NEWEST]


@pytest.mark.parametrize(
    "name",
    [
        "pillow-6.2",
        "pillow-6",
        "pillow-7.3",
        "pillow-13.1",
        "pillow-14",
        "pillow",
        "13",
        "pillow-12.x",
        "pillow-12.3.x",
        "",
        "PILLOW-13",
    ],
)
def test_an_unknown_version_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r'expected a released Pillow from "pillow-7.0" to "pillow-13.0"'):
        dialect(name)


def test_the_rules_change_where_pillow_changed() -> None:
    def changes(rule: str) -> list[tuple[int, int]]:
        rows = sorted(VERSIONS)
        pairs = pairwise(rows)
        return [new for old, new in pairs if getattr(VERSIONS[old], rule) != getattr(VERSIONS[new], rule)]

    assert changes("thumbnail_size") == [(7, 1), (7, 2)]
    assert changes("nearest_alpha") == [(8, 2)]
    assert changes("contain") == [(8, 3)]
    assert changes("rounds") == [(9, 3)]
    assert changes("cover") == [(10, 1)]
    assert changes("u16_filters") == [(11, 0)]
    assert changes("u16_default") == [(8, 3), (11, 0)]
    assert changes("pass_order") == [(12, 2), (13, 0)]
    assert changes("u16_overshoot") == [(12, 3)]
    assert changes("alpha_gap") == changes("unit_reduce_crops") == changes("empty_sizes") == [(13, 0)]
    assert changes("filters") == [(13, 0)]
    assert VERSIONS[13, 0].filters - VERSIONS[12, 3].filters == {Resampling.MKS2013, Resampling.MKS2021}


def test_a_filter_that_pillow_gains_belongs_to_no_dialect_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    members = {member.name: int(member) for member in Resampling}
    monkeypatch.setattr(filters, "Resampling", IntEnum("Resampling", {**members, "GAUSSIAN": 99}))
    spec = importlib.util.find_spec("portresize._core.dialect")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for version, row in VERSIONS.items():
        assert {int(member) for member in module.VERSIONS[version].filters} == {int(member) for member in row.filters}
