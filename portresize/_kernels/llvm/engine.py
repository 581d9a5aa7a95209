"""Modules to machine code, once a process and module."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from portresize._kernels.llvm.isa import Isa


def _initialize() -> None:
    # Older releases need to be asked, newer ones do it themselves and warn.
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def target_machine(isa: Isa) -> Any:
    features = ",".join("+" + feature for feature in isa.features)
    return llvm.Target.from_triple(isa.triple).create_target_machine(cpu=isa.cpu, features=features, opt=2, jit=True)


class Compiled:
    def __init__(self, text: str, isa: Isa) -> None:
        _initialize()
        module = llvm.parse_assembly(text)
        module.verify()
        self._machine = target_machine(isa)
        module.triple = self._machine.triple
        module.data_layout = str(self._machine.target_data)
        self._engine = llvm.create_mcjit_compiler(module, self._machine)
        self._engine.finalize_object()

    def function(self, name: str):
        return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._engine.get_function_address(name))
