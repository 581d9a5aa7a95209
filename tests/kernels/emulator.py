"""Kernels for aarch64 on any machine: compiled to an object file, and run by a processor in software."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from elftools.elf.elffile import ELFFile
from unicorn import UC_ARCH_ARM64, UC_MODE_ARM, Uc
from unicorn.arm64_const import UC_ARM64_REG_LR, UC_ARM64_REG_SP, UC_ARM64_REG_X0, UC_CPU_ARM64_MAX

from portresize._kernels.llvm import engine, library
from portresize._kernels.llvm.address import Key
from portresize._kernels.llvm.isa import Isa

_PAGE = 4096
_CODE, _STACK, _END = 1 << 40, 1 << 41, 1 << 42
_STACK_SIZE = 1 << 20
# Relocations of the large code model: 16 bits of an absolute address each, by the number that the ABI gives them.
_PARTS = {264: 0, 266: 16, 268: 32, 269: 48}


class Aarch64:
    """A processor that holds functions of `portresize._kernels.llvm.library`.

    Arrays keep the addresses that they have in this process: `run` copies them in before and out after. A read or write
    anywhere else raises `unicorn.UcError`.
    """

    def __init__(self, isa: Isa) -> None:
        self._isa = isa
        self._processor = Uc(UC_ARCH_ARM64, UC_MODE_ARM, UC_CPU_ARM64_MAX)
        self._processor.mem_map(_STACK, _STACK_SIZE)
        self._processor.mem_map(_END, _PAGE)
        self._next = _CODE
        self._addresses: dict[Key, int] = {}

    def address(self, isa: Isa, key: Key) -> int:
        """Where a function is; stands for `library.address`."""
        assert isa == self._isa
        if key not in self._addresses:
            self._addresses[key] = self._load(key)
        return self._addresses[key]

    def run(self, function: int, arguments: Sequence[np.ndarray], others: Iterable[np.ndarray]) -> None:
        """Call the function at an address with the addresses of arrays; `others` are those that it finds by itself."""
        arrays = [*arguments, *others]
        processor, spans = self._processor, [_span(array) for array in arrays]
        pages = sorted({page for start, stop in spans for page in range(start // _PAGE, -(-stop // _PAGE))})
        for page in pages:
            processor.mem_map(page * _PAGE, _PAGE)
        for array, (start, _) in zip(arrays, spans, strict=True):
            processor.mem_write(start, array.tobytes())
        processor.reg_write(UC_ARM64_REG_SP, _STACK + _STACK_SIZE)
        processor.reg_write(UC_ARM64_REG_LR, _END)
        for i, (start, _) in enumerate(spans[: len(arguments)]):
            processor.reg_write(UC_ARM64_REG_X0 + i, start)
        processor.emu_start(function, _END)
        for array, (start, stop) in zip(arrays, spans, strict=True):
            if array.flags.writeable:
                data = np.frombuffer(bytes(processor.mem_read(start, stop - start)), array.dtype)
                array[...] = data.reshape(array.shape)
        for page in pages:
            processor.mem_unmap(page * _PAGE, _PAGE)

    def _load(self, key: Key) -> int:
        """Put a module's code into memory: the address of the function that it is about."""
        machine = engine.machine_for(self._isa, jit=False)
        module = engine.parse(str(library.write(self._isa, key)), machine)
        elf = ELFFile(io.BytesIO(machine.emit_object(module)))
        places: dict[int, int] = {}
        images: dict[int, bytearray] = {}
        for i, section in enumerate(elf.iter_sections()):
            if section["sh_flags"] & 2 and section["sh_size"]:  # is loaded
                places[i], images[i] = self._next, bytearray(section.data())
                self._next += -(-len(images[i]) // _PAGE) * _PAGE
        symbols = elf.get_section_by_name(".symtab")
        for section in elf.iter_sections():
            if section["sh_type"] == "SHT_RELA" and section["sh_info"] in images:
                for relocation in section.iter_relocations():
                    _relocate(images[section["sh_info"]], relocation, symbols, places)
        for i, image in images.items():
            size = -(-len(image) // _PAGE) * _PAGE
            self._processor.mem_map(places[i], size)
            self._processor.mem_write(places[i], bytes(image))
        (symbol,) = symbols.get_symbol_by_name(str(key[0]))
        return places[symbol["st_shndx"]] + int(symbol["st_value"])


def _relocate(image: bytearray, relocation: Any, symbols: Any, places: dict[int, int]) -> None:
    """Write 16 bits of an address into a `movz` or `movk`."""
    symbol = symbols.get_symbol(relocation["r_info_sym"])
    value = places[symbol["st_shndx"]] + symbol["st_value"] + relocation["r_addend"]
    at = relocation["r_offset"]
    word = int.from_bytes(image[at : at + 4], "little")
    word |= (value >> _PARTS[relocation["r_info_type"]] & 0xFFFF) << 5
    image[at : at + 4] = word.to_bytes(4, "little")


def _span(array: np.ndarray) -> tuple[int, int]:
    """First and one past the last address of an array without gaps."""
    assert array.flags.c_contiguous
    return array.ctypes.data, array.ctypes.data + array.nbytes
