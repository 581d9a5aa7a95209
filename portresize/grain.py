"""For grain: a transformation that resizes the images of a data pipeline, in its threads and worker processes.

Grain imports jax where it is installed, in workers too. Nothing here uses it: images are numpy arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, SupportsIndex

from portresize._api import resize
from portresize._core import ahead, foreign, request
from portresize._core.dialect import DEFAULT

try:
    import grain
except ModuleNotFoundError as error:
    error.add_note("portresize.grain needs grain: pip install 'portresize[grain]'")
    raise

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portresize._typing import Filter

__all__ = ["Resize"]


@dataclass(frozen=True, init=False)
class Resize(grain.transforms.Map):
    """Resize the images of a pipeline's elements, equal to `PIL.Image.Image.resize` in every pixel.

    An element is an image, or a dictionary (as data sets have them) with images under `keys`. Arguments are checked
    here, but for what depends on the image; two transformations with equal arguments are equal.

    Args:
        size: `(height, width)` of the results, two integers >= 1.
        resample: As in `portresize.resize`.
        keys: Which members of a dictionary are images.
        box: As in `portresize.resize`; the same for every image.
        reducing_gap: As in `portresize.resize`.
        layout: As in `portresize.resize`.
        mode: As in `portresize.resize`.
        dialect: As in `portresize.resize`.

    Raises:
        TypeError: As in `portresize.resize`, or `keys` is no sequence of text.
        ValueError: As in `portresize.resize`, or `keys` is empty.

    >>> import grain, numpy as np, portresize.grain
    >>> source = [{"image": np.zeros((20 + i, 30, 3), np.uint8), "label": i} for i in range(4)]
    >>> batches = grain.MapDataset.source(source).map(portresize.grain.Resize((8, 8))).batch(4)
    >>> batches[0]["image"].shape, batches[0]["label"]
    ((4, 8, 8, 3), array([0, 1, 2, 3]))
    """

    size: tuple[int, int]
    resample: str | None
    keys: tuple[str, ...]
    box: tuple[float, ...] | None
    reducing_gap: float | None
    layout: str | None
    mode: str | None
    dialect: str

    def __init__(
        self,
        size: Iterable[SupportsIndex],
        resample: Filter = None,
        *,
        keys: Iterable[str] = ("image",),
        box: Iterable[float] | None = None,
        reducing_gap: float | None = None,
        layout: str | None = None,
        mode: str | None = None,
        dialect: str = DEFAULT,
    ) -> None:
        words = ahead.checked(resample, layout, mode, dialect)
        # By way of the dictionary, because a frozen dataclass sets no attributes.
        self.__dict__.update(
            size=request.size_of(size),
            resample=words.resample,
            keys=_keys_of(keys),
            box=request.box_of(box) or None,
            reducing_gap=request.gap_of(reducing_gap) or None,
            layout=words.layout,
            mode=words.mode,
            dialect=words.dialect,
        )

    def map(self, element: Any) -> Any:  # noqa: ANN401  an array or a dictionary of anything
        """Resize the images of one element.

        Args:
            element: An image as in `portresize.resize`, or a dictionary with one under each of `keys`. It is not
                written.

        Returns:
            A new array of the same library and dtype, or a new dictionary in which such arrays take the place of the
            images; its other members are those of `element`.

        Raises:
            TypeError: As in `portresize.resize`, or the element is neither an array nor a dictionary.
            ValueError: As in `portresize.resize`, or the element lacks one of `keys`.

        >>> import numpy as np
        >>> Resize((2, 3), keys=("left", "right")).map({"left": np.eye(8), "right": np.eye(9), "id": 7})["right"].shape
        (2, 3)
        """
        # By its class: a proxy is asked nothing.
        if issubclass(type(element), dict):
            if missing := [key for key in self.keys if key not in element]:
                found = foreign.shown(list(element))
                msg = f"the element has the keys {found}, not {missing}; pass the names of its images as `keys`"
                raise ValueError(msg)
            return element | {key: self._resized(element[key]) for key in self.keys}
        if issubclass(type(element), (list, tuple)):
            msg = f"the element is a {type(element).__name__}, expected an array or a dictionary with {self.keys}"
            raise TypeError(msg)
        return self._resized(element)

    def _resized(self, image: Any) -> Any:  # noqa: ANN401  an array of any library
        return resize(
            image,
            self.size,
            self.resample,
            box=self.box,
            reducing_gap=self.reducing_gap,
            layout=self.layout,
            mode=self.mode,
            dialect=self.dialect,
        )


# More than any element has.
_MOST_KEYS = 1000


def _keys_of(keys: object) -> tuple[str, ...]:
    """Names of members, at least one."""
    msg = f'`keys` is {foreign.shown(keys)}, expected names of members such as ("image",)'
    try:
        found = foreign.members(keys, _MOST_KEYS)
    except TypeError as error:
        raise TypeError(msg) from error.__cause__
    names = tuple(name for member in found if (name := foreign.text(member)) is not None)
    if len(names) < len(found):
        raise TypeError(msg)
    if not names:
        raise ValueError(msg)
    if len(names) > _MOST_KEYS:
        msg = f"{msg}, at most {_MOST_KEYS}"
        raise ValueError(msg)
    return names
