"""What people use today to resize arrays, called as they call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from portresize._cli import libraries
from portresize._core.filters import Resampling

Size = tuple[int, int]
# Library, picture (height, width, bands), size and the library's own word for the filter, to the picture resized.
Call = Callable[[ModuleType, np.ndarray, Size, str], np.ndarray]


class NotOffered(Exception):  # noqa: N818  not an error of the program
    """The library has no such filter, or does not take such samples."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A function that resizes.

    Attributes:
        name: What is called, in words.
        module: What is imported.
        install: What to give to pip.
        filters: The library's own words for Pillow's filters.
        call: How it is called.
    """

    name: str
    module: str
    install: str
    filters: Mapping[Resampling, str]
    call: Call

    def resize(self, module: ModuleType, image: np.ndarray, size: Size, resample: Resampling) -> np.ndarray:
        """`image`, two axes or three, resized, rounded and clipped to its own dtype.

        Raises:
            NotOffered: The library cannot.
        """
        if resample not in self.filters:
            msg = f"no {resample.name.lower()} filter"
            raise NotOffered(msg)
        result = self.call(module, image if image.ndim == 3 else image[..., None], size, self.filters[resample])
        return _as_samples(result, image.dtype).reshape(*size, *image.shape[2:])


def _as_samples(result: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Rounded and clipped as torchvision does for integers; floats as they are."""
    if dtype.kind == "f" or result.dtype == dtype:
        return result.astype(dtype)
    least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return np.clip(np.rint(result.astype(np.float64)), least, most).astype(dtype)


def _interpolate(torch: ModuleType, image: np.ndarray, size: Size, mode: str, *, antialias: bool) -> np.ndarray:
    # float32 cannot hold every int32.
    float_ = np.float64 if image.dtype == np.int32 else np.float32
    x = torch.from_numpy(np.moveaxis(image.astype(float_), -1, 0)[None])
    y = torch.nn.functional.interpolate(x, size, mode=mode, antialias=antialias)
    return np.moveaxis(np.asarray(y[0]), 0, -1)


def _plain_torch(torch: ModuleType, image: np.ndarray, size: Size, mode: str) -> np.ndarray:
    return _interpolate(torch, image, size, mode, antialias=False)


def _smooth_torch(torch: ModuleType, image: np.ndarray, size: Size, mode: str) -> np.ndarray:
    return _interpolate(torch, image, size, mode, antialias=True)


def _whole_torch(torch: ModuleType, image: np.ndarray, size: Size, mode: str) -> np.ndarray:
    if image.dtype != np.uint8:
        msg = f"takes uint8, not {image.dtype}"
        raise NotOffered(msg)
    x = torch.from_numpy(np.ascontiguousarray(np.moveaxis(image, -1, 0))[None])
    y = torch.nn.functional.interpolate(x, size, mode=mode, antialias=True)
    return np.moveaxis(np.asarray(y[0]), 0, -1)


def _jax(jax: ModuleType, image: np.ndarray, size: Size, method: str) -> np.ndarray:
    return np.asarray(jax.image.resize(image.astype(np.float32), (*size, image.shape[2]), method))


def _opencv(cv2: ModuleType, image: np.ndarray, size: Size, flag: str) -> np.ndarray:
    try:
        result = cv2.resize(image, (size[1], size[0]), interpolation=getattr(cv2, flag))
    except cv2.error:
        msg = f"does not take {image.dtype}"
        raise NotOffered(msg) from None
    return np.asarray(result).reshape(*size, image.shape[2])


_SMOOTH = {Resampling.BILINEAR: "bilinear", Resampling.BICUBIC: "bicubic"}
_PLAIN = _SMOOTH | {Resampling.NEAREST: "nearest", Resampling.BOX: "area"}
_JAX = {
    Resampling.NEAREST: "nearest",
    Resampling.BILINEAR: "linear",
    Resampling.BICUBIC: "cubic",
    Resampling.LANCZOS: "lanczos3",
}
_OPENCV = {
    Resampling.NEAREST: "INTER_NEAREST",
    Resampling.BOX: "INTER_AREA",
    Resampling.BILINEAR: "INTER_LINEAR",
    Resampling.BICUBIC: "INTER_CUBIC",
    Resampling.LANCZOS: "INTER_LANCZOS4",
}

PLAIN = Rival("F.interpolate", "torch", "torch", _PLAIN, _plain_torch)
ANTIALIASED = Rival("F.interpolate, antialias", "torch", "torch", _SMOOTH, _smooth_torch)
RIVALS: tuple[Rival, ...] = (
    PLAIN,
    ANTIALIASED,
    Rival("F.interpolate, antialias, uint8", "torch", "torch", _SMOOTH, _whole_torch),
    Rival("jax.image.resize", "jax", "jax", _JAX, _jax),
    Rival("cv2.resize", "cv2", "opencv-python-headless", _OPENCV, _opencv),
)


def word(rival: Rival, resample: Resampling) -> str:
    """What is called, with the library's own word for the filter."""
    return f"{rival.name}, {rival.filters[resample]}" if resample in rival.filters else rival.name


def load(rival: Rival) -> ModuleType:
    """The rival's library; raises `libraries.Missing`."""
    return libraries.load(rival.module, rival.install)
