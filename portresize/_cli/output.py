"""Where a command writes, refused before any work: a figure at the end of a minute must not fail on its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# What matplotlib's Agg writes, in every release since 3.8, and a person would open; without a suffix it adds one.
FIGURES = (".jpeg", ".jpg", ".pdf", ".png", ".svg", ".tif", ".tiff", ".webp")


def check(option: str, path: Path, example: str) -> None:
    """Refuse a path that no file can have.

    Args:
        option: As it was written, for the message.
        path: Where the file would be.
        example: A file's name, for the message.

    Raises:
        ValueError: It is a folder, or in none.
    """
    if path.is_dir():
        msg = f"`{option}` is {path}, a folder; name a file, such as {path / example}"
        raise ValueError(msg)
    if not path.parent.is_dir():
        msg = f"`{option}` is {path}, but there is no folder {path.parent}; make it, or name another file"
        raise ValueError(msg)


def check_figure(path: Path, picture: Path | None) -> None:
    """Refuse a figure's path.

    Args:
        path: Where it would be.
        picture: The user's picture, which stays as it is.

    Raises:
        ValueError: No file, not a figure's suffix, or the picture itself, under whatever name.
    """
    check("--output", path, "compare.png")
    if path.suffix.lower() not in FIGURES:
        msg = f"`--output` is {path}, expected a name that ends in {', '.join(FIGURES[:-1])} or {FIGURES[-1]}"
        raise ValueError(msg)
    if picture and picture.exists() and path.exists() and path.samefile(picture):
        msg = f"`--output` is {path}, the picture itself; name another file"
        raise ValueError(msg)
