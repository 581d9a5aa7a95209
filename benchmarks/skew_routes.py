"""Ways from large images to small ones: Pillow's, ours, and what people use instead."""

from __future__ import annotations

import os
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import PIL
from PIL import Image

import portresize
from benchmarks.skew_images import SIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Array = Any

SIZE = (SIDE, SIDE)
# The pixels of the Pillow at hand.
_resize = partial(portresize.resize, size=SIZE, dialect=f"pillow-{PIL.__version__}")


class Route(NamedTuple):
    """A way to resize.

    Attributes:
        name: What is called, in Markdown.
        module: What is imported.
        words: What it calls Pillow's filters.
        call: From uint8 (n, height, width, 3) and its word to (n, SIDE, SIDE, 3), in bytes or in floats from 0 to 255.
    """

    name: str
    module: str
    words: Mapping[str, str]
    call: Callable[[Array, str], Array]

    @property
    def is_ours(self) -> bool:
        """Whether the result has to be Pillow's."""
        return self.name.startswith("portresize")

    @property
    def is_present(self) -> bool:
        """Whether the library is installed."""
        return find_spec(self.module) is not None


def as_bytes(images: Array) -> Array:
    """Rounded and clipped, unless they are bytes."""
    return images if images.dtype == np.uint8 else np.rint(images).clip(0, 255).astype(np.uint8)


def _pillow(images: Array, word: str) -> Array:
    resample = Image.Resampling[word]
    return np.stack([np.asarray(Image.fromarray(image).resize(SIZE[::-1], resample)) for image in images])


def _torch(images: Array, word: str, *, dtype: str, antialias: bool) -> Array:
    import torch

    x = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(getattr(torch, dtype))
    y = torch.nn.functional.interpolate(x, SIZE, mode=word, antialias=antialias)
    return y.permute(0, 2, 3, 1).contiguous().numpy()


def _torch_rounded(images: Array, word: str) -> Array:
    return as_bytes(_torch(images, word, dtype="float32", antialias=True))


def _jax_image(images: Array, word: str, *, antialias: bool) -> Array:
    shape = (len(images), *SIZE, images.shape[3])
    return np.array(_jax().image.resize(images.astype(np.float32), shape, word, antialias=antialias))


def _opencv(images: Array, word: str) -> Array:
    import cv2

    return np.stack([cv2.resize(image, SIZE[::-1], interpolation=getattr(cv2, word)) for image in images])


def _ours_numpy(images: Array, word: str) -> Array:
    return _resize(images, resample=word, layout="NHWC")


def _ours_torch(images: Array, word: str) -> Array:
    import torch

    x = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return _resize(x, resample=word, layout="NCHW").permute(0, 2, 3, 1).contiguous().numpy()


def _ours_jax(images: Array, word: str) -> Array:
    return np.array(_jax().jit(partial(_resize, resample=word, layout="NHWC"))(images))


def _jax() -> Any:  # noqa: ANN401  a module that the checker does not see
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    return jax


_SAME = {"bilinear": "bilinear", "bicubic": "bicubic"}
_OF_PILLOW = {"bilinear": "BILINEAR", "bicubic": "BICUBIC"}
_OF_JAX = {"bilinear": "linear", "bicubic": "cubic"}
_OF_OPENCV = {"bilinear": "INTER_LINEAR", "bicubic": "INTER_CUBIC"}
_AREA = dict.fromkeys(_SAME, "INTER_AREA")

_torch_plain = partial(_torch, dtype="float32", antialias=False)
_torch_smooth = partial(_torch, dtype="float32", antialias=True)
_torch_bytes = partial(_torch, dtype="uint8", antialias=True)
_jax_plain = partial(_jax_image, antialias=False)
_jax_smooth = partial(_jax_image, antialias=True)

PILLOW = Route("Pillow", "PIL", _OF_PILLOW, _pillow)
OTHERS = (
    Route("portresize, numpy", "numpy", _SAME, _ours_numpy),
    Route("portresize, torch", "torch", _SAME, _ours_torch),
    Route("portresize, jax under `jit`", "jax", _SAME, _ours_jax),
    Route("`F.interpolate`", "torch", _SAME, _torch_plain),
    Route("`F.interpolate(antialias=True)`", "torch", _SAME, _torch_smooth),
    Route("`F.interpolate(antialias=True)`, rounded", "torch", _SAME, _torch_rounded),
    Route("`F.interpolate(antialias=True)` of bytes", "torch", _SAME, _torch_bytes),
    Route("`jax.image.resize(antialias=False)`", "jax", _OF_JAX, _jax_plain),
    Route("`jax.image.resize`", "jax", _OF_JAX, _jax_smooth),
    Route("`cv2.resize`", "cv2", _OF_OPENCV, _opencv),
    Route("`cv2.resize`, `INTER_AREA`", "cv2", _AREA, _opencv),
)
