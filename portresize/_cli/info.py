"""`portresize info`: versions, backends and devices, for a report of a bug."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from portresize import __version__, _dispatch
from portresize._cli import libraries, pillow
from portresize._cli.table import Table
from portresize._core.threads import number_of_threads
from portresize._kernels.llvm.host import host

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from types import ModuleType

# Distribution and module of what is used beside array libraries.
_OTHERS = {
    "array-api-compat": "array_api_compat",
    "llvmlite": "llvmlite",
    "matplotlib": "matplotlib",
    "opencv-python-headless": "cv2",
    "rich": "rich",
}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "info",
        help="show versions, backends and devices",
        description="Show versions, backends and devices: what a report of a bug needs.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print all that is known of this machine's libraries."""
    print(f"portresize {__version__}, Python {platform.python_version()} on {sys.platform} {platform.machine()}")
    print(_pillow())
    print(_kernels())
    print()
    table = Table(("library", "version", "backend", "devices"))
    for name in libraries.NAMES:
        target = next(target for target in libraries.TARGETS if target.name == name)
        try:
            module = libraries.load(target.module, target.install)
        except libraries.Missing as reason:
            table.add(name, str(reason), tone="dim")
            continue
        table.add(name, str(module.__version__), _backend(target, module), _devices(name, module))
    table.rule()
    for distribution, module_name in _OTHERS.items():
        if libraries.installed(module_name):
            table.add(distribution, _version(distribution, module_name))
        else:
            wanted = "'portresize[cpu]'" if distribution == "llvmlite" else distribution
            table.add(distribution, f"not installed: pip install {wanted}", tone="dim")
    table.print()
    return 0


def _pillow() -> str:
    try:
        found = pillow.installed()
    except ImportError as error:
        return str(error)
    text = f'Pillow {found.version}, dialect "{found.dialect}"'
    return f"{text} ({found.note})" if found.note else text


def _kernels() -> str:
    """What numpy arrays and tensors of torch in the memory of this machine run on."""
    try:
        threads, (isa, why) = number_of_threads(), host()
    except ValueError as error:
        return f"CPU kernels: {error}"
    if isa is not None:
        from portresize._kernels import pool

        threads = min(threads, pool.most())
    if isa is None:
        return f"CPU kernels: none, the numpy steps serve: {why}"
    return f"CPU kernels: {isa.name}, {threads} thread{'s' if threads > 1 else ''}"


def _version(distribution: str, module_name: str) -> str:
    """The version as it was installed; one module may come from distributions of several names."""
    for name in (distribution, *metadata.packages_distributions().get(module_name, [])):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown version"


def _backend(target: libraries.Target, module: ModuleType) -> str:
    """The file that would run an array of this library."""
    try:
        run = _dispatch.backend(target.send(module, np.zeros((1, 1), np.uint8))).run
    except Exception as error:  # noqa: BLE001  a broken library must not hide the others
        return f"none: {error}"
    return str(getattr(run, "__module__", "")).rpartition(".")[2]


def _devices(name: str, module: ModuleType) -> str:
    """What the library itself finds."""
    try:
        return ", ".join(_DEVICES[name](module)) or "none"
    except Exception as error:  # noqa: BLE001  a broken driver must not hide the others
        return f"unknown: {str(error).partition(chr(10))[0]}"


def _torch(torch: ModuleType) -> list[str]:
    cuda = []
    for i in range(torch.cuda.device_count()):
        from portresize._backends._torch_steps import triton_on

        version, why = triton_on(i)
        serving = f"operations of torch: {why}" if why else f"kernels of Triton {version}"
        cuda.append(f"cuda ({torch.cuda.get_device_name(i)}), {serving}")
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["cpu", *(cuda or ["no cuda"]), *mps]


def _jax(jax: ModuleType) -> list[str]:
    devices = [f"{device.platform} {device.id}: {device.device_kind}" for device in jax.devices()]
    from portresize._backends._jax_cpu import serving

    why = serving().why
    programs = "operations of XLA on the CPU" if why else "kernels on the CPU"
    # Why there are no kernels at all is said above.
    programs += f": {why}" if why != host().why else ""
    return [*devices, f"64-bit types {'on' if jax.config.jax_enable_x64 else 'off'}", programs]


def _cupy(cupy: ModuleType) -> list[str]:
    count = cupy.cuda.runtime.getDeviceCount()
    return [str(cupy.cuda.runtime.getDeviceProperties(i)["name"], "utf-8") for i in range(count)]


def _strict(xp: ModuleType) -> list[str]:
    # Its devices print as Device('CPU_DEVICE').
    return [repr(device).split("'")[1] for device in xp.__array_namespace_info__().devices()]


def _numpy(_: ModuleType) -> list[str]:
    return ["cpu"]


_DEVICES: dict[str, Callable[[ModuleType], list[str]]] = {
    "numpy": _numpy,
    "torch": _torch,
    "jax": _jax,
    "cupy": _cupy,
    "array-api-strict": _strict,
}
