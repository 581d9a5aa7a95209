"""For transformers: the image processors of its torchvision backend, with Pillow's pixels.

A processor says which size an image is to have, and its `resize` passes down to that of the backend, which alone
touches pixels. What stands here is a backend with another such `resize`.

Source: transformers 5.23.0, src/transformers/image_processing_backends.py, TorchvisionBackend.resize.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from portresize._api import resize
from portresize._core import edges, request
from portresize._core.dialect import DEFAULT

try:
    import torch
    from transformers.image_processing_backends import TorchvisionBackend
except ModuleNotFoundError as error:
    error.add_note("portresize.transformers needs transformers 5: pip install 'portresize[transformers]'")
    raise

# It imports torchvision, and so comes after those who say what is missing.
from portresize.torchvision import filter_of, name_of

if TYPE_CHECKING:
    from transformers.image_utils import SizeDict

__all__ = ["PortresizeBackend", "exact"]


class PortresizeBackend(TorchvisionBackend):
    """The torchvision backend, but that `resize` is equal to `PIL.Image.Image.resize` in every pixel.

    Name it after the processor, so that the sizes remain the processor's:

        class Exact(CLIPImageProcessor, PortresizeBackend):
            dialect = "pillow-12.3"

    Bytes become what the Pil backend makes of them, with every filter of Pillow and on every device: Lanczos on a GPU
    is Lanczos, where the torchvision backend turns to bicubic. Floats are resized as floats; the Pil backend
    first makes bytes of them. Labels of other dtypes can be resized to the nearest.

    Only what a processor resizes with the backend's `resize` is Pillow's. A few call other functions for some or all of
    their work, or ask for `antialias=False`, and this part stays as it is.

    Attributes:
        dialect: The Pillow whose result to give, as in `portresize.resize`.

    Raises:
        TypeError: A subclass names this class before its processor.
        ValueError: A subclass has a `dialect` that does not exist.
    """

    dialect: str = DEFAULT

    def __init_subclass__(cls, **words: Any) -> None:  # noqa: ANN401
        super().__init_subclass__(**words)
        request.dialect_of(cls.dialect)
        if cls.__mro__[cls.__mro__.index(PortresizeBackend) + 1] is not TorchvisionBackend:
            first = cls.__mro__[cls.__mro__.index(PortresizeBackend) + 1].__name__
            msg = f"PortresizeBackend comes before {first}; write class {cls.__name__}({first}, PortresizeBackend)"
            raise TypeError(msg)

    def resize(
        self,
        image: torch.Tensor,
        size: SizeDict,
        resample: Any = None,  # noqa: ANN401  a number or an enumeration of Pillow or torchvision
        antialias: bool = True,  # noqa: FBT001, FBT002  as in transformers
        **words: Any,  # noqa: ANN401
    ) -> torch.Tensor:
        """Resize a tensor; processors call it.

        Args:
            image: Tensor `[..., C, H, W]`; it is never written.
            size: As in transformers, in all its forms.
            resample: As in transformers; None is bilinear. Pillow's filters under Pillow's numbers, all of them.
            antialias: As in transformers; where it is False, transformers resizes.
            words: As in transformers.

        Returns:
            A new tensor of the same dtype and device.

        Raises:
            TypeError: The image is of a dtype that `portresize.resize` does not take, and the filter is not nearest.
            ValueError: As in transformers, or as in `portresize.resize`.
        """
        if not antialias:
            return super().resize(image, size, resample, antialias=antialias, **words)
        # How large the result is to be, as transformers has it: a tensor without samples is resized in no time.
        outline = torch.empty(image.shape, device="meta")
        height, width = super().resize(outline, size, resample=0, **words).shape[-2:]
        name = filter_of(name_of("bilinear" if resample is None else resample, self.dialect))
        layout = request.layout_of(tuple(image.shape), edges.layout_of(image.ndim))
        return resize(image, (height, width), name, layout=layout, dialect=self.dialect)

    def __reduce__(self) -> tuple[Any, ...]:
        """A class that `exact` has made is made again, because no module has it."""
        origin = type(self).__dict__.get("_origin")
        which = (type(self), None) if origin is None else (origin, self.dialect)
        return _empty, which, self.__getstate__()


def exact(processor: Any, *, dialect: str = DEFAULT) -> Any:  # noqa: ANN401  a class or an instance of it
    """Give an image processor of transformers Pillow's pixels.

    Args:
        processor: An image processor of the torchvision backend, or its class. It is not changed.
        dialect: The Pillow whose result to give, as in `portresize.resize`.

    Returns:
        A copy of the processor, or a subclass of the class, with `PortresizeBackend` as backend. It is saved under the
        name of the original and loads as such.

    Raises:
        TypeError: `processor` is something else.
        ValueError: The dialect does not exist.

    >>> import torch
    >>> from portresize.transformers import exact
    >>> from transformers import CLIPImageProcessor
    >>> processor = exact(CLIPImageProcessor(size={"shortest_edge": 64}, crop_size=64))
    >>> processor(torch.zeros((3, 90, 120), dtype=torch.uint8), return_tensors="pt")["pixel_values"].shape
    torch.Size([1, 3, 64, 64])
    """
    request.dialect_of(dialect)
    found: Any = processor if isinstance(processor, type) else type(processor)
    if issubclass(found, TorchvisionBackend):
        cls = _class_of(found, dialect)
        if found is processor:
            return cls
        result = copy.deepcopy(processor)
        result.__class__ = cls
        return result
    msg = f"`processor` is a {found.__name__}, expected an image processor of the torchvision backend"
    if hasattr(processor, "image_processor"):
        msg += "; pass its `image_processor`"
    elif getattr(processor, "backend", None) == "pil":
        msg += "; this one calls Pillow itself"
    raise TypeError(msg)


@cache
def _class_of(processor: Any, dialect: str) -> Any:  # noqa: ANN401  a class
    """A subclass with the same name, under which transformers writes it into a configuration."""
    if origin := processor.__dict__.get("_origin"):
        return _class_of(origin, dialect)
    bases = (processor,) if issubclass(processor, PortresizeBackend) else (processor, PortresizeBackend)
    words = {
        "__doc__": processor.__doc__,
        "__module__": processor.__module__,
        "__qualname__": processor.__qualname__,
        "_origin": processor,
        "dialect": dialect,
    }
    return type(processor.__name__, bases, words)


def _empty(processor: Any, dialect: str | None) -> Any:  # noqa: ANN401  a class and an instance
    """An instance to which a pickle brings the attributes."""
    cls = processor if dialect is None else _class_of(processor, dialect)
    return cls.__new__(cls)
