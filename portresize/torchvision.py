"""For torchvision: `Resize` as in its transforms of version 2, of images, videos, boxes, masks and PIL images.

Source: torchvision 0.28.0, torchvision/transforms/v2/_geometry.py, and functional/_geometry.py next to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

from portresize import _dispatch
from portresize._core import ahead, edges, foreign, request
from portresize._core.dialect import DEFAULT
from portresize._core.filters import Resampling
from portresize.torch import resized

try:
    import torch
    import torch.fx
    from torchvision import tv_tensors
    from torchvision.transforms import InterpolationMode, v2
except ModuleNotFoundError as error:
    error.add_note(
        "portresize.torchvision needs torchvision, of the release that goes with your torch: "
        "https://pytorch.org/get-started, or pip install 'portresize[torchvision]'"
    )
    raise

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portresize._typing import Filter

__all__ = ["Resize"]


class Resize(v2.Transform):
    """Resize images, equal to `PIL.Image.Image.resize` in every pixel, and what belongs to them as torchvision does.

    It takes the place of `torchvision.transforms.v2.Resize`, with its arguments and its bilinear default, alone or in a
    `v2.Compose`. What becomes of each part of a sample:

    - `tv_tensors.Image` and `Video`, or the first plain tensor where there is none: Pillow's pixels, with any filter,
      on the tensor's device. Bytes with 4 bands are RGBA, with 2 LA, whose alpha is multiplied in, as in Pillow; v2
      resizes every band by itself, which is `mode="L"` here.
    - PIL images: the same pixels, whichever Pillow is installed, in an image of the same mode. Of modes I;16B and
      I;16N they are Pillow's too, whose filters take the two bytes of a sample in the wrong order.
    - `Mask`, `BoundingBoxes`, `KeyPoints`: what v2 makes of them. Masks are resized to the nearest, which is v2's
      `"nearest-exact"` if `interpolation` says so and otherwise its `"nearest"`; neither is Pillow's.
    - All else: left alone; but an array of another library that is a picture, in a sample without any of the above
      images, is a TypeError, where v2 hands it on as it is.

    Args:
        size: The length of the short edge, an integer >= 1 (or a sequence of one), of which v2 derives the long one; or
            `(height, width)`; or None for `max_size` alone.
        interpolation: As in v2, an `InterpolationMode`, its name or Pillow's number; or as `resample` in
            `portresize.resize`. For images, `"nearest"` and `"nearest-exact"` are both Pillow's nearest.
        max_size: The length that the long edge may not exceed; the short one becomes shorter instead. With None as
            `size`, the length of the long edge.
        antialias: True. Pillow knows nothing else, but for nearest, where it makes no difference.
        reducing_gap: As in `portresize.resize`.
        mode: As in `portresize.resize`, for tensors.
        dialect: As in `portresize.resize`.

    Raises:
        TypeError: As in `portresize.resize`.
        ValueError: As in `portresize.resize`, or `size` is neither an integer nor a sequence, or
            contradicts `max_size`, or `antialias` is not True.

    >>> import torch, portresize.torchvision
    >>> from torchvision.transforms import v2
    >>> preprocess = v2.Compose([portresize.torchvision.Resize(224, "bicubic"), v2.CenterCrop(224)])
    >>> preprocess(torch.zeros((3, 480, 640), dtype=torch.uint8)).shape
    torch.Size([3, 224, 224])
    >>> preprocess.transforms[0]
    Resize(224, interpolation='bicubic')
    """

    size: int | tuple[int, int] | None
    interpolation: str
    max_size: int | None
    antialias: bool | None
    reducing_gap: float | None
    mode: str | None
    dialect: str

    def __init__(
        self,
        size: SupportsIndex | Iterable[SupportsIndex] | None,
        interpolation: InterpolationMode | Filter = "bilinear",
        max_size: SupportsIndex | None = None,
        antialias: bool | None = True,  # noqa: FBT001, FBT002  the fourth argument of v2.Resize
        *,
        reducing_gap: float | None = None,
        mode: str | None = None,
        dialect: str = DEFAULT,
    ) -> None:
        super().__init__()
        words = ahead.checked(None, None, mode, dialect)
        self.size, self.max_size = _sizes_of(size, max_size)
        self.interpolation = name_of(interpolation, words.dialect)
        if type(antialias) not in {bool, type(None)}:
            msg = f"`antialias` is {foreign.shown(antialias)}, expected True"
            raise TypeError(msg)
        if antialias is not True and filter_of(self.interpolation) != "nearest":
            msg = f'`antialias` is {antialias!r}, expected True: of Pillow\'s filters only "nearest" skips samples'
            raise ValueError(msg)
        self.antialias = antialias
        self.reducing_gap = request.gap_of(reducing_gap) or None
        self.mode = words.mode
        self.dialect = words.dialect

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Refuse a sample whose picture would be left alone; v2 calls it.

        Args:
            flat_inputs: All parts of the sample.

        Raises:
            TypeError: A picture is an array of another library than torch, and nothing else is an image; or a part is
                a Proxy of torch.fx, which v2 would hand on.
        """
        for part in flat_inputs:
            if issubclass(type(part), torch.fx.Proxy):
                _dispatch.backend(part)
        if any(_is_image(part) for part in flat_inputs):
            return
        for part in flat_inputs:
            shape = _shape_of(part)
            # A batch of labels, boxes or points has no two long axes.
            if sum(length > 4 for length in shape) >= 2:
                msg = (
                    f"a part of the sample is a {foreign.path_of(type(part))} of shape {shape}, "
                    "which v2 would leave as it is; "
                    "put v2.ToImage() before this transform, or call portresize.resize"
                )
                raise TypeError(msg)

    def transform(self, part: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401, ARG002  the signature of v2
        """Resize one part of a sample; v2 calls it.

        Args:
            part: Tensor `[..., C, H, W]` of torch or torchvision, PIL image, mask, boxes or points.
            params: Nothing.

        Returns:
            A new object of the same class; of masks, boxes and points as v2 does.

        Raises:
            TypeError: As in `portresize.resize`.
            ValueError: As in `portresize.resize`, or the image has no aspect, or too long an aspect for `max_size`.
        """
        if isinstance(part, Image.Image):
            return self._picture(part)
        if isinstance(part, tv_tensors.Image | tv_tensors.Video):
            return tv_tensors.wrap(self._pixels(part.as_subclass(torch.Tensor), self.mode), like=part)
        if not isinstance(part, tv_tensors.TVTensor):
            return self._pixels(part, self.mode)
        return self._call_kernel(
            v2.functional.resize,
            part,
            None if self.size is None else [self.size] if isinstance(self.size, int) else list(self.size),
            interpolation=self.interpolation if self.interpolation in _NAMES else "nearest",
            max_size=self.max_size,
            antialias=True,
        )

    def _picture(self, image: Image.Image) -> Image.Image:
        samples, mode = np.asarray(image), image.mode
        if mode in _AS_16_BITS:
            samples, mode = samples.view(_AS_16_BITS[mode]), "I;16"
        pixels = self._pixels(samples, mode, "HWC"[: samples.ndim])
        # Pillow itself makes the image: it keeps what belongs to it, such as its palette, and so do modes 1 and P.
        result = image.resize(pixels.shape[1::-1], Image.Resampling.NEAREST)
        if image.mode not in {"1", "P"}:
            result.frombytes(pixels.tobytes())
        return result

    def _pixels(self, image: Any, mode: str | None, layout: str | None = None) -> Any:  # noqa: ANN401
        return resized(
            image,
            self.size,
            self.max_size,
            filter_of(self.interpolation),
            reducing_gap=self.reducing_gap,
            layout=layout,
            mode=mode,
            dialect=self.dialect,
        )

    def extra_repr(self) -> str:
        """The arguments of the call that makes an equal transform."""
        given = [repr(self.size), f"interpolation={self.interpolation!r}"]
        words = ("max_size", "reducing_gap", "mode")
        given += [f"{word}={value!r}" for word in words if (value := getattr(self, word)) is not None]
        if self.antialias is not True:
            given.append(f"antialias={self.antialias!r}")
        if self.dialect != DEFAULT:
            given.append(f"dialect={self.dialect!r}")
        return ", ".join(given)


def _sizes_of(size: object, max_size: object) -> tuple[int | tuple[int, int] | None, int | None]:
    """Return `edges.size_of`; what is neither an integer nor a sequence is a ValueError, as in v2."""
    try:
        return edges.size_of(size, max_size)
    except TypeError as error:
        if str(error).startswith("`size`") and not _is_sequence_or_integer(type(size)):
            raise ValueError(str(error)) from error.__cause__
        raise


def _is_sequence_or_integer(cls: type) -> bool:
    try:
        # An abstract class compares and hashes what it is asked about.
        return issubclass(cls, (int, Sequence))
    except Exception:  # noqa: BLE001  whatever a metaclass raises
        return False


def _shape_of(part: object) -> tuple[int, ...]:
    """Return the shape of an array of any library; () for what is none, or whose class raises where it is asked."""
    try:
        shape = part.shape if hasattr(part, "dtype") else ()  # type: ignore[attr-defined]  # raises AttributeError
        return tuple(shape) if isinstance(shape, tuple) and all(isinstance(length, int) for length in shape) else ()
    except Exception:  # noqa: BLE001  whatever a class raises
        return ()


def _is_image(part: object) -> bool:
    """Return whether v2 takes `part` for an image; a mask, boxes or points are none."""
    cls = type(part)  # Not `isinstance`, which asks the object as well.
    if issubclass(cls, tv_tensors.TVTensor):
        return issubclass(cls, (tv_tensors.Image, tv_tensors.Video))
    return issubclass(cls, (torch.Tensor, Image.Image))


# In which order Pillow's filters take the two bytes of a sample, whatever the mode says, on a little-endian machine.
# Source: Pillow 13.0.0, src/libImaging/Resample.c, `bigendian`.
_AS_16_BITS = {"I;16L": "<u2", "I;16B": "<u2", "I;16N": ">u2"}
# What torchvision calls its filters.
_NAMES = frozenset(member.value for member in InterpolationMode)


def name_of(interpolation: object, dialect: str) -> str:
    """One name for a filter of torchvision or of Pillow."""
    name = interpolation.value if issubclass(type(interpolation), InterpolationMode) else interpolation  # type: ignore[attr-defined]  # a member of the enumeration
    if foreign.text(name) == "nearest-exact":
        return "nearest-exact"
    if name is None:
        msg = "`interpolation` is None, expected a filter's name or Pillow's number for it"
        raise TypeError(msg)
    try:
        return request.filter_of(name, dialect, Resampling.BILINEAR).name.lower()
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("`resample`", "`interpolation`")) from error.__cause__


def filter_of(name: str) -> str:
    """What Pillow calls the filter `name`."""
    return "nearest" if name == "nearest-exact" else name
