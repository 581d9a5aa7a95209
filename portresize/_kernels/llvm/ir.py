"""Just enough of LLVM's language to write kernels in Python: values with operators, loops, and a function to hold them.

Text and not `llvmlite.ir`, whose pointers have types in one release and none in the next; the text below is the same
for every LLVM from 15 on.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

I1, I8, I16, I32, I64, F32, F64, PTR, VOID = "i1", "i8", "i16", "i32", "i64", "float", "double", "ptr", "void"
UNDEFINED = -1  # In a shuffle's mask: any value will do.


def vector(element: str, lanes: int) -> str:
    """The type of `lanes` values of `element`.

    >>> vector("i32", 4)
    '<4 x i32>'
    """
    return f"<{lanes} x {element}>"


def lanes_of(type_: str) -> int:
    """How many values a value of `type_` holds."""
    return int(type_[1:].split(" ", 1)[0]) if type_.startswith("<") else 1


def element_of(type_: str) -> str:
    """The type of each of them."""
    return type_[1:-1].split(" x ")[1] if type_.startswith("<") else type_


def bits_of(type_: str) -> int:
    """Size of a value of `type_`."""
    element = element_of(type_)
    size = {"float": 32, "double": 64, "ptr": 64}.get(element) or int(element[1:])
    return size * lanes_of(type_)


def with_element(type_: str, element: str) -> str:
    """`type_` with other elements."""
    return vector(element, lanes_of(type_)) if type_.startswith("<") else element


def constant(type_: str, value: float) -> str:
    """`value` in every lane of `type_`, as text."""
    if type_ == "ptr":
        return "null"
    element = element_of(type_)
    if element in {"float", "double"}:
        one = f"{float(value):.17e}"
    elif element == "i1":
        one = "true" if value else "false"
    else:
        one = str(int(value))
    if not type_.startswith("<"):
        return one
    return "<" + ", ".join([f"{element} {one}"] * lanes_of(type_)) + ">"


class Value:
    """A value of the function being written. Operators are signed, wrap, and take Python numbers for constants."""

    __slots__ = ("function", "name", "type")

    def __init__(self, function: Function, type_: str, name: str) -> None:
        self.function, self.type, self.name = function, type_, name

    @property
    def is_float(self) -> bool:
        """Whether its elements are floats."""
        return element_of(self.type) in {"float", "double"}

    def _binary(self, other: Value | float, integer: str, floating: str = "") -> Value:
        op = floating if self.is_float else integer
        right = other.name if isinstance(other, Value) else constant(self.type, other)
        return self.function.emit(self.type, f"{op} {self.type} {self.name}, {right}")

    def _compare(self, other: Value | float, integer: str, floating: str = "") -> Value:
        op = f"fcmp {floating}" if self.is_float else f"icmp {integer}"
        right = other.name if isinstance(other, Value) else constant(self.type, other)
        return self.function.emit(with_element(self.type, I1), f"{op} {self.type} {self.name}, {right}")

    def __add__(self, other: Value | float) -> Value:
        return self._binary(other, "add", "fadd")

    def __sub__(self, other: Value | float) -> Value:
        return self._binary(other, "sub", "fsub")

    def __mul__(self, other: Value | float) -> Value:
        return self._binary(other, "mul", "fmul")

    def __truediv__(self, other: Value | float) -> Value:
        return self._binary(other, "", "fdiv")

    def __floordiv__(self, other: Value | float) -> Value:
        return self._binary(other, "sdiv")

    def __mod__(self, other: Value | float) -> Value:
        return self._binary(other, "srem")

    def __lshift__(self, other: Value | int) -> Value:
        return self._binary(other, "shl")

    def __rshift__(self, other: Value | int) -> Value:
        return self._binary(other, "ashr")

    def __and__(self, other: Value | int) -> Value:
        return self._binary(other, "and")

    def __or__(self, other: Value | int) -> Value:
        return self._binary(other, "or")

    def __xor__(self, other: Value | int) -> Value:
        return self._binary(other, "xor")

    def __lt__(self, other: Value | float) -> Value:
        return self._compare(other, "slt", "olt")

    def __le__(self, other: Value | float) -> Value:
        return self._compare(other, "sle", "ole")

    def __gt__(self, other: Value | float) -> Value:
        return self._compare(other, "sgt", "ogt")

    def __ge__(self, other: Value | float) -> Value:
        return self._compare(other, "sge", "oge")

    def equals(self, other: Value | float) -> Value:
        """Lane by lane; `==` is left to Python."""
        return self._compare(other, "eq", "oeq")

    def logical_shift(self, other: int) -> Value:
        """Shift to the right, zeros coming in."""
        return self._binary(other, "lshr")

    def cast(self, how: str, element: str) -> Value:
        """`trunc`, `zext`, `sext`, `sitofp`, `fptosi`, `fptrunc` or `fpext` to other elements."""
        to = with_element(self.type, element)
        return self if to == self.type else self.function.emit(to, f"{how} {self.type} {self.name} to {to}")

    def bitcast(self, to: str) -> Value:
        """The same bits as another type."""
        return self if to == self.type else self.function.emit(to, f"bitcast {self.type} {self.name} to {to}")

    def min(self, other: Value | float) -> Value:
        """The smaller one, of integers."""
        return (self < other).select(self, other)

    def max(self, other: Value | float) -> Value:
        """The larger one, of integers."""
        return (self > other).select(self, other)

    def select(self, yes: Value | float, no: Value | float) -> Value:
        """`yes` where this is true and `no` elsewhere; one of them is a Value."""
        type_ = yes.type if isinstance(yes, Value) else no.type if isinstance(no, Value) else I64
        texts = [f"{type_} {v.name if isinstance(v, Value) else constant(type_, v)}" for v in (yes, no)]
        return self.function.emit(type_, f"select {self.type} {self.name}, {', '.join(texts)}")

    def shuffle(self, mask: Sequence[int], other: Value | None = None) -> Value:
        """The lanes that `mask` names, of this value and of `other` behind it."""
        second = other.name if other else "undef"
        lanes = ", ".join("i32 undef" if i < 0 else f"i32 {i}" for i in mask)
        text = f"shufflevector {self.type} {self.name}, {self.type} {second}, <{len(mask)} x i32> <{lanes}>"
        return self.function.emit(vector(element_of(self.type), len(mask)), text)

    def splat(self, lanes: int) -> Value:
        """`lanes` times this scalar."""
        type_ = vector(self.type, lanes)
        one = self.function.emit(type_, f"insertelement {type_} undef, {self.type} {self.name}, i32 0")
        return one.shuffle([0] * lanes)

    # Of pointers.

    def at(self, offset: Value | int) -> Value:
        """The address `offset` bytes from here."""
        text = offset.name if isinstance(offset, Value) else str(offset)
        return self.function.emit(PTR, f"getelementptr i8, ptr {self.name}, i64 {text}")

    def load(self, type_: str) -> Value:
        """What is here, at any alignment."""
        return self.function.emit(type_, f"load {type_}, ptr {self.name}, align 1")

    def load_first(self, type_: str, count: int) -> Value:
        """The first `count` elements here as a vector `type_`, whose other lanes are 0; what follows is not touched."""
        lanes = lanes_of(type_)
        if count == lanes:
            return self.load(type_)
        mask = "<" + ", ".join(f"{I1} {'true' if i < count else 'false'}" for i in range(lanes)) + ">"
        f, parameters = self.function, [PTR, I32, vector(I1, lanes), type_]
        name = f"llvm.masked.load.v{lanes}{element_of(type_)}.p0"
        f.module.declare(name, type_, parameters)
        texts = [f"{PTR} {self.name}", f"{I32} 1", f"{vector(I1, lanes)} {mask}", f"{type_} {constant(type_, 0)}"]
        return f.emit(type_, f"call {type_} @{name}({', '.join(texts)})")

    def store(self, value: Value) -> None:
        """Put `value` here, at any alignment."""
        self.function.line(f"store {value.type} {value.name}, ptr {self.name}, align 1")

    def prefetch(self) -> None:
        """Ask the caches for what is here, which need not be memory."""
        f = self.function
        f.call("llvm.prefetch.p0", [self, f.number(0, I32), f.number(3, I32), f.number(1, I32)])

    def load_shared(self) -> Value:
        """The i64 here, which other threads write."""
        return self.function.emit(I64, f"load atomic i64, ptr {self.name} seq_cst, align 8")

    def store_shared(self, value: Value) -> None:
        """Put an i64 here, which other threads read."""
        self.function.line(f"store atomic i64 {value.name}, ptr {self.name} seq_cst, align 8")

    def add_shared(self, value: int) -> None:
        """Add to the i64 here, to which other threads add too."""
        self.function.emit(I64, f"atomicrmw add ptr {self.name}, i64 {value} seq_cst")

    def replace_shared(self, old: Value, new: Value) -> Value:
        """Put `new` here if `old` is still here; whether it was."""
        pair = "{ i64, i1 }"
        text = f"cmpxchg ptr {self.name}, i64 {old.name}, i64 {new.name} seq_cst seq_cst"
        result = self.function.emit(pair, text)
        return self.function.emit(I1, f"extractvalue {pair} {result.name}, 1")

    def address(self) -> Value:
        """The pointer as a number."""
        return self.function.emit(I64, f"ptrtoint ptr {self.name} to i64")

    def pointer(self) -> Value:
        """The number as a pointer."""
        return self.function.emit(PTR, f"inttoptr i64 {self.name} to ptr")


class Loop:
    """What a `Function.loop` hands to its body."""

    def __init__(self, index: Value, carried: list[Value]) -> None:
        self.index = index
        self.carried = carried
        """Values of this turn, and after the loop those of the last."""
        self.following: list[Value] = carried
        self.again: Value = index
        """Of `Function.repeat`: whether there is another turn."""

    def next(self, *values: Value) -> None:
        """What the next turn carries."""
        self.following = list(values)


class Function:
    """A function being written."""

    def __init__(
        self, module: Module, name: str, parameters: Sequence[str], *, exported: bool = False, result: str = VOID
    ) -> None:
        self.module = module
        self._result = result
        self._answer = VOID
        self.name = name
        self.parameters = [Value(self, type_, f"%p{i}") for i, type_ in enumerate(parameters)]
        self._lines: list[str] = []
        self._count = 0
        self._block = "entry"
        self._exported = exported

    def line(self, text: str) -> None:
        """Write one instruction."""
        self._lines.append("  " + text)

    def emit(self, type_: str, text: str) -> Value:
        """Write one instruction that makes a value."""
        self._count += 1
        name = f"%v{self._count}"
        self._lines.append(f"  {name} = {text}")
        return Value(self, type_, name)

    def number(self, value: int, type_: str = I64) -> Value:
        """A constant."""
        return Value(self, type_, constant(type_, value))

    def room(self, size: int) -> Value:
        """Where `size` bytes are for as long as this runs; not in a loop."""
        return self.emit(PTR, f"alloca i8, i64 {size}, align 16")

    def table(self, type_: str, lanes: Sequence[int]) -> Value:
        """A constant that LLVM does not look into: it is read from memory."""
        element = element_of(type_)
        text = ", ".join(f"{element} {lane}" for lane in lanes)
        return Value(self, PTR, self.module.constant(f"{type_} <{text}>")).load(type_)

    def _label(self) -> str:
        self._count += 1
        return f"b{self._count}"

    def _start(self, label: str) -> None:
        self._lines.append(f"{label}:")
        self._block = label

    @contextmanager
    def loop(self, stop: Value | int, *carried: Value, start: Value | int = 0, step: Value | int = 1) -> Iterator[Loop]:
        """Count an i64 from `start` while below `stop`; `carried` values go from turn to turn."""
        head, body, end = self._label(), self._label(), self._label()
        before = self._block
        texts = [v.name if isinstance(v, Value) else str(v) for v in (start, stop, step)]
        self.line(f"br label %{head}")
        self._start(head)
        phis = len(self._lines)
        self._lines += [""] * (1 + len(carried))
        values = []
        for type_ in (I64, *(v.type for v in carried)):
            self._count += 1
            values.append(Value(self, type_, f"%v{self._count}"))
        loop = Loop(values[0], values[1:])
        more = values[0]._compare(stop, "slt")  # noqa: SLF001
        self.line(f"br i1 {more.name}, label %{body}, label %{end}")
        self._start(body)
        yield loop
        index = self.emit(I64, f"add i64 {values[0].name}, {texts[2]}")
        firsts, nexts = [texts[0], *(v.name for v in carried)], [index.name, *(v.name for v in loop.following)]
        for i, (value, first, following) in enumerate(zip(values, firsts, nexts, strict=True)):
            self._lines[phis + i] = (
                f"  {value.name} = phi {value.type} [ {first}, %{before} ], [ {following}, %{self._block} ]"
            )
        self.line(f"br label %{head}")
        self._start(end)

    @contextmanager
    def repeat(self, *carried: Value) -> Iterator[Loop]:
        """Do the body once, and again as long as what it gave to `again` holds."""
        body, end = self._label(), self._label()
        before = self._block
        self.line(f"br label %{body}")
        self._start(body)
        phis = len(self._lines)
        self._lines += [""] * len(carried)
        values = []
        for value in carried:
            self._count += 1
            values.append(Value(self, value.type, f"%v{self._count}"))
        loop = Loop(self.number(0), values)
        yield loop
        for i, (value, first, following) in enumerate(zip(values, carried, loop.following, strict=True)):
            self._lines[phis + i] = (
                f"  {value.name} = phi {value.type} [ {first.name}, %{before} ], [ {following.name}, %{self._block} ]"
            )
        self.line(f"br i1 {loop.again.name}, label %{body}, label %{end}")
        self._start(end)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Do the body where `condition`, an i1, holds."""
        body, end = self._label(), self._label()
        self.line(f"br i1 {condition.name}, label %{body}, label %{end}")
        self._start(body)
        yield
        self.line(f"br label %{end}")
        self._start(end)

    def call(self, callee: str | Function | Value, arguments: Sequence[Value], result: str = VOID) -> Value:
        """Call a function of the module, one by its address, or by its name what LLVM or an intrinsic provides."""
        if isinstance(callee, str):
            self.module.declare(callee, result, [a.type for a in arguments])
        name = (
            f"@{callee}"
            if isinstance(callee, str)
            else f"@{callee.name}"
            if isinstance(callee, Function)
            else callee.name
        )
        text = f"call {result} {name}({', '.join(f'{a.type} {a.name}' for a in arguments)})"
        if result == VOID:
            self.line(text)
            return self.number(0)
        return self.emit(result, text)

    def __str__(self) -> str:
        """The function as LLVM reads it."""
        parameters = ", ".join(f"{p.type} {p.name}" for p in self.parameters)
        linkage = "" if self._exported else "internal "
        head = f"define {linkage}{self._result} @{self.name}({parameters}) #0 {{\nentry:"
        return "\n".join([head, *self._lines, f"  ret {self._answer}", "}"])

    def pointer_to(self, other: Function) -> Value:
        """Where another function of the module is."""
        return Value(self, PTR, f"@{other.name}")

    def text(self, content: str) -> Value:
        """A constant string as C has it."""
        encoded = content.encode("ascii")
        return Value(self, PTR, self.module.constant(f'[{len(encoded) + 1} x i8] c"{content}\\00"'))

    def give(self, value: Value) -> None:
        """Return `value` at the end."""
        self._answer = f"{value.type} {value.name}"


class Module:
    """Functions that are compiled together."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._functions: dict[str, Function] = {}
        self._declared: dict[str, str] = {}
        self._constants: list[str] = []

    def function(self, name: str, parameters: Sequence[str], *, exported: bool = False, result: str = VOID) -> Function:
        """Begin a function, which returns nothing unless there is a type for its result."""
        self._functions[name] = Function(self, name, parameters, exported=exported, result=result)
        return self._functions[name]

    def declare(self, name: str, result: str, parameters: Sequence[str]) -> None:
        """Say that `name` exists elsewhere."""
        self._declared[name] = f"declare {result} @{name}({', '.join(parameters)})"

    def constant(self, text: str) -> str:
        """Where the constant `text`, a type and a value, is."""
        name = f"@constant{len(self._constants)}"
        self._constants.append(f"{name} = internal constant {text}")
        return name

    def __str__(self) -> str:
        """The module as LLVM reads it."""
        # Without these LLVM halves vectors on chips where it thinks long ones slow.
        wide = f'"prefer-vector-width"="{self._width}" "min-legal-vector-width"="{self._width}"'
        parts = [*self._constants, *self._declared.values(), *map(str, self._functions.values())]
        return "\n\n".join([*parts, f"attributes #0 = {{ nounwind {wide} }}", ""])
