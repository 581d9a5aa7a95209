"""What only jax has: a resize of bytes that a gradient passes through.

Everything else is `portresize.resize` itself, which takes arrays of jax under all its transformations.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from portresize import _dispatch
from portresize._api import resize
from portresize._core import foreign, straight
from portresize._core.dialect import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import SupportsIndex

    from portresize._typing import Filter

__all__ = ["resize_straight_through"]


def resize_straight_through(
    image: Any,
    size: Iterable[SupportsIndex],
    resample: Filter = None,
    *,
    box: Iterable[float] | None = None,
    reducing_gap: float | None = None,
    layout: str | None = None,
    mode: str | None = None,
    dialect: str = DEFAULT,
) -> Any:
    """Resize floats that hold 0 to 255 as Pillow resizes bytes, with a gradient that passes the rounding by.

    The result is that of `portresize.resize` on the image rounded to uint8 (halves to even, clipped to 0..255), so
    each value is one of Pillow's bytes. The derivative is that of the linear map without any rounding or clipping, what
    `portresize.resize` has for floats: a straight-through estimator.

    Args:
        image: Array of jax, float32, float64, float16 or bfloat16, in levels from 0 to 255. It is never written.
        size: `(height, width)` of the result, as in `portresize.resize`.
        resample: As in `portresize.resize`.
        box: As in `portresize.resize`.
        reducing_gap: As in `portresize.resize`.
        layout: As in `portresize.resize`.
        mode: A mode of uint8, as in `portresize.resize`, but none with alpha: four bands need `mode="RGBX"` or another.
        dialect: As in `portresize.resize`.

    Returns:
        A new array of the dtype and layout of `image`, whole numbers from 0 to 255.

    Raises:
        TypeError: The image does not hold floats, or as in `portresize.resize`.
        ValueError: The mode multiplies alpha in, which is not linear, or only moves numbers that stand for something
            else; or as in `portresize.resize`.

    Source: Pillow 13.0.0, as `portresize.resize`; Bengio, Léonard, Courville 2013, arXiv:1308.3432, for the gradient.

    >>> import jax, jax.numpy as jnp
    >>> image = jnp.array([[0.0, 100.0, 200.0, 255.0]])
    >>> resize_straight_through(image, (1, 2), "box")
    Array([[ 50., 228.]], dtype=float32)
    >>> jax.grad(lambda x: resize_straight_through(x, (1, 2), "box")[0, 0])(image)
    Array([[0.5, 0.5, 0. , 0. ]], dtype=float32)
    """
    image = _dispatch.opened(image)[1]
    if not isinstance(image, (jax.Array, np.ndarray)):
        msg = f"`image` is a {foreign.path_of(type(image))}, expected an array of jax"
        raise TypeError(msg)
    image = jnp.asarray(image)
    has_floats = jnp.issubdtype(image.dtype, jnp.floating)
    layout, mode = straight.axes_of(image.shape, str(image.dtype), layout, mode, has_floats=has_floats)
    resized = partial(
        resize,
        size=size,
        resample=resample,
        box=box,
        reducing_gap=reducing_gap,
        layout=layout,
        dialect=dialect,
    )

    @jax.custom_jvp
    def through(x: Any) -> Any:
        return resized(_to_bytes(x), mode=mode).astype(x.dtype)

    @through.defjvp
    def _derivative(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
        return through(*primals), resized(tangents[0], mode="F")

    return through(image)


def _to_bytes(x: Any) -> Any:
    return jnp.clip(jnp.rint(x), 0, 255).astype(jnp.uint8)
