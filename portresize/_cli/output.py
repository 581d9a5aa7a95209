"""Files that a command writes: refused before any work, and replaced as a whole.

A figure at the end of a minute must not fail on its name, nor a full disk leave half a file where a whole one was.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the name of a file to write, which becomes `path` when the block ends without an error.

    It lies in a folder of a random name beside `path`, which only this user can open.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        yield path  # A device or a pipe, such as /dev/stdout.
        return
    with tempfile.TemporaryDirectory(prefix=".portresize-", dir=path.parent) as folder:
        file = Path(folder) / path.name
        yield file
        if path.exists():
            shutil.copymode(path, file)
        file.replace(path)
