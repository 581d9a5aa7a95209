"""Room in memory: what this process can hold at all, asked before work begins that would end for want of it."""

from __future__ import annotations

import math
import mmap
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from portresize._core.cgroup import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portresize._core.spec import Spec

# LLVM ends the process where it gets no memory; a kernel takes it up to 3 MB (measured as resident memory).
_ROOM = 16 << 20


def reserve() -> None:
    """Take and drop 16 MiB of address space.

    Raises:
        MemoryError: There are none.
    """
    # Not of the allocator, which keeps to other thresholds once that much has been freed.
    flags = {} if sys.platform == "win32" else {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}
    try:
        mmap.mmap(-1, _ROOM, **flags).close()
    except OSError as error:
        msg = f"less than {_ROOM >> 20} MiB of memory are left to import modules or generate kernels in"
        raise MemoryError(msg) from error


# Less fits any machine, so that the system need not be asked.
LARGE = 1 << 28


def hold(size: int, what: str) -> None:
    """Check that this process can hold `size` bytes.

    A system that lends more memory than it has would end the process only when it is used, after long work.

    Args:
        size: Bytes of one array.
        what: Its name for the message.

    Raises:
        MemoryError: It cannot, whatever else it gives back.
    """
    if size >= LARGE and size > (most := largest()):
        msg = f"{what} would take {_gibibytes(size)}, and this process can hold {_gibibytes(most)}; ask for less"
        raise MemoryError(msg)


def hold_result(spec: Spec, size: tuple[int, ...], shape: tuple[int, ...], itemsize: int) -> None:
    """Check that this process can hold a result, and what the kernels have to know of each of its images.

    Args:
        spec: The request.
        size: `(height, width)` of the result.
        shape: Of the array.
        itemsize: Bytes of a sample.

    Raises:
        MemoryError: It cannot.
    """
    # An average is no larger than its source; the plan checks a box that leaves it.
    if spec.factor:
        return
    result = list(shape)
    result[spec.layout.index("H")], result[spec.layout.index("W")] = size
    hold(math.prod(result) * itemsize, f"a result of shape {tuple(result)}")
    images = math.prod(length for length, name in zip(shape, spec.layout, strict=True) if name not in "HW")
    hold(images * _PLACES, f"places of {images} images in memory")


# Bytes that the places of an image take, in the source and in the result, while they are made.
_PLACES = 32


def largest(root: Path = Path("/")) -> int:
    """Return how many bytes this process can hold at most.

    They are the least of what the machine has left, the limit of the control group and that of the address space;
    2**62 where the system says nothing of any.
    """
    found = [1 << 62, *_left(root)]
    # "max" is no limit.
    texts = limits(root, "memory", ("memory.limit_in_bytes",), "memory.max")
    found += [int(text) for text in texts if text.strip().isdecimal()]
    if sys.platform != "win32":
        # Not before: Windows has no such module.
        import resource  # noqa: PLC0415

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        found += [soft] if soft != resource.RLIM_INFINITY else []
    return min(found)


def _left(root: Path) -> Iterator[int]:
    """Generate the bytes that programs can still take, swap space included, where the system is Linux.

    Source: Linux, Documentation/filesystems/proc.rst (MemAvailable).
    """
    try:
        text = (root / "proc/meminfo").read_text()
    except OSError:
        return
    found = [
        int(kibibytes) << 10 for kibibytes in re.findall(r"^(?:MemAvailable|SwapFree):\s*(\d+) kB", text, re.MULTILINE)
    ]
    if found:
        yield sum(found)


def _gibibytes(size: int) -> str:
    return f"{size / (1 << 30):,.1f} GiB"
