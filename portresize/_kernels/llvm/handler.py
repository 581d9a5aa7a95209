"""What XLA calls for a custom call on the CPU: a function that runs kernels as a recipe says, without the interpreter.

XLA hands over a frame with the arrays and the recipe, an attribute of the call. Offsets below are those of the
structures in `xla/ffi/api/c_api.h`, version 0.3; later ones of the same major version only append to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm.fields import Fields
from portresize._kernels.llvm.ir import I32, I64, PTR, Module
from portresize._kernels.llvm.recipe import BASES, CALLEE, RECIPE, SECTION, WORD

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Function, Value
    from portresize._kernels.llvm.isa import Isa

API = (0, 3)
"""The version of the interface that this is written for."""

# XLA_FFI_CallFrame, XLA_FFI_Buffer, XLA_FFI_Array, XLA_FFI_Api.
_EXTENSION, _API, _ARGUMENTS, _RESULTS, _ATTRIBUTES = 8, 16, 72, 112, 160
_DATA, _DIMENSIONS, _ELEMENTS, _ERROR_CREATE = 24, 40, 16, 48
# XLA_FFI_Extension_Base, XLA_FFI_Metadata_Extension and XLA_FFI_Metadata.
_TYPE, _IS_METADATA, _METADATA, _MAJOR, _MINOR = 8, 1, 24, 24, 28
_FAILED_PRECONDITION, _RESOURCE_EXHAUSTED = 9, 8

# What a job is told: items `first` to before `stop` with one block, and then `BASES`.
JOB = Fields("kernel", "block", "first", "stop", "source_step", "target_step")
_JOB_SIZE = 128
_BASES_AT = 64
# Of what this process provides: the board at which threads meet and `team.launch`, and then all `FUNCTIONS`.
BOARD, LAUNCH, FIRST_FUNCTION = 0, 8, 16


def write(isa: Isa, provided: int) -> Module:
    """The module with `handle`; what this process provides is at the address `provided`.

    Of the functions there, those may be 0 that nothing has needed yet.
    """
    module = Module(32 * isa.lanes)
    each = _each(module)
    f = module.function("handle", [PTR], exported=True, result=PTR)
    (frame,) = f.parameters
    error, is_run = f.room(8), f.room(8)
    error.store(f.number(0, PTR))
    is_run.store(f.number(1))
    extension = frame.at(_EXTENSION).load(PTR)
    with f.when(extension.equals(0) ^ 1):
        is_asked = extension.at(_TYPE).load(I32).equals(_IS_METADATA)
        with f.when(is_asked):
            metadata = extension.at(_METADATA).load(PTR)
            for at, number in zip((_MAJOR, _MINOR), API, strict=True):
                metadata.at(at).store(f.number(number, I32))
            is_run.store(f.number(0))
    with f.when(is_run.load(I64).equals(1)):
        _Answer(f, error).write(f.number(provided).pointer(), each)
    f.give(error.load(PTR))
    return module


def _each(module: Module) -> Function:
    """`each(job, source, target)`: the kernel on each item of a job."""
    f = module.function("each", [PTR, PTR, PTR])
    block, source, target = f.parameters
    job = JOB.read(block)
    kernel, inner = job["kernel"].pointer(), job["block"].pointer()
    with f.loop(job["stop"], start=job["first"]) as item:
        source_step, target_step = (item.index * job[f"{side}_step"] for side in ("source", "target"))
        f.call(kernel, [inner, source.at(source_step), target.at(target_step)])
    return f


class _Answer:
    """What `handle` does with a frame that asks for a result."""

    def __init__(self, f: Function, error: Value) -> None:
        self._f, self._error = f, error
        self._frame = frame = f.parameters[0]
        self._image, self._result = (frame.at(at).load(PTR).load(PTR) for at in (_ARGUMENTS, _RESULTS))
        self._recipe = frame.at(_ATTRIBUTES).load(PTR).load(PTR).at(_ELEMENTS).load(PTR)
        self._fields = RECIPE.read(self._recipe)

    def write(self, provided: Value, each: Function) -> None:
        """All of it."""
        f, functions = self._f, provided.at(FIRST_FUNCTION)
        is_missing = self._lacks(functions)
        with f.when(is_missing):
            self._fail(_FAILED_PRECONDITION, "portresize: lower the call in this process before it is loaded")
        with f.when(is_missing ^ 1):
            items = self._items()
            # A process that no thread has been asked of, or a forked child, has no board.
            by_rows, count = self._shares(items, is_alone=provided.at(LAUNCH).load(I64).equals(0))
            # A list of jobs, and then for each of them what it is told and the memory of its run.
            list_size, job_size = (count * 8 + 63) & -64, ((self._fields["size"] + 63) & -64) + _JOB_SIZE
            memory = f.call("malloc", [list_size + job_size * count + 64], PTR)
            is_there = memory.equals(0) ^ 1
            with f.when(is_there ^ 1):
                self._fail(_RESOURCE_EXHAUSTED, "portresize: no memory for the buffers of a resize")
            with f.when(is_there):
                jobs = memory.at(((memory.address() + 63) & -64) - memory.address())
                with f.loop(count) as turn:
                    i, place = turn.index, jobs.at(list_size + turn.index * job_size)
                    jobs.at(i * 8).store(place)
                    first, stop = (by_rows.select(rows, items * n // count) for rows, n in ((0, i), (items, i + 1)))
                    self._tell(place, functions, {"first": first, "stop": stop})
                    for section in (f.number(0), by_rows.select(i + 2, 1)):
                        self._copy(section, place, functions)
                self._launch(provided, each, count, jobs)
                f.call("free", [memory])

    def _lacks(self, functions: Value) -> Value:
        """Whether this process has not generated all the functions that the recipe needs."""
        needed = self._recipe.at(self._fields["needed"])
        with self._f.loop(self._fields["n_needed"], self._f.number(0)) as turn:
            number = needed.at(turn.index * 8).load(I64)
            turn.next(turn.carried[0] | functions.at(number * 8).load(I64).equals(0).cast("zext", I64))
        return turn.carried[0].equals(0) ^ 1

    def _items(self) -> Value:
        """Along the leading axes of the image."""
        lengths = self._image.at(_DIMENSIONS).load(PTR)
        with self._f.loop(self._fields["leading"], self._f.number(1)) as axis:
            axis.next(axis.carried[0] * lengths.at(axis.index * 8).load(I64))
        return axis.carried[0]

    def _shares(self, items: Value, *, is_alone: Value) -> tuple[Value, Value]:
        """Whether the work is cut into parts of rows and not into whole items, and into how many."""
        threads, row_parts = (is_alone.select(1, self._fields[name]) for name in ("threads", "row_parts"))
        pays_for = items * self._fields["work"] // self._fields["worth"]
        by_rows = (items < threads * 4) & (items % threads > 0) & (row_parts > 1) & (pays_for >= row_parts)
        return by_rows, by_rows.select(row_parts, pays_for.min(threads).min(items).max(1))

    def _tell(self, place: Value, functions: Value, part: dict[str, Value]) -> None:
        """Write what a job is told."""
        block = place.at(_JOB_SIZE).address()
        told = {
            "kernel": functions.at(self._fields["kernel"] * 8).load(I64),
            "block": block,
            **part,
            **{name: self._fields[name] for name in ("source_step", "target_step")},
        }
        for name, value in told.items():
            place.at(8 * JOB.index(name)).store(value)
        bases = {"nothing": self._f.number(0), "memory": block, "recipe": self._recipe.address()}
        for name, value in bases.items():
            place.at(_BASES_AT + 8 * BASES.index(name)).store(value)

    def _copy(self, number: Value, place: Value, functions: Value) -> None:
        """Write a section to the memory of a job."""
        f, recipe, memory = self._f, self._recipe, place.at(_JOB_SIZE)
        section = SECTION.read(recipe.at(self._fields["sections"] + number * (8 * len(SECTION))))
        with f.loop(section["n_words"]) as turn:
            word = WORD.read(recipe.at(section["words"] + turn.index * (8 * len(WORD))))
            memory.at(word["at"]).store(word["value"] + place.at(word["base"] * 8 + _BASES_AT).load(I64))
        with f.loop(section["n_functions"]) as turn:
            callee = CALLEE.read(recipe.at(section["functions"] + turn.index * (8 * len(CALLEE))))
            memory.at(callee["at"]).store(functions.at(callee["number"] * 8).load(I64))

    def _launch(self, provided: Value, each: Function, count: Value, jobs: Value) -> None:
        """Do the jobs, on as many threads."""
        f = self._f
        arrays = [array.at(_DATA).load(PTR) for array in (self._image, self._result)]
        with f.when(count.equals(1)):
            f.call(each, [jobs.load(PTR), *arrays])
        with f.when(count > 1):
            board, launch = (provided.at(at).load(PTR) for at in (BOARD, LAUNCH))
            f.call(launch, [board, count, jobs, f.pointer_to(each), *arrays])

    def _fail(self, code: int, message: str) -> None:
        """Answer with an error."""
        f, told = self._f, self._f.room(32)
        for at, value in ((0, f.number(32)), (8, f.number(0)), (16, f.text(message)), (24, f.number(code))):
            told.at(at).store(value)
        create = self._frame.at(_API).load(PTR).at(_ERROR_CREATE).load(PTR)
        self._error.store(f.call(create, [told], PTR))
