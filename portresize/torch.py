"""For torch: a module with sizes and axes as torchvision has them, and a resize of bytes that lets gradients through.

Everything else is `portresize.resize` itself, which takes tensors, on their own device, in compiled programs too.

Programs of `torch.export` and packages of AOTInductor call an operator of portresize: a process that loads one has to
`import portresize.torch` before.

Source: torchvision 0.28.0, torchvision/transforms/v2/_geometry.py, Resize, for what `size` and `max_size` mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

from portresize import _dispatch
from portresize._api import not_scripted, resize
from portresize._core import ahead, edges, request, straight
from portresize._core.dialect import DEFAULT
from portresize._core.filters import Resampling
from portresize._core.spec import Spec

try:
    import torch
    import torch.fx
except ModuleNotFoundError as error:
    error.add_note("portresize.torch needs torch: https://pytorch.org/get-started, or pip install 'portresize[torch]'")
    raise

# It imports torch, and so comes after those who say what is missing.
from portresize._backends.torch import through

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portresize._typing import Filter

__all__ = ["Resize", "resize_straight_through"]


class Resize(torch.nn.Module):
    """Resize images, equal to `PIL.Image.Image.resize` in every pixel, where `torchvision.transforms.v2.Resize` stood.

    Two defaults are not torchvision's. The filter is bicubic, as everywhere in portresize; v2 has bilinear. And bytes
    with 4 bands are RGBA, with 2 LA, whose alpha is multiplied in, as Pillow has them; v2 resizes every band by itself,
    which is `mode="L"` here. For images together with their boxes and masks there is `portresize.torchvision.Resize`.

    Arguments are checked here, but for what depends on the image. A module has no parameters and no state but its
    arguments, so it can be pickled, copied, compiled with `torch.compile`, exported with `torch.export`, for images of
    any size, and traced with `torch.fx.symbolic_trace`. TorchScript does not take it.

    Args:
        size: The length of the short edge, an integer >= 1, of which torchvision derives the long one (cutting the
            fraction off); or `(height, width)`; or None for `max_size` alone.
        resample: As in `portresize.resize`; None is bicubic.
        max_size: The length that the long edge may not exceed; the short one becomes shorter instead. With None as
            `size`, the length of the long edge.
        box: As in `portresize.resize`, the same for every image; only where `size` is `(height, width)`.
        reducing_gap: As in `portresize.resize`.
        layout: As in `portresize.resize`. None: `H` and `W` are the last axes and `C` comes before them, after any
            number of batch axes; two axes are `"HW"`. An array whose last axis must be that of the bands, as in
            `(480, 640, 3)`, is a ValueError then.
        mode: As in `portresize.resize`.
        dialect: As in `portresize.resize`.

    Raises:
        TypeError: As in `portresize.resize`.
        ValueError: As in `portresize.resize`, or `size`, `max_size` and `box` contradict each other.

    >>> import torch, portresize.torch
    >>> preprocess = torch.nn.Sequential(  # of torchvision it was v2.Resize(224, InterpolationMode.BICUBIC)
    ...     portresize.torch.Resize(224, "bicubic"),
    ...     torch.nn.Flatten(0, 1),
    ... )
    >>> preprocess(torch.zeros((2, 3, 480, 640), dtype=torch.uint8)).shape
    torch.Size([6, 224, 298])
    >>> preprocess[0]
    Resize(224, resample='bicubic')
    """

    size: int | tuple[int, int] | None
    resample: str | None
    max_size: int | None
    box: tuple[float, ...] | None
    reducing_gap: float | None
    layout: str | None
    mode: str | None
    dialect: str

    def __init__(
        self,
        size: SupportsIndex | Iterable[SupportsIndex] | None,
        resample: Filter = None,
        *,
        max_size: SupportsIndex | None = None,
        box: Iterable[float] | None = None,
        reducing_gap: float | None = None,
        layout: str | None = None,
        mode: str | None = None,
        dialect: str = DEFAULT,
    ) -> None:
        super().__init__()
        words = ahead.checked(resample, layout, mode, dialect)
        self.size, self.max_size = edges.size_of(size, max_size)
        self.resample = words.resample
        self.box = request.box_of(box) or None
        self.reducing_gap = request.gap_of(reducing_gap) or None
        self.layout = words.layout
        self.mode = words.mode
        self.dialect = words.dialect
        if self.box is not None and not isinstance(self.size, tuple):
            msg = f"`box` is {self.box}, but `size` is {self.size}, an edge of a whole image; pass (height, width)"
            raise ValueError(msg)

    def forward(self, image: Any) -> Any:  # noqa: ANN401  a tensor, or an array of another library
        """Resize one image or a batch of them.

        Args:
            image: Tensor, `[..., C, H, W]` or `[H, W]` if the module has no `layout`; or an array of another library
                with such axes. Of the dtypes of `portresize.resize`. It is never written.

        Returns:
            A new tensor of the same dtype, device and layout.

        Raises:
            TypeError: As in `portresize.resize`.
            ValueError: As in `portresize.resize`, or the image has no aspect, or too long an aspect for `max_size`.

        >>> import torch
        >>> Resize(None, "box", max_size=2)(torch.tensor([[1, 3, 5, 7], [1, 3, 5, 7]], dtype=torch.uint8))
        tensor([[2, 6]], dtype=torch.uint8)
        """
        return resized(
            image,
            self.size,
            self.max_size,
            self.resample,
            box=self.box,
            reducing_gap=self.reducing_gap,
            layout=self.layout,
            mode=self.mode,
            dialect=self.dialect,
        )

    def __prepare_scriptable__(self) -> NoReturn:
        """Refuse TorchScript, which asks for this.

        Raises:
            TypeError: Always.
        """
        not_scripted()

    def extra_repr(self) -> str:
        """The arguments of the call that makes an equal module, but for defaults."""
        words = ("resample", "max_size", "box", "reducing_gap", "layout", "mode")
        given = [f"{word}={value!r}" for word in words if (value := getattr(self, word)) is not None]
        if self.dialect != DEFAULT:
            given.append(f"dialect={self.dialect!r}")
        return ", ".join([repr(self.size), *given])


def resize_straight_through(
    image: torch.Tensor,
    size: Iterable[SupportsIndex],
    resample: Filter = None,
    *,
    box: Iterable[float] | None = None,
    reducing_gap: float | None = None,
    layout: str | None = None,
    mode: str | None = None,
    dialect: str = DEFAULT,
) -> torch.Tensor:
    """Resize floats that hold 0 to 255 as Pillow resizes bytes, with a gradient that passes the rounding by.

    The result is that of `portresize.resize` on the image rounded to uint8 (halves to even, clipped to 0..255), so
    each value is one of Pillow's bytes. The derivative is that of the linear map without any rounding or clipping, what
    `portresize.resize` has for floats: a straight-through estimator.

    Args:
        image: Tensor, float32, float64, float16 or bfloat16, in levels from 0 to 255. It is never written.
        size: `(height, width)` of the result, as in `portresize.resize`.
        resample: As in `portresize.resize`.
        box: As in `portresize.resize`.
        reducing_gap: As in `portresize.resize`.
        layout: As in `portresize.resize`.
        mode: A mode of uint8, as in `portresize.resize`, but none with alpha: four bands need `mode="RGBX"` or another.
        dialect: As in `portresize.resize`.

    Returns:
        A new tensor of the dtype and layout of `image`, whole numbers from 0 to 255.

    Raises:
        TypeError: The image does not hold floats, or as in `portresize.resize`.
        ValueError: The mode multiplies alpha in, which is not linear, or only moves numbers that stand for something
            else; or as in `portresize.resize`.

    Source: Pillow 13.0.0, as `portresize.resize`; Bengio, Léonard, Courville 2013, arXiv:1308.3432, for the gradient.

    >>> import torch
    >>> image = torch.tensor([[0.0, 100.0, 200.0, 255.0]], requires_grad=True)
    >>> result = resize_straight_through(image, (1, 2), "box")
    >>> result.tolist()
    [[50.0, 228.0]]
    >>> result[0, 0].backward()
    >>> image.grad
    tensor([[0.5000, 0.5000, 0.0000, 0.0000]])
    """
    # By its class: a proxy is asked nothing.
    if not issubclass(type(image), torch.Tensor):
        _dispatch.opened(image)  # Says more of what is no array at all.
        msg = f"`image` is a {type(image).__name__}, expected a tensor of torch"
        raise TypeError(msg)
    dialect = request.dialect_name(dialect)
    request.dialect_of(dialect)
    # Before the image is looked at: methods of the caller's own classes may change it.
    words: dict[str, Any] = {
        "size": request.size_of(size),
        "resample": request.filter_of(resample, dialect, Resampling.BICUBIC),
        "box": request.box_of(box),
        "reducing_gap": request.gap_of(reducing_gap),
    }
    _, image = _dispatch.opened(image)
    shape, dtype = tuple(image.shape), str(image.dtype).rpartition(".")[2]
    layout, mode = straight.axes_of(shape, dtype, layout, mode, has_floats=image.is_floating_point())
    return through(image, Spec(layout, mode, dialect, **words))


def resized(
    image: Any,  # noqa: ANN401
    size: int | tuple[int, int] | None,
    max_size: int | None,
    resample: str | None,
    *,
    layout: str | None = None,
    mode: str | None = None,
    dialect: str = DEFAULT,
    **words: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """`image` in a size of `edges.size_of`; its last axes are bands, height and width, unless there is a `layout`."""
    # The shape of an object that is no array is not asked for, nor that which a subclass makes up.
    _, image = _dispatch.opened(image)
    shape = tuple(image.shape)
    if layout is None:
        layout = edges.channels_first(shape, has_floats="float" in str(image.dtype))
    layout = request.layout_of(shape, layout)
    wanted = edges.result((shape[layout.index("H")], shape[layout.index("W")]), size, max_size, torch.sym_max)
    return resize(image, wanted, resample, layout=layout, mode=mode, dialect=dialect, **words)


# A call in a function that torch.fx traces is one node; and TorchScript asks a function for what refuses it.
torch.fx.wrap("resized")
setattr(resize_straight_through, "__prepare_scriptable__", not_scripted)  # noqa: B010  as in _api
