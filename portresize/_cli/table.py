"""A table on the terminal: rich's where there is a terminal and rich, else plain text whose columns line up."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from portresize._cli import libraries

if TYPE_CHECKING:
    from collections.abc import Sequence

Tone = Literal["", "good", "bad", "dim"]

_STYLES: dict[Tone, str] = {"": "", "good": "green", "bad": "bold red", "dim": "dim"}
_GAP = "  "


@dataclass(slots=True)
class Table:
    """Rows of text under headings; columns named in `right` are numbers and end at the same place.

    A row of fewer cells than there are headings says something in words: its last cell runs on to the right.
    """

    headings: Sequence[str]
    right: frozenset[str] = frozenset()
    rows: list[tuple[tuple[str, ...], Tone] | None] = field(default_factory=list)

    def add(self, *cells: str, tone: Tone = "") -> None:
        """Append a row."""
        self.rows.append((cells, tone))

    def rule(self) -> None:
        """Append a line between two groups."""
        self.rows.append(None)

    def text(self) -> str:
        """The table in plain text."""
        return "\n".join(line for line, _ in self._lines())

    def print(self) -> None:
        """Write the table, in colour where that can be seen."""
        if not (sys.stdout.isatty() and libraries.installed("rich")):
            print(self.text())
            return
        from rich.console import Console
        from rich.text import Text

        console = Console(highlight=False)
        for i, (line, tone) in enumerate(self._lines()):
            console.print(Text(line, "bold" if i == 0 else _STYLES[tone]), soft_wrap=True)

    def _lines(self) -> list[tuple[str, Tone]]:
        n = len(self.headings)
        full = [self.headings, *(row[0] for row in self.rows if row and len(row[0]) == n)]
        # All but the last cell of a short row stand in columns like any other.
        partial = [row[0][:-1] for row in self.rows if row and len(row[0]) < n]
        widths = [max(len(cells[i]) for cells in [*full, *partial] if i < len(cells)) for i in range(n)]
        rule: tuple[str, Tone] = ("-" * (sum(widths) + len(_GAP) * (n - 1)), "dim")
        body = [rule if row is None else (self._line(row[0], widths), row[1]) for row in self.rows]
        return [(self._line(self.headings, widths), ""), rule, *body]

    def _line(self, cells: Sequence[str], widths: list[int]) -> str:
        short = len(cells) < len(self.headings)
        parts = [
            cell
            if short and i == len(cells) - 1
            else (cell.rjust if self.headings[i] in self.right else cell.ljust)(widths[i])
            for i, cell in enumerate(cells)
        ]
        return _GAP.join(parts).rstrip()
