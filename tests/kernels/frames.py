"""What XLA hands to a handler, built by hand: call frames as `xla/ffi/api/c_api.h` has them, without XLA."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from ctypes import POINTER, Structure, addressof, c_char_p, c_int, c_int64, c_size_t, c_void_p, pointer
from typing import Any, NamedTuple

import numpy as np

from portresize._backends._items import Form, items_of
from portresize._core.adjoint import planned
from portresize._core.spec import Spec
from portresize._core.steps import Pad
from portresize._kernels.handler import Handler
from portresize._kernels.llvm import handler
from portresize._kernels.llvm.parts import sort
from portresize._kernels.llvm.program import Program

# Structures of the header by their names there, so that its offsets are those of ctypes and not ours.


class ExtensionBase(Structure):
    """Something asked beyond a result."""

    _fields_ = (("struct_size", c_size_t), ("type", c_int), ("next", c_void_p))


class ApiVersion(Structure):
    """Of the interface."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("extension_start", c_void_p),
        ("major_version", c_int),
        ("minor_version", c_int),
    )


class Metadata(Structure):
    """What a handler says of itself."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("api_version", ApiVersion),
        ("traits", ctypes.c_uint32),
        ("state_type_id", c_int64),
    )


class MetadataExtension(Structure):
    """Asks for it."""

    _fields_ = (("extension_base", ExtensionBase), ("metadata", POINTER(Metadata)))


class ErrorCreateArgs(Structure):
    """What an error is made from."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("extension_start", c_void_p),
        ("message", c_char_p),
        ("errc", c_int),
    )


_ERROR_CREATE = ctypes.CFUNCTYPE(c_void_p, POINTER(ErrorCreateArgs))


class Api(Structure):
    """The beginning of what XLA provides."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("extension_start", c_void_p),
        ("api_version", ApiVersion),
        ("internal_api", c_void_p),
        ("error_create", _ERROR_CREATE),
    )


class Buffer(Structure):
    """An array that a call reads or writes."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("extension_start", c_void_p),
        ("dtype", c_int),
        ("data", c_void_p),
        ("rank", c_int64),
        ("dims", POINTER(c_int64)),
    )


class Array(Structure):
    """An array that is an attribute."""

    _fields_ = (("dtype", c_int), ("size", c_size_t), ("data", c_void_p))


class ByteSpan(Structure):
    """A name."""

    _fields_ = (("ptr", c_char_p), ("len", c_size_t))


class Buffers(Structure):
    """XLA_FFI_Args and XLA_FFI_Rets."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("extension_start", c_void_p),
        ("size", c_int64),
        ("types", POINTER(c_int)),
        ("values", POINTER(c_void_p)),
    )


class Attributes(Structure):
    """By name."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("extension_start", c_void_p),
        ("size", c_int64),
        ("types", POINTER(c_int)),
        ("names", POINTER(POINTER(ByteSpan))),
        ("attrs", POINTER(c_void_p)),
    )


class CallFrame(Structure):
    """A call."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("extension_start", c_void_p),
        ("api", POINTER(Api)),
        ("ctx", c_void_p),
        ("stage", c_int),
        ("args", Buffers),
        ("rets", Buffers),
        ("attrs", Attributes),
        ("future", c_void_p),
    )


# The interpreter is free while it runs, as it is when XLA calls.
_HANDLER = ctypes.CFUNCTYPE(c_void_p, POINTER(CallFrame))
_ERROR = 0xE7707  # What stands for an object of XLA.
_EXECUTE, _BUFFER, _ARRAY, _S64, _U8 = 3, 1, 1, 5, 6


class Frame:
    """A call of a handler with `recipe` that reads `source` and writes `target`.

    Attributes:
        errors: The code and the text of each error that was made.
        memory: All that a handler may read or write.
    """

    def __init__(
        self,
        recipe: np.ndarray,
        source: np.ndarray,
        target: np.ndarray,
        *,
        extension: MetadataExtension | None = None,
    ) -> None:
        assert recipe.flags.c_contiguous
        assert source.flags.c_contiguous
        assert target.flags.c_contiguous
        self.errors: list[tuple[int, str]] = []
        self.memory = [recipe, source, target]
        api = Api(error_create=_ERROR_CREATE(self._error), api_version=ApiVersion(24, None, *handler.API))
        name = ByteSpan(b"recipe", 6)
        attribute = Array(_S64, recipe.size, recipe.ctypes.data)
        self._frame = self._keep(
            CallFrame(
                struct_size=CallFrame.future.offset,
                extension_start=addressof(extension) if extension else None,
                api=pointer(self._keep(api)),
                stage=_EXECUTE,
                args=self._buffers(source),
                rets=self._buffers(target),
                attrs=Attributes(
                    48,
                    None,
                    1,
                    self._list(c_int, _ARRAY),
                    self._list(POINTER(ByteSpan), pointer(name)),
                    self._at(attribute),
                ),
            )
        )

    @property
    def place(self) -> np.ndarray:
        """The frame itself, which is the argument of a handler."""
        return self.memory[-1]

    def call(self, address: int) -> int | None:
        """What the handler at `address` gives: None, or what it was given for an error."""
        answer: int | None = _HANDLER(address)(self._frame)
        return answer

    def _keep(self, value: Any) -> Any:
        self.memory.append(np.frombuffer(value, np.uint8))
        return value

    def _list(self, type_: Any, *values: Any) -> Any:
        return self._keep((type_ * len(values))(*values))

    def _at(self, value: Structure) -> Any:
        """A list of one address."""
        return self._list(c_void_p, addressof(self._keep(value)))

    def _buffers(self, array: np.ndarray) -> Buffers:
        buffer = Buffer(48, None, _U8, array.ctypes.data, array.ndim, self._list(c_int64, *array.shape))
        return Buffers(40, None, 1, self._list(c_int, _BUFFER), self._at(buffer))

    def strip(self) -> None:
        """Leave nothing but the extension."""
        for name in ("args", "rets", "attrs"):
            size = getattr(self._frame, name).struct_size
            setattr(self._frame, name, type(getattr(self._frame, name))(struct_size=size))

    def _error(self, told: Any) -> int:
        """XLA_FFI_Error_Create."""
        args = told.contents
        assert args.struct_size >= ErrorCreateArgs.errc.offset + 4
        assert args.extension_start is None
        self.errors.append((args.errc, args.message.decode()))
        return _ERROR


def is_error(answer: int | None) -> bool:
    """Whether it is the error that `Frame` makes."""
    return answer == _ERROR


class Made(NamedTuple):
    """A recipe, and the shape of what it makes."""

    recipe: np.ndarray
    shape: tuple[int, ...]


def made(
    by: Handler,
    spec: Spec,
    shape: tuple[int, ...],
    dtype: Any,
    *,
    back_to: tuple[int, int] | tuple[()] = (),
    threads: int = 1,
) -> Made:
    """The recipe for `spec` on arrays without gaps, of `shape` but for their leading axes.

    With `back_to` it is that of the gradient for an image of such a size, but for a canvas.
    """
    dtype = np.dtype(dtype)
    height, width = (spec.layout.index(name) for name in "HW")
    source = shape[height], shape[width]
    steps = planned(spec, source, back_to).steps
    steps = steps[:-1] if steps and isinstance(steps[-1], Pad) else steps
    size = sort(steps, source).result
    result = tuple(size["HW".index(name)] if name in "HW" else n for name, n in zip(spec.layout, shape, strict=True))
    strides = _strides(shape, dtype), _strides(result, dtype)
    items = items_of(Form(spec.layout, spec.mode, dtype, shape), steps, strides)
    leading = 0
    while leading < len(items.axes) and items.axes[leading] == leading:
        leading += 1
    places = [items.places(shape, of, items.axes[leading:]) for of in strides]
    program = Program(by.isa, items.samples, items.sides, steps, source, places=(places[0], places[1]))
    item_steps = [math.prod(of[leading:]) * dtype.itemsize for of in (shape, result)]
    recipe = by.recipe(program, leading=leading, steps=(item_steps[0], item_steps[1]), threads=threads)
    return Made(recipe, result)


def _strides(shape: Sequence[int], dtype: np.dtype[Any]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) * dtype.itemsize for axis in range(len(shape)))


def answer(by: Handler, recipe: np.ndarray, x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`target`, as the handler leaves it."""
    frame = Frame(recipe, x, target)
    error = frame.call(by.address)
    assert (error, frame.errors) == (None, [])
    return target
