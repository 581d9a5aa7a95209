"""Variants of the libraries under test: how to make an array of each, and how to look at one."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from portresize._core.guarantee import GUARANTEE, kind_of
from portresize._kernels.llvm.host import host
from tests.serving import without_kernels

Array = Any
Function = Callable[[Array], Array]


@dataclass(frozen=True)
class Variant:
    """A library, or one way of using it.

    Attributes:
        name: What a test is called by.
        needs: Distribution to import.
        make: From a numpy array.
        back: To a numpy array.
        platform: Its row in GUARANTEE.
        slow: Whether to spare it the large cases.
        on_gpu: Whether it needs a CUDA device; where there is none it is not among the tests at all.
        by_steps: Whether the library's own steps have to serve where kernels would.
        in_triton: Whether kernels for GPUs have to serve in Triton's interpreter; not where they can on a GPU.
        transformed: What becomes of a function before it is called, for ways that only the law itself has to hold for.
    """

    name: str
    needs: str
    make: Callable[[np.ndarray], Array]
    back: Callable[[Array], np.ndarray] = np.asarray
    platform: str = "numpy"
    slow: bool = False
    on_gpu: bool = False
    by_steps: bool = False
    in_triton: bool = False
    transformed: Callable[[Function], Function] | None = None

    def serving(self) -> AbstractContextManager[None]:
        """A context in which calls are served as the variant says."""
        if self.in_triton:
            from tests.kernels import triton_device

            return triton_device.serving()
        return without_kernels(self.needs) if self.by_steps else nullcontext()

    def call(self, function: Function, array: Array) -> Array:
        """The result of `function`, transformed as the variant says, for `array`."""
        return (self.transformed(function) if self.transformed else function)(array)

    def check(self, actual: Array, expected: np.ndarray, image: np.ndarray, mode: str, resample: int) -> None:
        """Assert what GUARANTEE promises of the result for `image`, which is equality almost everywhere."""
        bound = GUARANTEE[self.platform].bound(kind_of(mode, str(image.dtype), resample))
        difference = bound.judge(self.back(actual), expected, image)
        assert not difference, str(difference)

    @property
    def missing(self) -> str:
        """Why it cannot be tested here, if it cannot."""
        if importlib.util.find_spec(self.needs) is None:
            return f"{self.needs} is not installed"
        if self.in_triton and importlib.util.find_spec("triton") is None:
            return "triton is not installed"
        if self.by_steps and host().isa is None:
            return f"no kernels, so that {self.needs} is these steps: {host().why}"
        return ""


def _copy(array: np.ndarray) -> Array:
    return array.copy()


def _read_only(array: np.ndarray) -> Array:
    array = array.copy()
    array.setflags(write=False)
    return array


def _reversed(array: np.ndarray) -> Array:
    """A view with negative strides and a gap between rows."""
    wide = np.zeros((array.shape[0] * 2, *array.shape[1:]), array.dtype)
    view = wide[::-2, ::-1]
    view[...] = array
    return view


def _bands_reversed(array: np.ndarray) -> Array:
    """A view with its last axis from end to start, as where RGB is seen as BGR."""
    return array[..., ::-1].copy()[..., ::-1]


def _apart(array: np.ndarray) -> Array:
    """A view with a gap after every row and every pixel."""
    bands = array.shape[2:]
    wide = np.zeros((array.shape[0] * 2, array.shape[1] * 2, *bands), array.dtype)
    view = wide[::2, ::2]
    view[...] = array
    return view


def _planar(array: np.ndarray) -> Array:
    """A view of whole planes, one for each index of the last axis."""
    return np.moveaxis(np.moveaxis(array, -1, 0).copy(), 0, -1)


def _strict(array: np.ndarray) -> Array:
    import array_api_strict

    return array_api_strict.asarray(array.copy())


def _strict_narrow(array: np.ndarray) -> Array:
    import array_api_strict

    return array_api_strict.asarray(array.copy(), device=array_api_strict.Device("no_x64"))


def _from_strict_narrow(array: Array) -> np.ndarray:
    import array_api_strict

    return np.asarray(array.to_device(array_api_strict.Device("CPU_DEVICE")))


def _torch(array: np.ndarray) -> Array:
    import torch

    return torch.from_numpy(array.copy())


def _torch_planar(array: np.ndarray) -> Array:
    import torch

    return torch.from_numpy(_planar(array))


def _torch_cuda(array: np.ndarray) -> Array:
    return _torch(array).cuda()


def _cupy(array: np.ndarray) -> Array:
    import cupy

    return cupy.asarray(array)


def _from_cupy(array: Array) -> np.ndarray:
    return np.asarray(array.get())


def _jax(array: np.ndarray) -> Array:
    import jax.numpy as jnp

    return jnp.asarray(array)


def _jit(function: Function) -> Function:
    import jax

    compiled: Function = jax.jit(function)
    return compiled


def _vmap(function: Function) -> Function:
    import jax

    mapped = jax.jit(jax.vmap(function, in_axes=1, out_axes=1))

    def of_the_second(array: Array) -> Array:
        """Beside another image, along the second axis."""
        return mapped(jax.numpy.stack([~array if array.dtype.kind in "ui" else array, array], axis=1))[:, 1]

    return of_the_second


def _from_torch(array: Array) -> np.ndarray:
    return np.asarray(array.cpu().numpy())


def _cuda() -> bool:
    """Whether there is a CUDA device, as torch or cupy sees it."""
    if importlib.util.find_spec("torch"):
        import torch

        return bool(torch.cuda.is_available())
    return False


def gpu_name() -> str | None:
    """What the CUDA device is called, if there is one."""
    if not HAS_CUDA:
        return None
    import torch

    return str(torch.cuda.get_device_name())


_ALL = [
    Variant("numpy", "numpy", _copy),
    Variant("numpy:readonly", "numpy", _read_only),
    Variant("numpy:reversed", "numpy", _reversed),
    Variant("numpy:bands-reversed", "numpy", _bands_reversed),
    Variant("numpy:apart", "numpy", _apart),
    Variant("numpy:planar", "numpy", _planar),
    Variant("numpy:fortran", "numpy", np.asfortranarray),
    Variant("numpy:steps", "numpy", _copy, by_steps=True),
    Variant("strict", "array_api_strict", _strict, platform="array-api-strict", slow=True),
    Variant("strict:no_x64", "array_api_strict", _strict_narrow, _from_strict_narrow, platform="no-float64", slow=True),
    Variant("torch", "torch", _torch, _from_torch, platform="torch-cpu"),
    Variant("torch:planar", "torch", _torch_planar, _from_torch, platform="torch-cpu"),
    Variant("torch:steps", "torch", _torch, _from_torch, platform="torch-cpu", by_steps=True),
    Variant("torch:triton", "torch", _torch, _from_torch, platform="torch-cpu", slow=True, in_triton=True),
    # On the CPU, unless JAX_PLATFORMS says otherwise: see conftest.
    Variant("jax", "jax", _jax, platform="jax-cpu"),
    Variant("jax:jit", "jax", _jax, platform="jax-cpu", transformed=_jit),
    Variant("jax:vmap", "jax", _jax, platform="jax-cpu", transformed=_vmap),
    Variant("jax:steps", "jax", _jax, platform="jax-cpu", by_steps=True, transformed=_jit),
    Variant("torch:cuda", "torch", _torch_cuda, _from_torch, platform="torch-cuda", on_gpu=True),
    Variant("cupy", "cupy", _cupy, _from_cupy, platform="cupy", on_gpu=True),
]
HAS_CUDA = _cuda()
WAYS = [variant for variant in _ALL if not (variant.in_triton if HAS_CUDA else variant.on_gpu)]
BY_NAME = {variant.name: variant for variant in WAYS}
VARIANTS = [variant for variant in WAYS if not variant.transformed]
