"""The array libraries of this machine: how a numpy array gets in and out, and why one cannot be used.

Everything is imported by name, when a command asks for it, and found or missed in one place.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from portresize._typing import Array


class Missing(Exception):  # noqa: N818  not an error of the program
    """A library that cannot be used here; the text says why, and what to install."""


class NoDevice(Exception):  # noqa: N818  not an error of the program
    """A library is here, but not this kind of device."""


def installed(module: str) -> bool:
    """Whether `module` can be found; it is not imported."""
    return importlib.util.find_spec(module) is not None


def load(module: str, install: str) -> ModuleType:
    """Import `module`.

    Raises:
        Missing: It is not installed (`install` is what to give to pip), or fails when it is imported.
    """
    if not installed(module):
        msg = f"not installed: pip install {install}"
        raise Missing(msg)
    try:
        return importlib.import_module(module)
    except Exception as error:
        msg = f"installed, but it does not import: {_line(error)}"
        raise Missing(msg) from error


@dataclass(frozen=True, slots=True)
class Target:
    """A library on a kind of device.

    Attributes:
        name: What a user calls the library.
        device: Which device of the library, in words, or "".
        row: Its row in `guarantee.GUARANTEE`.
        module: What is imported.
        install: What to give to pip.
        send: numpy array to an array there; raises `NoDevice` where there is no such device.
        fetch: The way back.
    """

    name: str
    device: str
    row: str
    module: str
    install: str
    send: Callable[[ModuleType, np.ndarray], Array]
    fetch: Callable[[ModuleType, Array], np.ndarray]

    def __str__(self) -> str:
        """Name and device."""
        return f"{self.name} ({self.device})" if self.device else self.name

    def open(self) -> ModuleType:
        """Import the library and try the device with a single number.

        Raises:
            Missing: The library cannot be used.
            NoDevice: The device is not there.
        """
        module = load(self.module, self.install)
        try:
            self.fetch(module, self.send(module, np.zeros(1, np.uint8)))
        except NoDevice:
            raise
        except Exception as error:
            msg = f"installed, but it takes no arrays: {_line(error)}"
            raise Missing(msg) from error
        return module


def _line(error: Exception) -> str:
    """The first line of what an exception says."""
    return (str(error) or type(error).__name__).splitlines()[0]


def _strict(device: str) -> Callable[[ModuleType, np.ndarray], Array]:
    def send(xp: ModuleType, array: np.ndarray) -> Array:
        on_host: Array = xp.asarray(array, device=xp.Device(device))
        return on_host

    return send


def _from_strict(xp: ModuleType, x: Array) -> np.ndarray:
    return np.asarray(xp.asarray(x, device=xp.Device("CPU_DEVICE")))


def _to_torch(torch: ModuleType, array: np.ndarray) -> Array:
    tensor: Array = torch.from_numpy(np.array(array))
    return tensor


def _to_cuda(torch: ModuleType, array: np.ndarray) -> Array:
    if not torch.cuda.is_available():
        raise NoDevice
    tensor: Array = torch.from_numpy(np.array(array)).to("cuda")
    return tensor


def _from_torch(_: ModuleType, x: Array) -> np.ndarray:
    return np.asarray(x.cpu())  # type: ignore[attr-defined]  # a tensor


def _jax(platform: str) -> Callable[[ModuleType, np.ndarray], Array]:
    def send(jax: ModuleType, array: np.ndarray) -> Array:
        try:
            device = jax.devices(platform)[0]
        except RuntimeError:
            raise NoDevice from None
        x: Array = jax.device_put(array, device)
        return x

    return send


def _from_numpy(_: ModuleType, x: Array) -> np.ndarray:
    return np.asarray(x)


def _to_cupy(cupy: ModuleType, array: np.ndarray) -> Array:
    x: Array = cupy.asarray(array)
    return x


def _from_cupy(cupy: ModuleType, x: Array) -> np.ndarray:
    return np.asarray(cupy.asnumpy(x))


TARGETS: tuple[Target, ...] = (
    Target("numpy", "", "numpy", "numpy", "numpy", lambda _, array: array, _from_numpy),
    Target("torch", "cpu", "torch-cpu", "torch", "torch", _to_torch, _from_torch),
    Target("torch", "cuda", "torch-cuda", "torch", "torch", _to_cuda, _from_torch),
    Target("jax", "cpu", "jax-cpu", "jax", "jax", _jax("cpu"), _from_numpy),
    Target("jax", "gpu", "jax-gpu", "jax", "jax", _jax("gpu"), _from_numpy),
    Target("jax", "tpu", "jax-tpu", "jax", "jax", _jax("tpu"), _from_numpy),
    Target("cupy", "", "cupy", "cupy", "cupy-cuda12x", _to_cupy, _from_cupy),
    Target(
        "array-api-strict",
        "",
        "array-api-strict",
        "array_api_strict",
        "array-api-strict",
        _strict("CPU_DEVICE"),
        _from_strict,
    ),
    Target(
        "array-api-strict",
        "no_x64",
        "no-float64",
        "array_api_strict",
        "array-api-strict",
        _strict("no_x64"),
        _from_strict,
    ),
)
NAMES = tuple(dict.fromkeys(target.name for target in TARGETS))


@dataclass(frozen=True, slots=True)
class Opened:
    """A target with its module, or with the reason why there is none."""

    target: Target
    module: ModuleType | None
    reason: str = ""

    @property
    def version(self) -> str:
        """Version of the library."""
        return str(getattr(self.module, "__version__", ""))


def opened(names: tuple[str, ...] = NAMES) -> list[Opened]:
    """All targets of these libraries that there are, and one for each library that is missing."""
    found: list[Opened] = []
    for target in TARGETS:
        if target.name not in names or any(o.target.name == target.name and o.reason for o in found):
            continue
        try:
            found.append(Opened(target, target.open()))
        except NoDevice:
            continue
        except Missing as reason:
            found.append(Opened(target, None, str(reason)))
    return found
