from __future__ import annotations

from pathlib import Path

from portresize._core.guarantee import matrix

ROOT = Path(__file__).parents[2]


def test_the_matrix_is_the_one_in_the_table() -> None:
    text = (ROOT / "README.md").read_text()
    begin = text.index("<!-- guarantee:")
    block = text[begin : text.index("<!-- end of guarantee -->")].partition("-->")[2]
    assert block.strip() == matrix().strip()


def test_every_linked_file_exists() -> None:
    import re

    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
