"""Room in memory, asked of the system before code runs that does not bear to get none."""

from __future__ import annotations

import mmap
import sys

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
