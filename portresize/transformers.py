"""For transformers: the image processors of its torchvision backend, with Pillow's pixels.

A processor says which size an image is to have, and its `resize` passes down to that of the backend, which alone
touches pixels. What stands here is a backend with another such `resize`. A few processors call a function of torch or
torchvision beside it, which their source shows: where that is torchvision's `resize`, a copy of the method calls
another one, and what has no such counterpart is refused.

Source: transformers 5.23.0, src/transformers/image_processing_backends.py, TorchvisionBackend.resize.
"""

from __future__ import annotations

import copy
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from portresize import _dispatch
from portresize._adapters.reading import mentions
from portresize._adapters.rebinding import is_copy, rebound
from portresize._api import resize
from portresize._core import edges, foreign, request
from portresize._core.dialect import DEFAULT

try:
    import torch  # noqa: I001  transformers first: a torchvision for another torch raises something else
    from transformers.image_processing_backends import TorchvisionBackend
    from torchvision import transforms, tv_tensors
    from torchvision.transforms import v2
except ModuleNotFoundError as error:
    error.add_note("portresize.transformers needs transformers 5: pip install 'portresize[transformers]'")
    raise

# It imports torchvision, and so comes after those who say what is missing.
from portresize._backends._torch_steps import check_storage
from portresize.torchvision import filter_of, name_of

if TYPE_CHECKING:
    from transformers.image_utils import SizeDict

    from portresize._adapters.reading import Member

__all__ = ["PortresizeBackend", "exact"]


class PortresizeBackend(TorchvisionBackend):
    """The torchvision backend, but that `resize` is equal to `PIL.Image.Image.resize` in every pixel.

    Name it after the processor, so that the sizes remain the processor's:

        class Exact(CLIPImageProcessor, PortresizeBackend):
            dialect = "pillow-12.3"

    Bytes become what the Pil backend makes of them, with every filter of Pillow and on every device: Lanczos on a GPU
    is Lanczos, where the torchvision backend turns to bicubic. Other integers, and booleans, become bytes, as in the
    Pil backend, and have to be from 0 to 255. Floats are resized as floats; the Pil backend first makes bytes of them.
    Labels of any dtype can be resized to the nearest, and keep it.

    A processor that calls torchvision's `resize` beside the backend's gets copies of these methods that call another
    one. If it resizes in another way (`torch.nn.functional.interpolate`, a grid, `antialias=False`), no Pillow gives
    its result, and the class is refused.

    Attributes:
        dialect: The Pillow whose result to give, as in `portresize.resize`.

    Raises:
        TypeError: A subclass names this class before its processor, or its processor resizes in a way of its own, or
            the source of a method cannot be read.
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
        _complete(cls)

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
            A new tensor of the same device and dtype, but bytes where a filter computes with other integers.

        Raises:
            TypeError: As in `portresize.resize`.
            ValueError: As in transformers, or as in `portresize.resize`, or integers are not all from 0 to 255, and the
                filter is not nearest.
        """
        if not issubclass(type(image), torch.Tensor):
            msg = f"`image` is a {foreign.path_of(type(image))}, expected a tensor of torch"
            raise TypeError(msg)
        _dispatch.opened(image)
        if not antialias:
            return super().resize(image, size, resample, antialias=antialias, **words)
        # How large the result is to be, as transformers has it: a tensor without samples is resized in no time.
        outline = torch.empty(image.shape, device="meta")
        height, width = super().resize(outline, size, resample=0, **words).shape[-2:]
        return _pixels(image, (height, width), "bilinear" if resample is None else resample, self.dialect)

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
        TypeError: `processor` is something else, or resizes in a way that no Pillow does, or the source of a method
            cannot be read.
        ValueError: The dialect does not exist.

    >>> import torch
    >>> from portresize.transformers import exact
    >>> from transformers import CLIPImageProcessor
    >>> processor = exact(CLIPImageProcessor(size={"shortest_edge": 64}, crop_size=64))
    >>> processor(torch.zeros((3, 90, 120), dtype=torch.uint8), return_tensors="pt")["pixel_values"].shape
    torch.Size([1, 3, 64, 64])
    """
    request.dialect_of(dialect)
    # By its class: a proxy is asked nothing.
    found: Any = processor if issubclass(type(processor), type) else type(processor)
    if issubclass(found, TorchvisionBackend):
        cls = _class_of(found, dialect)
        if found is processor:
            return cls
        result = copy.deepcopy(processor)
        result.__class__ = cls
        return result
    msg = f"`processor` is a {foreign.name_of(found)}, expected an image processor of the torchvision backend"
    raise TypeError(msg + _hint(processor))


def _hint(processor: Any) -> str:  # noqa: ANN401  anything
    """Return advice for what is no such processor, or nothing."""
    try:
        if hasattr(processor, "image_processor"):
            return "; pass its `image_processor`"
        return "; this one calls Pillow itself" if getattr(processor, "backend", None) == "pil" else ""
    except Exception:  # noqa: BLE001  whatever a class raises
        return ""


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


def _pixels(image: torch.Tensor, size: tuple[int, int], resample: object, dialect: str) -> torch.Tensor:
    """Resize `image`, whose last axes are bands, height and width, as the Pil backend does; floats as floats."""
    name = filter_of(name_of(resample, dialect))
    layout = request.layout_of(tuple(image.shape), edges.layout_of(image.ndim))
    samples = image
    if name != "nearest" and not (image.dtype == torch.uint8 or image.is_floating_point() or image.is_complex()):
        # The Pil backend makes bytes of all integers, and looks at their values as well.
        samples = _bytes(image)
    return resize(samples, size, name, layout=layout, dialect=dialect)


def _bytes(image: torch.Tensor) -> torch.Tensor:
    """Return integers as bytes.

    Raises:
        TypeError: Torch cannot cast them, or they are not there.
        ValueError: They are not all from 0 to 255, or were given back.
    """
    found = str(image.dtype).rpartition(".")[2]
    try:
        check_storage(image)
        samples = image.to(torch.int64)
        low, high = (0, 255) if image.is_meta or not image.numel() else map(int, samples.aminmax())
        result = samples.to(torch.uint8)
    except (TypeError, ValueError, MemoryError, torch.OutOfMemoryError):
        raise
    # A fake tensor, a dtype that torch does not cast, or a class whose own code raises.
    except Exception as error:
        name = foreign.path_of(type(image))
        msg = f"no backend for a {name} of {found}, whose samples torch cannot read; cast it to uint8"
        raise TypeError(msg) from error
    if low < 0 or high > 255:
        msg = (
            f"the image has dtype {found} and samples from {low} to {high}, expected bytes, 0 to 255, in "
            "whatever dtype; scale them to uint8, or pass floats"
        )
        raise ValueError(msg)
    return result


def _resize(
    image: Any,  # noqa: ANN401  what torchvision takes
    size: Any,  # noqa: ANN401
    interpolation: object = "bilinear",
    max_size: int | None = None,
    antialias: bool | None = True,  # noqa: FBT001, FBT002  as in torchvision
    *,
    dialect: str,
) -> Any:  # noqa: ANN401
    """Resize a tensor as torchvision's function of this name does, but with Pillow's pixels."""
    if not isinstance(image, torch.Tensor) or isinstance(image, tv_tensors.TVTensor) or not antialias:
        return v2.functional.resize(image, size, interpolation, max_size, antialias)
    wanted = edges.result((image.shape[-2], image.shape[-1]), *edges.size_of(size, max_size))
    return _pixels(image, wanted, interpolation, dialect)


# Public functions and classes of torch and torchvision that interpolate, by their `id`.
_NAMES = re.compile("(?i)affine|elastic|grid_sample|interpolate$|perspective|resize|rotate|rotation|upsample")
_OTHERS: dict[int, str] = {
    id(value): f"{module.__name__}.{name}"
    for module in (torch.nn, torch.nn.functional, transforms, transforms.functional, v2, v2.functional)
    for name, value in vars(module).items()
    if name[0] != "_" and callable(value) and _NAMES.search(name)
}
# Those that have a counterpart here.
_TORCHVISIONS = {id(v2.functional.resize), id(transforms.functional.resize)}
_BACKENDS = id(TorchvisionBackend.resize)


def _complete(cls: type[PortresizeBackend]) -> None:
    """Give `cls` copies of methods that call torchvision's `resize` by themselves.

    Raises:
        TypeError: A function that the processor reaches interpolates otherwise, or its source cannot be read.
    """
    ours = partial(_resize, dialect=cls.dialect)
    copied: dict[Member, dict[tuple[str, ...], object]] = {}
    for member, mention, value in mentions(cls, ("__call__", "preprocess"), known={_BACKENDS}):
        if mention.path[-1] == "resize" and ("antialias", False) in mention.words:
            raise TypeError(_refusal(cls, member, "resizes with antialias=False"))
        if id(value) in _TORCHVISIONS and mention.root == "global" and _can_be_copied(cls, member):
            copied.setdefault(member, {})[mention.path] = ours
        elif id(value) == _BACKENDS and mention.root == "global" and _can_be_copied(cls, member):
            copied.setdefault(member, {})[mention.path] = PortresizeBackend.resize
        elif id(value) in _OTHERS or id(value) == _BACKENDS:
            raise TypeError(_refusal(cls, member, f"calls {_OTHERS.get(id(value), 'TorchvisionBackend.resize')}"))
    for member, instead in copied.items():
        copy_ = rebound(member.function, instead)
        is_static = isinstance(vars(member.owner)[member.name], staticmethod)
        setattr(cls, member.name, staticmethod(copy_) if is_static else copy_)


def _can_be_copied(cls: type, member: Member) -> bool:
    """Return whether a method can be replaced in `cls`: none of a subclass calls it, and it has no decorator."""
    first = next((base for base in cls.__mro__ if member.name in vars(base)), None)
    if member.owner is None or first is not member.owner:
        return False
    value = vars(first)[member.name]
    value = value.__func__ if isinstance(value, staticmethod) else value
    return value is member.function or is_copy(value)


def _refusal(cls: type, member: Member, does: str) -> str:
    return (
        f"{cls.__name__} cannot have Pillow's pixels: its {member.label} {does}, which is no resize of Pillow; "
        "override it in a subclass, or use the processor as it is"
    )


def _empty(processor: Any, dialect: str | None) -> Any:  # noqa: ANN401  a class and an instance
    """An instance to which a pickle brings the attributes."""
    cls = processor if dialect is None else _class_of(processor, dialect)
    return cls.__new__(cls)
