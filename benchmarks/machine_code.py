"""Machine code of kernels for GPUs that are not there: Triton compiles it, and NVIDIA's own tool takes it apart."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from portresize._kernels.triton.kernels import Use

Figures = dict[str, Any]
KINDS = {
    "tensor": {"IMMA", "QMMA", "HMMA", "IGMMA"},
    "global memory": {"LDG", "STG", "LDGSTS"},
    "shared memory": {"LDS", "STS", "LDSM", "STSM", "LDGDEPBAR", "DEPBAR"},
    "local memory": {"LDL", "STL"},
    "double": {"DADD", "DMUL", "DFMA", "DSETP", "DMNMX"},
    "control": {"BRA", "EXIT", "BAR", "BSSY", "BSYNC", "NOP", "WARPSYNC", "CALL", "RET"},
}
_LINE = re.compile(r"\s*/\*([0-9a-f]{4,5})\*/\s+(?:@(!?U?P\w+)\s+)?([A-Z][A-Z0-9_]*)(.*?);")
_TARGET = re.compile(r"(0x[0-9a-f]+)")
_USAGE = re.compile(r"REG:(\d+).*?STACK:(\d+)")


class Code(NamedTuple):
    """Machine code of a kernel.

    Attributes:
        registers: Of a thread.
        stack: Bytes in local memory, of a thread.
        shared: Bytes of shared memory.
        all: Instructions by name.
        loops: Those of each loop, without those of loops in it, the one with most first.
        seldom: How many of the first loop are jumped over.
    """

    registers: int
    stack: int
    shared: int
    all: Counter[str]
    loops: list[Counter[str]]
    seldom: int

    def figures(self) -> Figures:
        """What is kept."""
        return {
            "registers": self.registers,
            "stack": self.stack,
            "shared": self.shared,
            "instructions": _by_kind(self.all),
            "loops": [loop.total() for loop in self.loops],
        }


def compiled(use: Use, capability: int, options: dict[str, Any]) -> Code:
    """A kernel in machine code."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = list(use.kernel.arg_names)
    # What launches find out by themselves: that pointers, not numbers, are multiples of 16.
    known = {(names.index(name),): [["tt.divisibility", 16]] for name in use.aligned}
    source = ASTSource(use.kernel, signature=use.signature(), constexprs=use.words, attrs=known)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    return disassembled(made.asm["cubin"], made.metadata.shared)


def disassembled(cubin: bytes, shared: int) -> Code:
    """What is in a program for a GPU."""
    from triton.backends import nvidia

    tool = Path(next(iter(nvidia.__path__))) / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        code, usage = (
            subprocess.run([tool, what, file.name], capture_output=True, text=True, check=True)  # noqa: S603  its own
            for what in ("-sass", "-res-usage")
        )
    used = _USAGE.search(usage.stdout + usage.stderr)
    assert used
    lines = [(int(m[1], 16), m[2], m[3], m[4]) for m in map(_LINE.match, code.stdout.splitlines()) if m]
    jumps = [
        (at, int(t[1], 16), when) for at, when, name, rest in lines if name == "BRA" and (t := _TARGET.search(rest))
    ]
    spans = sorted({(to, at) for at, to, _ in jumps if to < at}, key=lambda span: span[0] - span[1])
    loops = []
    for low, high in spans:
        inside = [s for s in spans if low <= s[0] and s[1] <= high and s != (low, high)]
        loops.append(
            Counter(
                name for at, _, name, _ in lines if low <= at <= high and not any(s[0] <= at <= s[1] for s in inside)
            )
        )
    low, high = spans[0] if spans else (0, -1)
    skips = [(at, to) for at, to, when in jumps if when and low <= at < to <= high + 16]
    at, to = max(skips, key=lambda skip: skip[1] - skip[0], default=(0, 0))
    return Code(
        int(used[1]),
        int(used[2]),
        shared,
        Counter(name for *_, name, _ in lines),
        loops,
        sum(at < line[0] < to for line in lines),
    )


def _by_kind(counts: Counter[str]) -> dict[str, int]:
    found: Counter[str] = Counter({"all": counts.total()})
    for name, count in counts.items():
        kind = next((kind for kind, names in KINDS.items() if name in names), None)
        found[kind or ("uniform" if name.startswith("U") else "arithmetic")] += count
        if name == "DFMA":
            found["DFMA"] += count
    return dict(sorted(found.items()))
