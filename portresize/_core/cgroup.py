"""Limits of the control group of this process, and of those that hold it: what containers are given.

Source: Linux, Documentation/admin-guide/cgroup-v1/cgroups.rst and cgroup-v2.rst.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def limits(root: Path, controller: str, first: tuple[str, ...], second: str) -> Iterator[str]:
    """Generate what the files of a limit hold, in each of the groups; "" for a file that is not there.

    Args:
        root: Of the file system.
        controller: Name of what limits, such as "cpu".
        first: Names of its files in version 1, whose contents are joined by spaces.
        second: Name of its file in version 2.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        # In a container the path may be that of the host; the group itself is then mounted at the root.
        group = PurePosixPath(path.lstrip("/"))
        for part in {group, *group.parents}:
            if controllers:
                folders = {root / "sys/fs/cgroup" / name / part for name in (controllers, controller)}
                yield from (" ".join(_text(folder / name) for name in first) for folder in folders)
            else:
                yield _text(root / "sys/fs/cgroup" / part / second)


def _text(path: Path) -> str:
    """Return what a file holds; "" if it cannot be read."""
    try:
        return path.read_text()
    except (OSError, ValueError):
        return ""
