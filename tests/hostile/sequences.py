"""Sequences: endless, of a false length, of themselves, of anything, changed while they are read."""

from __future__ import annotations

import array
import itertools
from collections import OrderedDict, UserList, deque
from collections.abc import Iterator
from random import Random
from types import MappingProxyType
from typing import Any

import numpy as np

from tests.hostile import numbers, objects
from tests.hostile.values import Draw, HostileError, Value


def _raising(count: int) -> Iterator[int]:
    yield from range(3, 3 + count)
    raise HostileError


def _itself() -> list[Any]:
    found: list[Any] = [3]
    found.append(found)
    return found


def _deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


class _Liar(list[Any]):
    """A list of two members that says it has another number of them."""

    lie: Any = 0

    def __len__(self) -> int:
        length: int = self.lie
        return length


class _Growing(list[Any]):
    """A list that grows while it is read."""

    def __iter__(self) -> Iterator[Any]:
        for member in list.__iter__(self):
            self.append(member)
            yield member


class _Items:
    """A sequence of the old protocol, without an end."""

    def __getitem__(self, index: int) -> int:
        return index + 1


class _Own:
    """An iterable whose iterator is no iterator."""

    def __iter__(self) -> Any:
        return 3


def _lying(length: Any) -> Any:
    return type("Liar", (_Liar,), {"lie": length})([5, 6])


_WHOLE: dict[str, Any] = {
    "empty": lambda: (),
    "count": itertools.count,
    "repeat": lambda: itertools.repeat(3),
    "cycle": lambda: itertools.cycle([3]),
    "endless text": lambda: itertools.repeat("image"),
    "sentinel": lambda: iter(int, 1),
    "raising at once": lambda: _raising(0),
    "raising after one": lambda: _raising(1),
    "raising after two": lambda: _raising(2),
    "raising after four": lambda: _raising(4),
    "itself": _itself,
    "deep": _deep,
    "growing": lambda: _Growing([5, 6]),
    "length of -1": lambda: _lying(-1),
    "length of 2**62": lambda: _lying(2**62),
    "length of text": lambda: _lying("two"),
    "endless items": _Items,
    "no iterator": _Own,
    "text": lambda: "33",
    "long text": lambda: "3" * 10**6,
    "bytes": lambda: b"33",
    "bytearray": lambda: bytearray(b"33"),
    "memoryview": lambda: memoryview(b"33"),
    "wide memoryview": lambda: memoryview(b"33333333").cast("B", (2, 4)),
    "dict": lambda: {5: 6, 7: 8},
    "dictionary view": lambda: {5: 6, 7: 8}.keys(),
    "ordered": lambda: OrderedDict([(5, 6), (7, 8)]),
    "proxy": lambda: MappingProxyType({5: 6, 7: 8}),
    "set": lambda: {5, 6},
    "frozenset": lambda: frozenset({5, 6}),
    "range": lambda: range(5, 7),
    "huge range": lambda: range(10**18),
    "deque": lambda: deque([5, 6]),
    "user list": lambda: UserList([5, 6]),
    "array.array": lambda: array.array("d", [5, 6]),
    "reversed": lambda: reversed([5, 6]),
    "map": lambda: map(int, "56"),
    "zip": lambda: zip([5], [6], strict=True),
    "numpy": lambda: np.array([5, 6]),
    "numpy floats": lambda: np.array([5.0, 6.0]),
    "numpy objects": lambda: np.array([5, None], object),
    "numpy huge": lambda: np.broadcast_to(np.int8(3), (2**50,)),
    "numpy of no axes": lambda: np.array(5),
    "numpy of two axes": lambda: np.ones((2, 2), int),
    "numpy empty": lambda: np.empty(0),
    "numpy structured": lambda: np.zeros(2, "i4,i4"),
    "nested": lambda: [[5], [6]],
    "class": lambda: list,
    "function": lambda: _raising,
    "generator": lambda: (n for n in (5, 6)),
}


def draw(random: Random, member: Draw = numbers.draw) -> Value:
    """A sequence, of numbers or of what is none."""
    turn = random.random()
    if turn < 0.45:
        name = random.choice(list(_WHOLE))
        return Value(name, _WHOLE[name])
    if turn < 0.55:
        return objects.draw(random)
    if turn < 0.6:
        return objects.fickle(random)
    return of([member(random) for _ in range(random.choice((0, 1, 2, 2, 2, 3, 4, 4, 5, 9)))], random)


def of(members: list[Value], random: Random) -> Value:
    """These members in a sequence of some class."""
    cls: Any = random.choice((tuple, tuple, tuple, list, list, iter, deque, UserList))
    name = "" if cls is tuple else cls.__name__
    return Value(
        f"{name}({', '.join(member.kind for member in members)})",
        lambda: cls([member.make() for member in members]),
        changes=any(member.changes for member in members),
        passes=tuple(error for member in members for error in member.passes),
    )


def partly(good: list[Draw], random: Random) -> Value:
    """A good sequence, but for some members."""
    members = [make(random) if random.random() < 0.5 else numbers.draw(random) for make in good]
    return of(members, random)
