"""Generated code under valgrind's memcheck: no access beyond a buffer, no result of what nothing has written.

    valgrind --tool=memcheck python -m tests.kernels.memcheck COUNT [SEED]

Errors count while a kernel runs and while its result is looked at; what Python and LLVM do before is not looked at. It
finds two planted faults first, or ends with an error. Of the levels, valgrind 3.19 knows those up to AVX2.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from portresize._kernels.llvm import engine
from portresize._kernels.llvm.program import Program
from tests.kernels.campaign import request
from tests.kernels.guarded import GuardedLayout
from tests.kernels.requests import Request, Watch, check

# A client request, as valgrind/valgrind.h has it for x86-64 and SysV calls: rax holds its address, rdx what comes
# without valgrind. Rotated by 128 bits in all, rdi is what it was.
#   mov rax, rdi; xor edx, edx; rol rdi, 3; rol rdi, 13; rol rdi, 61; rol rdi, 51; xchg rbx, rbx; mov rax, rdx; ret
_CODE = bytes.fromhex("4889f8 31d2 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db 4889d0 c3")
_RUNNING, _COUNT_ERRORS, _DISABLE = 0x1001, 0x1201, 0x1801
_UNDEFINED, _DEFINED, _IS_DEFINED = 0x4D430001, 0x4D430002, 0x4D430005
_MEMORY = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
_MEMORY.write(_CODE)
_CALL = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(ctypes.addressof(ctypes.c_char.from_buffer(_MEMORY)))


def ask(number: int, *arguments: int) -> int:
    """Make a client request."""
    words = (ctypes.c_int64 * 6)(number, *arguments)
    return int(_CALL(ctypes.addressof(words)))


@contextmanager
def errors_count() -> Iterator[None]:
    """Report errors inside."""
    ask(_DISABLE, -1)
    yield
    ask(_DISABLE, 1)


def mark(number: int, array: np.ndarray) -> None:
    """Tell valgrind something of the bytes of an array without gaps."""
    ask(number, array.ctypes.data, array.nbytes)


class Watched(Watch):
    """Errors count while a kernel runs, and while its result is looked at."""

    def __init__(self) -> None:
        self.runs = 0

    def target(self, memory: np.ndarray) -> None:
        """Mark it as not written."""
        mark(_UNDEFINED, memory)

    def scratch(self, made: Program) -> np.ndarray:
        """Return memory that nothing has written, but for what copies of the ends of rows leave unwritten.

        A vector of these is multiplied as a whole, by weights of 0 where there is no sample.
        """
        memory, layout = super().scratch(made), made._layout
        assert isinstance(layout, GuardedLayout)
        sizes = dict(layout.buffers)
        for place, size in layout.buffers:
            ask(_UNDEFINED, memory.ctypes.data + place, size)
        for *_, places in layout._fills:
            for name in places.keys() & {"spare_rows", "spare_columns"}:
                ask(_DEFINED, memory.ctypes.data + places[name], sizes[places[name]])
        return memory

    def run(self, made: Program, memory: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
        """Run the kernel."""
        self.runs += 1
        with errors_count():
            super().run(made, memory, x, y)

    def result(self, y: np.ndarray) -> None:
        """Have samples reported that nothing has written: a copy of them is as defined as they are."""
        copy = np.ascontiguousarray(y)
        with errors_count():
            mark(_IS_DEFINED, copy)


def planted() -> None:
    """See that a read of what is not written is found, and one beyond a block.

    Raises:
        AssertionError: One is not.
    """
    for is_beyond in (False, True):
        before, block = ask(_COUNT_ERRORS), np.empty(5000, np.uint8)
        mark(_UNDEFINED, block)
        with errors_count():
            ctypes.string_at(block.ctypes.data + block.nbytes, 1) if is_beyond else mark(_IS_DEFINED, block)
        assert ask(_COUNT_ERRORS) > before, "memcheck does not find a planted fault"


def main(count: str, seed: str = "0") -> None:
    """Run so many requests that have kernels."""
    assert ask(_RUNNING), "run this under valgrind"
    ask(_DISABLE, 1)
    planted()
    watched, levels, done, turn = Watched(), engine.levels(), 0, 0
    wrong: list[Request] = []
    while done < int(count):
        rng = np.random.default_rng([int(seed), turn])
        made = request(rng)
        if made is not None:
            print(f"seed {seed}, turn {turn}, {levels[turn % len(levels)].name}: {made}", flush=True)
            before = ask(_COUNT_ERRORS)
            done += check(made, rng, levels[turn % len(levels)], "above", watched)
            if ask(_COUNT_ERRORS) > before:
                print("^ memcheck found something", flush=True)
                wrong.append(made)
        turn += 1
    names = ", ".join(isa.name for isa in levels)
    print(f"{done} requests, {watched.runs} runs of kernels on {names} under memcheck: {len(wrong)} with errors")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
