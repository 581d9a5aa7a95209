"""Levels of instruction sets: how long a vector is, and which multiplication to use."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portresize._kernels.llvm.dot import Bytes, Pairs, SignedBytes, Singles
from portresize._kernels.llvm.ir import I8, I64, vector

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from portresize._kernels.llvm.dot import Dot
    from portresize._kernels.llvm.ir import Function, Value

# Registers that say: round to nearest, flush nothing, trap nothing.
_MXCSR, _FPCR = 0x1F80, 0


@dataclass(frozen=True)
class Isa:
    """A level that code can be generated for.

    Attributes:
        name: What it is called in `portresize info` and in PORTRESIZE_ISA.
        triple: Machine, as LLVM names it.
        cpu: The oldest processor that has it, as LLVM names it.
        features: What a processor must have, as LLVM names it.
        lanes: 32-bit integers in a vector.
        dot: How 8-bit samples are multiplied.
    """

    name: str
    triple: str
    cpu: str
    features: tuple[str, ...]
    lanes: int
    dot: Dot

    @property
    def doubles(self) -> int:
        """Float64 numbers in a vector."""
        return self.lanes // 2

    @property
    def is_x86(self) -> bool:
        """Whether it is one of x86-64, or else of aarch64."""
        return self.triple.startswith("x86")

    @property
    def lookup(self) -> int:
        """Bytes that are looked up at once, or 0 where no instruction does that."""
        return 16 if not self.is_x86 else 32 if "avx2" in self.features else 0

    def look_up(self, f: Function, values: Value, order: Value) -> Value:
        """In each 128 bits, the bytes of `values` that `order` names, and 0 where it has 128."""
        name = PSHUFB if self.is_x86 else "llvm.aarch64.neon.tbl1.v16i8"
        return f.call(name, [values, order], values.type)

    @contextmanager
    def default_floats(self, f: Function) -> Iterator[None]:
        """Set the default floating-point state, and after the block that of the caller again.

        LLVM orders calls of functions with side effects among themselves, but not arithmetic: the block calls only.
        """
        before, default = f.room(8), f.room(8)
        self.save_floats(f, before)
        default.store(f.number(_MXCSR if self.is_x86 else _FPCR))
        self.restore_floats(f, default)
        yield
        self.restore_floats(f, before)

    def save_floats(self, f: Function, place: Value) -> None:
        """Write down how this thread rounds, and whether it flushes subnormal numbers to 0."""
        if self.is_x86:
            f.call("llvm.x86.sse.stmxcsr", [place])
        else:
            place.store(f.call("llvm.aarch64.get.fpcr", [], I64))

    def restore_floats(self, f: Function, place: Value) -> None:
        """Do as was written down there."""
        if self.is_x86:
            f.call("llvm.x86.sse.ldmxcsr", [place])
        else:
            f.call("llvm.aarch64.set.fpcr", [place.load(I64)])

    def permutation(self, f: Function, lanes: int, order: Sequence[int]) -> Callable[[Value], Value]:
        """What puts the bytes of each 128 bits of a vector of `lanes` in another order of 16."""
        groups, bytes_ = lanes // 4, vector(I8, 4 * lanes)
        if list(order) == list(range(16)):
            return lambda value: value
        if lanes == 8:
            # By its name and from a table: LLVM takes longest for shuffles of bytes, through which it tries to see.
            table = f.table(bytes_, [max(byte, 0) for byte in order] * groups)
            return lambda value: f.call(PSHUFB, [value.bitcast(bytes_), table], bytes_).bitcast(value.type)
        all_ = [byte if byte < 0 else 16 * group + byte for group in range(groups) for byte in order]
        return lambda value: value.bitcast(bytes_).shuffle(all_).bitcast(value.type)


PSHUFB = "llvm.x86.avx2.pshuf.b"
_AVX2 = ("avx2", "fma")
_AVX512 = (*_AVX2, "avx512f", "avx512bw", "avx512vl", "avx512dq")
_X86, _ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"

# Best first.
LEVELS = {
    isa.name: isa
    for isa in [
        Isa("avx512-vnni", _X86, "x86-64-v4", (*_AVX512, "avx512vnni", "avx512vbmi"), 16, Bytes()),
        Isa("avx512", _X86, "x86-64-v4", _AVX512, 16, Pairs()),
        Isa("avx2-vnni", _X86, "x86-64-v3", (*_AVX2, "avxvnni"), 8, Bytes()),
        Isa("avx2", _X86, "x86-64-v3", _AVX2, 8, Pairs()),
        Isa("x86-64", _X86, "x86-64", (), 4, Pairs()),
        Isa("neon-dot", _ARM, "generic", ("dotprod",), 4, SignedBytes()),
        Isa("neon", _ARM, "generic", (), 4, Singles()),
    ]
}


def runnable(machine: str, features: Collection[str]) -> list[Isa]:
    """The levels that a host can run, best first.

    Args:
        machine: The host's architecture, the first part of its triple.
        features: What its processor has.
    """
    return [
        isa
        for isa in LEVELS.values()
        if isa.triple.partition("-")[0] == machine and all(f in features for f in isa.features)
    ]
