from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.summary import PARTS, summary
from portresize._core.guarantee import matrix

ROOT = Path(__file__).parents[2]


def _block(name: str) -> str:
    """What a command wrote into README.md."""
    text = (ROOT / "README.md").read_text()
    begin = text.index(f"<!-- {name}:")
    return text[begin : text.index(f"<!-- end of {name} -->")].partition("-->")[2].strip()


def test_the_matrix_is_the_one_in_the_table() -> None:
    assert _block("guarantee") == matrix().strip()


def test_what_the_difference_costs_is_what_was_measured() -> None:
    assert _block("skew") == summary("skew").strip()


@pytest.mark.parametrize("name", [name for name in PARTS if name != "skew"])
def test_figures_of_speed_are_those_that_were_measured(name: str) -> None:
    assert _block(f"speed {name}") == summary(name).strip()


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
