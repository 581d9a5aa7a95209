"""Images of many sizes and modes, and what Pillow makes of them."""

from __future__ import annotations

import numpy as np

SIZE = (24, 36)
_SHAPES = {"uint8": ((91, 64, 3), (40, 130), (23, 37, 4), (24, 36, 3)), "float32": ((50, 61),), "int32": ((33, 90),)}


def picture(i: int) -> np.ndarray:
    """Image number `i`, of a shape and a dtype that follow from it; nothing is random but its samples."""
    shapes = [(dtype, shape) for dtype, members in _SHAPES.items() for shape in members]
    dtype, (height, width, *bands) = shapes[i % len(shapes)]
    samples = np.random.default_rng(i).integers(0, 256, (height + i, width + i // 2, *bands))
    return samples.astype(dtype)


def rgb(i: int) -> np.ndarray:
    """Image number `i`, RGB, each of another size: what a batch can be made of after resizing."""
    return np.random.default_rng(i).integers(0, 256, (60 + 3 * i, 90 - 2 * i, 3), np.uint8)


def pillows(image: np.ndarray) -> np.ndarray:
    """`image` in SIZE, bicubic, by the installed Pillow."""
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize(SIZE[::-1], Image.Resampling.BICUBIC))
