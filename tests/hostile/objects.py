"""Objects whose methods raise, lie or answer with something of another class."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

from tests.hostile.values import HostileError, SilentError, Value

_BASES: tuple[type, ...] = (object, object, int, float, complex, str, bytes, tuple, list, dict, set)
_READ = [
    "__index__",
    "__int__",
    "__float__",
    "__complex__",
    "__trunc__",
    "__floor__",
    "__round__",
    "__len__",
    "__length_hint__",
    "__iter__",
    "__next__",
    "__getitem__",
    "__contains__",
    "__hash__",
    "__eq__",
    "__ne__",
    "__lt__",
    "__le__",
    "__gt__",
    "__ge__",
    "__repr__",
    "__str__",
    "__format__",
    "__bool__",
    "__neg__",
    "__abs__",
    "__add__",
    "__radd__",
    "__mul__",
    "__rmul__",
    "__sub__",
    "__truediv__",
    "__fspath__",
    "__bytes__",
    "__array__",
    "__dlpack__",
    "__dlpack_device__",
    "__array_namespace__",
    "__array_ufunc__",
    "__array_function__",
    "__torch_function__",
    "__jax_array__",
    "__sizeof__",
    "__reduce__",
    "__copy__",
    "__deepcopy__",
    "__call__",
    "__enter__",
]
_PROPERTIES = [
    "__class__",
    "__dict__",
    "__module__",
    "__doc__",
    "__array_interface__",
    "__array_struct__",
    "__array_priority__",
    "shape",
    "dtype",
    "ndim",
    "size",
    "strides",
    "device",
    "layout",
    "real",
    "imag",
    "name",
    "value",
    "T",
]
_RAISED: tuple[type[BaseException], ...] = (
    HostileError,
    HostileError,
    SilentError,
    RuntimeError,
    AttributeError,
    KeyError,
    IndexError,
    StopIteration,
    RecursionError,
    OverflowError,
    ZeroDivisionError,
    NotImplementedError,
    AssertionError,
    ImportError,
    OSError,
    BufferError,
    SystemError,
    TypeError,
    ValueError,
    UserWarning,
)
# What no reader may hide.
_PASSING: tuple[type[BaseException], ...] = (MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit, BaseException)


def _nonsense(random: Random) -> tuple[str, Callable[[Any], Any]]:
    """Return a name and a function that answers for an object."""
    answers: tuple[tuple[str, Callable[[Any], Any]], ...] = (
        ("bytes", lambda _: b"wrong"),
        ("text", lambda _: "wrong"),
        ("surrogate", lambda _: "\ud800"),
        ("None", lambda _: None),
        ("NotImplemented", lambda _: NotImplemented),
        ("itself", lambda self: self),
        ("huge", lambda _: 10**400),
        ("-1", lambda _: -1),
        ("3", lambda _: 3),
        ("2**63", lambda _: 2**63),
        ("nan", lambda _: math.nan),
        ("True", lambda _: True),
        ("object", lambda _: object()),
        ("endless", lambda _: iter(int, 1)),
        ("class", lambda _: int),
        ("pair", lambda _: (5, 6)),
    )
    return random.choice(answers)


def _raising(error: type[BaseException]) -> Callable[..., Any]:
    def method(*_: Any, **__: Any) -> Any:
        raise error

    return method


def _returning(answer: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda self=None, *_, **__: answer(self)


def _members(random: Random) -> tuple[list[str], dict[str, Any], type[BaseException] | None]:
    """Return methods and properties of a class, in words and as they are, and what passes through."""
    words: list[str] = []
    found: dict[str, Any] = {}
    passes: type[BaseException] | None = None
    for name in random.sample(_READ, random.choice((1, 2, 4, len(_READ)))):
        if random.random() < 0.6:
            error = random.choice(_RAISED)
            if passes is None and random.random() < 0.05:
                error = passes = random.choice(_PASSING)
            found[name], word = _raising(error), error.__name__
        else:
            word, answer = _nonsense(random)
            found[name] = _returning(answer)
        words.append(f"{name}: {word}")
    if random.random() < 0.3:
        for name in random.sample(_PROPERTIES, random.choice((1, 3))):
            error = random.choice(_RAISED)
            word, answer = _nonsense(random)
            is_raising = random.random() < 0.5
            found[name] = property(_raising(error) if is_raising else answer)
            words.append(f"{name}: {error.__name__ if is_raising else word}")
    if random.random() < 0.1:
        name, error = random.choice(("__getattr__", "__getattribute__")), random.choice(_RAISED)
        found[name] = _raising(error)
        words.append(f"{name}: {error.__name__}")
    return words, found, passes


def _metaclass(random: Random) -> type[type]:
    """A class of classes that raises where a class is asked for its name, its bases or an attribute."""
    error = random.choice(_RAISED)
    raising = property(_raising(error))
    name = random.choice(("__name__", "__module__", "__mro__", "__dict__", "__hash__", "__eq__"))
    members: dict[str, Any] = {name: _raising(error) if name in {"__hash__", "__eq__"} else raising}
    if random.random() < 0.3:
        members["__getattr__"] = _raising(error)
    if random.random() < 0.3:
        members["__module__"] = property(lambda _: 3)
    if "__eq__" in members:
        members.setdefault("__hash__", type.__hash__)
    return type(f"Meta({', '.join(sorted(members))}: {error.__name__})", (type,), members)


def draw(random: Random) -> Value:
    """An object of a class made for it."""
    base = random.choice(_BASES)
    words, members, passes = _members(random)
    metaclass = _metaclass(random) if random.random() < 0.05 else type
    shown = ", ".join(words) if len(words) <= 5 else f"{words[0]} and {len(words) - 1} more"
    kind = (
        f"<{base.__name__}, {shown}{'' if metaclass is type else ', ' + type.__dict__['__name__'].__get__(metaclass)}>"
    )
    inside: Any = {int: 3, float: 2.5, complex: 1j, str: "HWC", bytes: b"HWC", tuple: (5, 6), list: (5, 6)}.get(
        base, ()
    )
    # What a class answers for itself must not stop it from being made.
    members |= {"__slots__": ()} if "__dict__" in members and base is object else {}
    words_of_new = () if base is object else (inside,)

    def make() -> Any:
        cls = metaclass("Hostile", (base,), dict(members))
        return base.__new__(cls, *words_of_new) if base not in {list, dict, set} else _filled(base, cls, inside)

    return Value(kind, make, passes=(passes,) if passes else ())


def _filled(base: Any, cls: type, inside: Any) -> Any:
    """An instance of a class with members, put there by the methods of its base."""
    found = base.__new__(cls)
    base.__init__(found, inside)
    return found


class _Fickle(int):  # noqa: PLW1641  its hash is one of those that change
    """An integer that answers with another number each time that it is asked."""

    turn = 0

    def _next(self, *_: Any) -> int:
        type(self).turn += 1
        return (3, 10**400, -1, 7, 2**62, 0)[type(self).turn % 6]

    __index__ = __int__ = __hash__ = __trunc__ = _next

    def __float__(self) -> float:
        return (0.5, math.nan, math.inf, 3.0)[self._next() % 4]

    def __eq__(self, _: object) -> bool:
        return self._next() > 5

    def __lt__(self, _: object) -> bool:
        return self._next() > 5

    __gt__ = __le__ = __ge__ = __ne__ = __eq__


class _FickleObject:
    """The same where it is no subclass of an integer."""

    turn = 0

    def _next(self) -> int:
        type(self).turn += 1
        return (3, 10**400, -1, 7, 2**62, 0)[type(self).turn % 6]

    __index__ = __int__ = __hash__ = _next

    def __iter__(self) -> Any:
        return iter([self] * (self._next() % 5))

    def __len__(self) -> int:
        return self._next() % 5


def fickle(random: Random) -> Value:
    """A number or a sequence that changes from one question to the next."""
    cls: Any = random.choice((_Fickle, _FickleObject))
    start = random.randrange(6)

    def make() -> Any:
        return type(cls.__name__, (cls,), {"turn": start})()

    return Value(f"<{cls.__name__} from {start}>", make, changes=True)
