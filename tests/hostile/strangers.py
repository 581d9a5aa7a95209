"""Images that are none: of other classes, with protocols that lie, under the names of known libraries."""

from __future__ import annotations

import array
import ctypes
from collections.abc import Callable
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np

from tests.hostile import numbers, objects, pictures, sequences, words
from tests.hostile.pictures import Made, Picture
from tests.hostile.values import HostileError

_NAMES = (
    ("numpy", "ndarray"),
    ("torch", "Tensor"),
    ("torch.nn.parameter", "Parameter"),
    ("torch", "Parameter"),
    ("jaxlib._jax", "ArrayImpl"),
    ("jaxlib.xla_extension", "jaxlib.xla_extension.ArrayImpl"),
    ("jax._src.core", "Tracer"),
    ("jax", "Array"),
    ("jax._src.literals", "TypedNdArray"),
    ("cupy", "ndarray"),
    ("dask.array.core", "Array"),
    ("PIL.Image", "Image"),
    ("numpy.ma", "MaskedArray"),
    ("torch", "SymInt"),
    ("", ""),
)


def draw(random: Random) -> Picture:
    """What is no array, or says that it is one."""
    turn = random.random()
    if turn < 0.2:
        return _plain(random)
    if turn < 0.35:
        value = random.choice((objects.draw, objects.draw, numbers.draw, sequences.draw, words.draw))(random)
        return Picture(f"image {value.kind}", "HW", lambda: Made(value.make()), value.changes, value.passes)
    if turn < 0.5:
        return _under_a_name(random)
    if turn < 0.65:
        return _with_protocols(random)
    if turn < 0.75:
        return _strict(random)
    return _with_a_namespace(random)


_OBJECTS: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "list": lambda: [[1, 2], [3, 4]],
    "ragged": lambda: [[1, 2], [3]],
    "text": lambda: "image.png",
    "bytes": lambda: b"\x89PNG",
    "class of numpy": lambda: np.ndarray,
    "numpy itself": lambda: np,
    "ellipsis": lambda: ...,
    "mock": MagicMock,
    "array.array": lambda: array.array("B", range(9)),
    "ctypes": lambda: (ctypes.c_uint8 * 9 * 9)(),
    "namespace": lambda: SimpleNamespace(shape=(9, 9), dtype="uint8", __array_namespace__=lambda: np),
    "generator": lambda: (n for n in range(9)),
    "function": lambda: _plain,
}


def _plain(random: Random) -> Picture:
    if random.random() < 0.2:
        mode = random.choice(("L", "RGB", "RGBA", "P", "1", "I;16", "F"))

        def image() -> Any:
            from PIL import Image

            return Image.new(mode, (9, 8))

        return Picture(f"PIL {mode}", "HW", lambda: Made(image()))
    name = random.choice(list(_OBJECTS))
    return Picture(name, "HW", lambda: Made(_OBJECTS[name]()))


def _attributes(random: Random) -> dict[str, Any]:
    """Attributes of an array, some of them false."""
    lies = (
        (9, 8),
        (2**40, 2**40),
        (9,),
        None,
        3,
        "uint8",
        np.dtype("u1"),
        (9.5, 8),
        ("H", "W"),
        range(10**9),
        -1,
        (None, 5),
        True,
    )
    found: dict[str, Any] = {"shape": (9, 8), "dtype": "uint8", "ndim": 2, "device": "cpu"}
    for name in random.sample(("shape", "dtype", "ndim", "device", "size", "strides"), random.choice((0, 1, 2))):
        found[name] = property(_raise) if random.random() < 0.2 else random.choice(lies)
    return found


def _under_a_name(random: Random) -> Picture:
    """A class under the name of a library that has no part in it."""
    module, name = random.choice(_NAMES)
    members = _attributes(random) | {"__module__": module}
    base: Any = random.choice((object, object, MagicMock))
    if random.random() < 0.5:
        ours = {"__array_ufunc__": np.ndarray.__array_ufunc__, "__array_function__": np.ndarray.__array_function__}
        members |= ours | {
            "__array__": random.choice((_raise, lambda *_, **__: np.zeros((9, 8), np.uint8), lambda *_, **__: 3))
        }
    if random.random() < 0.3:
        answer = random.choice((None, 3, (9, 8), _raise))
        members["__getattr__"] = lambda *_: answer

    def make() -> Made:
        return Made(type(name, (base,), dict(members))())

    return Picture(f"{module}.{name} in name, from {base.__name__}", "HW", make)


def _with_protocols(random: Random) -> Picture:
    interfaces: tuple[Any, ...] = (
        {"data": (8, False), "shape": (400, 500), "typestr": "|u1", "version": 3},
        {"data": (0, True), "shape": (2**62, 2**62), "typestr": "<f8", "version": 3},
        {"shape": (-1,), "typestr": "|O", "version": 3, "data": b""},
        {},
        None,
        property(_raise),
    )
    functions: tuple[Any, ...] = (
        _raise,
        lambda *_, **__: None,
        lambda *_, **__: np.zeros((9, 8)),
        lambda *_, **__: object(),
        3,
    )
    found: dict[str, Any] = _attributes(random) if random.random() < 0.5 else {}
    names = (
        "__array_interface__",
        "__array_struct__",
        "__cuda_array_interface__",
        "__array__",
        "__dlpack__",
        "__dlpack_device__",
    )
    for protocol in random.sample((*names, "__array_namespace__", "__buffer__"), random.choice((1, 2, 4))):
        found[protocol] = random.choice(interfaces if "interface" in protocol or "struct" in protocol else functions)
    return Picture(f"object with {', '.join(sorted(found))}", "HW", lambda: Made(type("Stranger", (), dict(found))()))


def _strict(random: Random) -> Picture:
    layout, shape = pictures.form(random)
    dtype = random.choice(("uint8", "uint8", "float32", "int32", "bool", "int64", "complex64"))
    seed, device = random.getrandbits(32), random.choice(("CPU_DEVICE", "CPU_DEVICE", "device1", "no_x64"))

    def make() -> Made:
        import array_api_strict as xp

        samples = pictures.samples(Random(seed), shape, dtype)
        return Made(xp.asarray(samples, device=xp.Device(device)))

    return Picture(f"strict {dtype}{list(shape)} on {device}", layout, make)


class _Faulty:
    """A library that is numpy, but for one function that answers wrongly from its n-th call on."""

    def __init__(self, name: str, answer: Callable[..., Any], after: int) -> None:
        self.module, self._left = ModuleType("faulty"), after
        real = getattr(np, name)

        def function(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            return real(*args, **kwargs) if self._left >= 0 else answer(*args, **kwargs)

        names = [n for n in dir(np) if not n.startswith("_")]
        vars(self.module).update({n: getattr(np, n) for n in names})
        vars(self.module)["__array_namespace_info__"] = np.__array_namespace_info__
        vars(self.module)[name] = function


def _with_a_namespace(random: Random) -> Picture:
    """An array of a library of its own, some function of which fails or lies sooner or later."""
    name = random.choice(
        ("asarray", "astype", "take", "where", "equal", "all", "clip", "sum", "concat", "zeros", "reshape")
    )
    ways: dict[str, Callable[..., Any]] = {
        "raises": _raise,
        "aborts": lambda *_, **__: _raise_of(RuntimeError),
        "system": lambda *_, **__: _raise_of(SystemError),
        "silent": lambda *_, **__: None,
        "object": lambda *_, **__: object(),
        "first": lambda *args, **__: args[0] if args else None,
        "wide": lambda *_, **__: np.zeros((300, 300), np.uint8),
    }
    way, after, layout_shape = (
        random.choice(list(ways)),
        random.choice((0, 1, 2, 5, 20, 60, 1000)),
        pictures.form(random),
    )
    layout, shape = layout_shape
    attributes, seed = _attributes(random) if random.random() < 0.3 else {}, random.getrandbits(32)

    def make() -> Made:
        library = _Faulty(name, ways[way], after)
        samples = pictures.samples(Random(seed), shape, "uint8")
        told = {"shape": samples.shape, "dtype": samples.dtype, "ndim": samples.ndim, "device": "cpu"} | attributes
        members = told | {
            "__array_namespace__": lambda *_, **__: library.module,
            "__array__": lambda *_, **__: samples,
            "__getitem__": lambda _, index: samples[index],
            "__add__": lambda _, other: samples + other,
            "__mul__": lambda _, other: samples * other,
        }
        return Made(type("Array", (), members)(), samples)

    return Picture(f"array of a library whose {name} {way} after {after}, with {sorted(attributes)}", layout, make)


def _raise(*_: Any, **__: Any) -> Any:
    raise HostileError


def _raise_of(error: type[Exception]) -> Any:
    raise error
