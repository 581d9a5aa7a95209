"""Arrays of numpy: every dtype, strides, and subclasses that lie about all of it."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from tests.hostile import objects, pictures
from tests.hostile.pictures import Made, Picture
from tests.hostile.values import HostileError

_USUAL = ("uint8", "uint8", "uint8", "uint16", "int32", "float32", "bool", "float16", "float64", "int16", "uint32")
_OTHER = ("int8", "int64", "uint64", "complex64", "complex128", "longdouble", "clongdouble", ">u2", ">i4", ">f4", ">f8")
_NO_NUMBERS: tuple[Any, ...] = (
    "O",
    "V1",
    "V3",
    "V16",
    "V0",
    "S2",
    "S0",
    "U3",
    ">U3",
    "M8[s]",
    "m8",
    [("r", "u1"), ("g", "u1"), ("b", "u1")],
    [("r", "u1"), ("o", "O")],
    ("u1", (3,)),
    {"names": ["a"], "formats": ["u1"], "offsets": [7], "itemsize": 9},
)


def draw(random: Random) -> Picture:
    """Any array of numpy."""
    return random.choice((_view, _view, _lying, _lying, _no_numbers, _shapes, _classes, _dtypes))(random)


def _dtype(random: Random) -> str:
    return random.choice(_USUAL if random.random() < 0.8 else _OTHER)


# How an array lies in memory: by name, a function from a plain array to a view of other memory with its samples.


def _strided(array: np.ndarray, steps: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    wide = np.zeros([length * abs(step) + 3 for length, step in zip(array.shape, steps, strict=True)], array.dtype)
    view = wide[
        tuple(slice(1, 1 + length * abs(step), abs(step)) for length, step in zip(array.shape, steps, strict=True))
    ]
    view = view[tuple(slice(None, None, -1 if step < 0 else 1) for step in steps)]
    view[...] = array
    return view, wide


def _unaligned(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    memory = np.zeros(array.nbytes + 8, np.uint8)
    view = memory[1 : 1 + array.nbytes].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view, memory


def _repeated(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    line = np.ascontiguousarray(array[(slice(None),) * axis + (slice(1),)])
    return np.broadcast_to(line, array.shape), line


def _overlapping(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every row begins one sample after the one before it."""
    memory = np.resize(array, sum(array.shape))
    strides = (memory.itemsize,) * array.ndim
    return np.lib.stride_tricks.as_strided(memory, array.shape, strides), memory


def _placed(random: Random, array: np.ndarray) -> tuple[str, np.ndarray, np.ndarray]:
    """A name, a view of the samples, and the memory that it is in."""
    turn = random.randrange(8)
    if turn == 0:
        copy = np.asfortranarray(array)
        return "fortran", copy, copy
    if turn == 1 and array.nbytes:
        return ("unaligned", *_unaligned(array))
    if turn == 2 and array.size:
        axis = random.randrange(array.ndim)
        return (f"repeated along {axis}", *_repeated(array, axis))
    if turn == 3 and array.size:
        return ("overlapping", *_overlapping(array))
    if turn == 4:
        copy = array.copy()
        copy.setflags(write=False)
        return "read-only", copy, copy
    if turn == 5:
        copy = np.frombuffer(array.tobytes() or b"", array.dtype)
        return "of bytes", copy.reshape(array.shape), copy
    if turn == 6:
        copy = array.copy()
        return "plain", copy, copy
    steps = tuple(random.choice((1, 1, 2, -1, -2, 3)) for _ in array.shape)
    return (f"steps {steps}", *_strided(array, steps))


def _view(random: Random) -> Picture:
    layout, shape = pictures.form(random)
    dtype, seed = _dtype(random), random.getrandbits(32)

    def make() -> Made:
        rng = Random(seed)
        array = pictures.samples(rng, shape, dtype)
        _, view, memory = _placed(rng, array)
        return Made(view, memory, np.array(view, copy=True, order="C"))

    rng = Random(seed)
    name, *_ = _placed(rng, pictures.samples(rng, shape, dtype))
    return Picture(f"{dtype}{list(shape)} {name}", layout, make)


_TOLD = [
    "shape",
    "dtype",
    "strides",
    "ndim",
    "size",
    "itemsize",
    "nbytes",
    "data",
    "ctypes",
    "flags",
    "base",
    "T",
    "real",
    "flat",
    "__array_interface__",
    "__array_struct__",
    "__class__",
    "__array_priority__",
]
_DONE = [
    "astype",
    "view",
    "reshape",
    "transpose",
    "copy",
    "tobytes",
    "__getitem__",
    "__len__",
    "__iter__",
    "__array__",
    "__array_finalize__",
    "__array_wrap__",
    "__buffer__",
    "__array_namespace__",
    "__dlpack__",
    "__eq__",
    "__hash__",
    "__bool__",
    "__repr__",
    "sum",
    "min",
    "max",
    "any",
    "all",
    "newbyteorder",
]
_LIES: tuple[Any, ...] = (
    (400, 500),
    (2**40, 2**40),
    (1,),
    (),
    (-1, -1),
    ("a", "b"),
    (None, 5),
    None,
    3,
    "uint8",
    np.dtype("u1"),
    np.dtype("f8"),
    np.dtype("O"),
    {"data": (8, False), "shape": (400, 500), "typestr": "|u1", "version": 3},
    b"",
    (1, 1),
    2**63,
)


def _lying(random: Random) -> Picture:
    layout, shape = pictures.form(random)
    dtype, seed = _dtype(random), random.getrandbits(32)
    members: dict[str, Any] = {}
    told: list[str] = []
    for name in random.sample(_TOLD, random.choice((1, 2, 5, len(_TOLD)))):
        lie = random.choice(_LIES)
        is_raising = random.random() < 0.2
        members[name] = property(_raise if is_raising else _told(lie))
        told.append(f"{name}={'raises' if is_raising else lie}")
    for name in random.sample(_DONE, random.choice((0, 0, 1, 4))):
        lie = random.choice(_LIES)
        members[name] = _raise if random.random() < 0.5 else _told(lie)
        told.append(f"{name}() lies")
    if "__eq__" in members:
        members.setdefault("__hash__", None)

    def make() -> Made:
        array = pictures.samples(Random(seed), shape, dtype)
        _, view, memory = _placed(Random(seed), array)
        truth = np.array(view, copy=True, order="C")
        # What numpy calls while it makes a view must not stop it from being made.
        cls: Any = type(
            "Liar", (np.ndarray,), {name: members[name] for name in members if name != "__array_finalize__"}
        )
        found = np.ndarray.view(view, cls)
        if "__array_finalize__" in members:
            cls.__array_finalize__ = members["__array_finalize__"]
        return Made(found, memory, truth)

    shown = ", ".join(told) if len(told) <= 4 else f"{told[0]} and {len(told) - 1} more lies"
    return Picture(f"{dtype}{list(shape)} with {shown}", layout, make)


def _told(lie: Any) -> Any:
    return lambda *_, **__: lie


def _raise(*_: Any, **__: Any) -> Any:
    raise HostileError


def _no_numbers(random: Random) -> Picture:
    layout, shape = pictures.form(random)
    dtype = random.choice(_NO_NUMBERS)
    is_filled = random.random() < 0.5
    seed = random.getrandbits(32)

    def make() -> Made:
        found = np.zeros(shape, dtype)
        if found.dtype == np.dtype("O") and is_filled:
            value = objects.draw(Random(seed)).make()
            for index in np.ndindex(found.shape):
                found[index] = value
        return Made(found)

    return Picture(f"dtype {dtype}{' of hostile objects' * (dtype == 'O' and is_filled)}", layout, make)


def _dtypes(random: Random) -> Picture:
    """Dtypes with metadata or other additions, and those of other packages."""
    layout, shape = pictures.form(random)
    base, seed = _dtype(random), random.getrandbits(32)
    ways = ("metadata", "metadata on big endian", "titled", "aligned", "string", "ml_dtypes", "h5py")
    way = random.choice(ways)
    other = random.choice(("bfloat16", "float8_e4m3fn", "int4", "uint2", "float4_e2m1fn", "float6_e2m3fn"))

    def make() -> Made:
        array = pictures.samples(Random(seed), shape, base)
        if way == "ml_dtypes":
            import ml_dtypes

            found = array.astype(np.float32).astype(getattr(ml_dtypes, other))
            return Made(found, found, None)
        if way == "string":
            return Made(np.zeros(shape, np.dtypes.StringDType()))
        if way in {"titled", "aligned"}:
            dtype = np.dtype([(("title", "a"), "u1"), ("b", "f8")], align=way == "aligned")
            return Made(np.zeros(shape, dtype))
        dtype = np.dtype(base).newbyteorder(">" if way == "metadata on big endian" else "=")
        found = array.astype(np.dtype(dtype, metadata={"a": objects.draw(Random(seed)).make()}))
        return Made(found, found, array)

    return Picture(f"{other if way == 'ml_dtypes' else base}{list(shape)}, {way}", layout, make)


def _shapes(random: Random) -> Picture:
    """Shapes that are no image, or a large one of few samples."""
    shape = random.choice(
        (
            (),
            (0,),
            (5,),
            (0, 0),
            (0, 5),
            (5, 0),
            (0, 5, 3),
            (5, 5, 0),
            (5, 0, 4),
            (1,) * 32,
            (1,) * 33,
            (2,) * 12,
            (1,) * 64,
            (9, 9, 300),
            (0, 2**40, 3),
            (1, 0, 2**50),
            (9, 8, 4, 3, 2),
        )
    )
    dtype = _dtype(random)
    letters = "HWCNTABDEFGIJKLMOPQRSUVXYZ"
    layout = letters[: len(shape)] if len(shape) <= len(letters) else "HW"

    def make() -> Made:
        found = np.zeros(shape, dtype)
        return Made(found, found, found.copy())

    return Picture(f"{dtype}, shape {shape if len(shape) < 9 else f'of {len(shape)} axes'}", layout, make)


def _classes(random: Random) -> Picture:
    """Classes of numpy that are more or less than an array."""
    layout, shape = pictures.form(random)
    name = random.choice(
        ("scalar", "masked", "matrix", "recarray", "chararray", "ufunc", "memmap", "flat", "hash", "view")
    )
    seed = random.getrandbits(32)

    def make() -> Made:
        array = pictures.samples(Random(seed), shape, "uint8")
        if name == "scalar":
            return Made(array.flat[0])
        if name == "masked":
            return Made(np.ma.masked_array(array, array > 9))
        if name == "matrix":
            return Made(np.ndarray.view(array.reshape(shape[0], -1), np.matrix))
        if name == "recarray":
            return Made(array.view(np.recarray), array, array.copy())
        if name == "chararray":
            return Made(np.char.array([["a", "b"], ["c", "d"]]))
        if name == "ufunc":
            return Made(array.view(type("Unit", (np.ndarray,), {"__array_ufunc__": _raise})))
        if name == "memmap":
            found = np.ndarray.__new__(np.memmap, array.shape, array.dtype, array)
            return Made(found, array, array.copy())
        if name == "flat":
            return Made(array.flat)
        if name == "hash":
            return Made(array.view(type("Hashed", (np.ndarray,), {"__hash__": _raise})), array, array.copy())
        return Made(memoryview(array.data))

    return Picture(f"class {name}{list(shape)}", layout, make)
