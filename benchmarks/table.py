"""Figures on a terminal, a row at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.timing import median

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.timing import Summary

Cell = float | str | bool | None


class Table:
    """Rows printed as they come, under a heading of their columns."""

    def __init__(self, title: str, *columns: str) -> None:
        self._widths = {column: max(len(column), 8) + 2 for column in columns}
        heading = "".join(f"{column:>{width}}" for column, width in self._widths.items())
        print(f"\n{title:46}{heading}", flush=True)

    def row(self, name: str, cells: Mapping[str, Cell]) -> None:
        """Print the cells that the heading names; those not there are dashes."""
        texts = (f"{_text(cells.get(column)):>{width}}" for column, width in self._widths.items())
        print(f"{name:46}{''.join(texts)}", flush=True)

    def times(self, name: str, times: Mapping[str, Summary], **cells: Cell) -> None:
        """Print a row of medians, and other cells."""
        self.row(name, {**{who: median(figures) for who, figures in times.items()}, **cells})


def _text(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return cell if isinstance(cell, str) else f"{cell:.4g}"
