"""From the text of a module to functions of this process."""

from __future__ import annotations

from ctypes import CFUNCTYPE, c_int64
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from portresize._core.room import reserve
from portresize._kernels.llvm import memory
from portresize._kernels.llvm.isa import Isa, runnable


@cache
def host() -> tuple[str, frozenset[str]]:
    """Architecture and features of the processor that this runs on."""
    machine = llvm.get_process_triple().partition("-")[0]
    features = llvm.get_host_cpu_features()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine), frozenset(f for f in features if features[f])


def levels() -> list[Isa]:
    """The levels that the host can run, best first."""
    return runnable(*host())


def machine_for(isa: Isa, *, jit: bool) -> Any:
    """What LLVM generates code for `isa` with.

    Raises:
        RuntimeError: This LLVM does not know the machine.
    """
    if jit:
        # Of this process, whose calling convention may differ from that of the level's own triple.
        triple = llvm.get_process_triple()
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    else:
        triple = isa.triple
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    features = ",".join(f"+{feature}" for feature in isa.features)
    return llvm.Target.from_triple(triple).create_target_machine(cpu=isa.cpu, features=features, opt=2, jit=jit)


def parse(text: str, machine: Any) -> Any:
    """The module of `text`, checked, for `machine`.

    Raises:
        RuntimeError: It is no module that LLVM understands.
    """
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    module.verify()
    return module


@cache
def has_threads() -> bool:
    """Whether the C library has what `team` lets threads sleep with; that of Windows has not."""
    return llvm.address_of_symbol("pthread_cond_wait") is not None


class Library:
    """The functions of a module, ready to be called; they live as long as this."""

    def __init__(self, text: str, isa: Isa) -> None:
        """Generate the code.

        Raises:
            MemoryError: There is no room to do so.
            Unsupported: This thread has too small a stack, and no other can be started.
        """
        reserve()
        self._engine = memory.on_large_stack(lambda: _generated(text, isa))

    def address(self, name: str) -> int:
        """Return where the function `name` begins.

        Raises:
            Unsupported: This process may not execute it.
        """
        found = int(self._engine.get_function_address(name))
        memory.check_executable(found)
        return found


def _generated(text: str, isa: Isa) -> Any:
    """LLVM's engine for the module of `text`."""
    machine = machine_for(isa, jit=True)
    made = llvm.create_mcjit_compiler(parse(text, machine), machine)
    made.finalize_object()
    return made


# The GIL is released while such a function runs.
KERNEL = CFUNCTYPE(None, *[c_int64] * 3)
