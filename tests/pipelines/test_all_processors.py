"""Every image and video processor of the installed transformers: exact in all that it resizes, or refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from portresize._core.report import assert_same
from tests.oracle import DIALECT
from tests.torchvision_ops import missing

if reason := missing():
    pytest.skip(reason, allow_module_level=True)

import torch

pytest.importorskip("transformers", reason="transformers is not installed: pip install 'portresize[transformers]'")
import transformers
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.transforms import v2
from transformers import CLIPImageProcessor
from transformers.image_processing_backends import TorchvisionBackend
from transformers.image_utils import SizeDict

from portresize import transformers as adapter
from portresize.torchvision import filter_of, name_of
from portresize.transformers import PortresizeBackend, exact

IMAGE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
CLIP = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (8, 3, 90, 120), np.uint8))


def processors() -> dict[str, type]:
    """Every processor of the torchvision backend, once."""
    names = [name for name in dir(transformers) if name.endswith(("ImageProcessor", "VideoProcessor"))]
    found: dict[type, str] = {}
    for name in names:
        value = getattr(transformers, name)
        if isinstance(value, type) and issubclass(value, TorchvisionBackend) and value is not TorchvisionBackend:
            found.setdefault(value, name)
    return {name: value for value, name in found.items()}


PROCESSORS = processors()
# Processors of transformers 5.23 that interpolate by a rule that no Pillow has.
REFUSED = {
    "DepthProImageProcessor",
    "Kosmos2_5ImageProcessor",
    "Molmo2ImageProcessor",
    "Molmo2VideoProcessor",
    "NemotronH_Omni_Reasoning_V3VideoProcessor",
    "Owlv2ImageProcessor",
    "PPDocLayoutV2ImageProcessor",
    "PPDocLayoutV3ImageProcessor",
    "PPDocLayoutV4ImageProcessor",
    "PPOCRV6SmallRecImageProcessor",
    "Phi4MultimodalImageProcessor",
    "RfDetrImageProcessor",
    "Sapiens2ImageProcessor",
    "UVDocImageProcessor",
    "ZoeDepthImageProcessor",
}
# What a processor needs beside an image.
PAIR = {"EfficientLoFTRImageProcessor", "LightGlueImageProcessor", "SuperGlueImageProcessor"}
ARGUMENTS: dict[str, dict[str, Any]] = {
    # Its own size takes seconds.
    "DonutImageProcessor": {"size": {"height": 256, "width": 192}},
    "EfficientNetImageProcessor": {"do_normalize": True, "do_rescale": True},
    "Ernie4_5_VLMoeVideoProcessor": {"draw_on_frames": False},
    "ImageGPTImageProcessor": {"do_normalize": True},
    "LayoutLMv2ImageProcessor": {"apply_ocr": False},
    "LayoutLMv3ImageProcessor": {"apply_ocr": False},
    "VitMatteImageProcessor": {"trimaps": IMAGE[..., 0]},
    "VitPoseImageProcessor": {"boxes": [[[2, 3, 40, 50]]]},
}
MADE_WITH = {"ImageGPTImageProcessor": {"clusters": np.random.default_rng(0).uniform(-1, 1, (16, 3))}}
# The backends normalise differently in the last bits, so that what comes out tells nothing: each resize is compared.
NORMALISED = PAIR | {"EfficientNetImageProcessor", "Pix2StructImageProcessor", "SuperPointImageProcessor"}


class NoInterpolation(TorchDispatchMode):
    """Operators of torch that interpolate are errors; on tensors without samples they only tell a size."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        assert (args[:1] and getattr(args[0], "is_meta", False)) or not re.search("upsampl|grid_sampl", name), name
        return func(*args, **(kwargs or {}))


def called(processor: Any, name: str, image: Any, **words: Any) -> Any:
    if "Video" in name and not name.endswith("ImageProcessor"):
        return processor([CLIP], do_sample_frames=False, **(words | ARGUMENTS.get(name, {})))
    return processor([image, image] if name in PAIR else image, **(words | ARGUMENTS.get(name, {})))


def numbers(result: Any) -> dict[str, np.ndarray]:
    """All numbers of a result, in a row for each key; text is left out."""

    def flat(value: Any) -> list[np.ndarray]:
        if isinstance(value, list | tuple):
            return [part for member in value for part in flat(member)]
        return [] if isinstance(value, str) else [np.ravel(value).astype(np.float64)]

    pairs = result.items() if hasattr(result, "items") else [("list", result)]
    return {key: np.concatenate([np.zeros(0), *flat(value)]) for key, value in pairs}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PROCESSORS)
def test_a_processor_is_exact_or_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cls: Any = PROCESSORS[name]
    if name in REFUSED:
        with pytest.raises(TypeError, match=f"^{name} cannot have Pillow's pixels: its .* (calls|resizes with) "):
            exact(cls)
        return
    processor = exact(cls, dialect=DIALECT)(**MADE_WITH.get(name, {}))
    words = {"do_rescale": False, "do_normalize": False} if name not in PAIR else {}
    twin: Any = getattr(transformers, f"{name}Pil", None)
    resizes = recorded(monkeypatch)
    with NoInterpolation():
        result = called(processor, name, IMAGE, **(words if twin else {}))
    if name in NORMALISED:
        assert resizes
        for image, size, resample, made in resizes:
            assert_same(made, by_pillow(image, size, resample))
    elif twin:
        expected = numbers(called(twin(**MADE_WITH.get(name, {})), name, IMAGE, **words))
        for key, actual in numbers(result).items():
            assert_same(actual, expected[key])


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, tuple[int, int], int, np.ndarray]]:
    """Return a list that is going to hold the image, size, filter and result of every resize."""
    found: list[tuple[np.ndarray, tuple[int, int], int, np.ndarray]] = []
    pixels = adapter._pixels

    def spied(image: torch.Tensor, size: tuple[int, int], resample: Any, dialect: str) -> torch.Tensor:
        result = pixels(image, size, resample, dialect)
        number = Image.Resampling[filter_of(name_of(resample, dialect)).upper()]
        found.append((image.numpy(), size, number, result.numpy()))
        return result

    monkeypatch.setattr(adapter, "_pixels", spied)
    return found


def by_pillow(image: np.ndarray, size: tuple[int, int], resample: int) -> np.ndarray:
    """Resize band by band."""
    bands = image.reshape(-1, *image.shape[-2:])
    made = [np.asarray(Image.fromarray(band).resize(size[::-1], resample)) for band in bands]
    return np.stack(made).reshape(*image.shape[:-2], *size)


def test_the_guard_of_these_tests_can_fail() -> None:
    with pytest.raises(AssertionError, match="upsample"), NoInterpolation():
        CLIPImageProcessor()(IMAGE)


# Dtypes that the Pil backend makes bytes of.

BANDS_LAST = np.random.default_rng(1).integers(0, 256, (40, 57, 3), np.uint8)
BYTES = {"do_rescale": False, "do_normalize": False}
DTYPES = [np.int64, np.int32, np.int16, np.int8, np.uint16, np.uint32, np.uint64, np.bool_]


@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_of_any_integer_are_what_the_pil_backend_makes_of_them(dtype: type) -> None:
    samples = BANDS_LAST % 128 if dtype == np.int8 else BANDS_LAST > 99 if dtype == np.bool_ else BANDS_LAST
    image: np.ndarray = samples.astype(dtype)
    words = {"size": {"shortest_edge": 30}, "crop_size": 30, **BYTES}
    result = exact(CLIPImageProcessor, dialect=DIALECT)(**words)(image)["pixel_values"][0]
    expected = transformers.CLIPImageProcessorPil(**words)(image)["pixel_values"][0]
    assert result.dtype == torch.uint8
    assert_same(result.numpy(), expected)


@pytest.mark.parametrize(
    ("name", "image"),
    [("DPT", Image.fromarray(BANDS_LAST[..., 0] > 99)), ("Janus", BANDS_LAST > 99)],
    ids=["DPT", "Janus"],
)
def test_booleans_are_what_the_pil_backend_makes_of_them(name: str, image: Any) -> None:
    torchs, pils = (getattr(transformers, f"{name}ImageProcessor{end}") for end in ("", "Pil"))
    result, expected = exact(torchs, dialect=DIALECT)(**BYTES)(image), pils(**BYTES)(image)
    assert_same(numbers(result)["pixel_values"], numbers(expected)["pixel_values"])


@pytest.mark.parametrize("bad", [-1, 256])
def test_integers_that_are_no_bytes_are_refused_as_by_the_pil_backend(bad: int) -> None:
    image = BANDS_LAST.astype(np.int32)
    image[3, 3, 0] = bad
    with pytest.raises(ValueError, match="outside the range"):
        transformers.CLIPImageProcessorPil()(image)
    with pytest.raises(ValueError, match=r"^the image has dtype int32") as caught:
        exact(CLIPImageProcessor)()(image)
    low, high = image.min(), image.max()
    assert str(caught.value) == (
        f"the image has dtype int32 and samples from {low} to {high}, expected bytes, 0 to 255, in whatever dtype; "
        "scale them to uint8, or pass floats"
    )


def test_frames_of_other_integers_are_those_of_bytes() -> None:
    processor = exact(transformers.LlavaOnevisionVideoProcessor)(size={"height": 20, "width": 30}, **BYTES)
    expected = processor([CLIP], do_sample_frames=False)["pixel_values_videos"][0]
    result = processor([CLIP.to(torch.int64)], do_sample_frames=False)["pixel_values_videos"][0]
    assert torch.equal(result, expected)


# Methods that call torchvision's `resize` themselves, or the backend's by its name.


def test_a_call_of_the_backend_by_its_name_is_covered() -> None:
    limits = {"factor": 4, "temporal_factor": 2, "min_image_tokens": 1, "max_image_tokens": 300}
    processor = exact(transformers.Glm5NextVideoProcessor, dialect=DIALECT)()
    with NoInterpolation():
        result = processor.resize(CLIP[None], resample=3, **limits)[0]
    # What remains on the right and below is 0.
    height, width = (int(result.amax((0, 1, axis)).nonzero().max()) + 1 for axis in (3, 2))
    assert (height, width) < (90, 120)
    for actual, frame in zip(result, CLIP, strict=True):
        assert_same(actual[:, :height, :width].numpy(), pillows(frame, (height, width), 3))


def pillows(image: torch.Tensor, size: tuple[int, int], resample: int = 2) -> np.ndarray:
    picture = Image.fromarray(image.permute(1, 2, 0).numpy())
    return np.asarray(picture.resize(size[::-1], resample)).transpose(2, 0, 1)


class Halves(CLIPImageProcessor):
    """A processor with a resize of its own."""

    def halved(self, image: torch.Tensor, resample: Any = 3) -> torch.Tensor:
        return v2.functional.resize(image, [image.shape[-2] // 2, image.shape[-1] // 2], interpolation=resample)

    @staticmethod
    def short(image: torch.Tensor) -> torch.Tensor:
        return v2.functional.resize(image, 30)

    def preprocess(self, images: Any, **words: Any) -> Any:
        return self.halved(images), self.short(images), super().preprocess(images, **words)


def test_such_a_method_has_pillows_pixels_in_a_copy_alone() -> None:
    image = CLIP[0]
    before = Halves().halved(image)
    for processor in (exact(Halves, dialect=DIALECT)(), exact(exact(Halves(), dialect="pillow-12.3"), dialect=DIALECT)):
        assert_same(processor.halved(image).numpy(), pillows(image, (45, 60), 3))
        assert_same(processor.short(image).numpy(), pillows(image, (30, 40)))
        assert_same(processor.halved(image, resample=4).numpy(), pillows(image, (45, 60), 4))
    assert torch.equal(Halves().halved(image), before)
    assert not np.array_equal(before.numpy(), pillows(image, (45, 60), 3))


def test_a_dialect_reaches_such_a_method() -> None:
    image = torch.from_numpy(np.random.default_rng(2).integers(0, 256, (3, 90, 40), np.uint8))
    found = [exact(Halves, dialect=dialect)().halved(image, 1) for dialect in ("pillow-12.3", "pillow-13")]

    class Further(exact(Halves, dialect="pillow-12.3")):  # type: ignore[misc]  # a class
        dialect = "pillow-13"

    assert not torch.equal(*found)
    assert torch.equal(Further().halved(image, 1), found[1])


def test_pictures_and_masks_are_torchvisions_there() -> None:
    from torchvision import tv_tensors

    processor = exact(Halves)()
    picture = Image.fromarray(IMAGE)
    assert processor.short(picture).size == (40, 30)
    mask = tv_tensors.Mask(CLIP[0])
    assert torch.equal(processor.short(mask), Halves().short(mask))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_such_a_method_can_be_compiled() -> None:
    torch.compiler.reset()
    processor = exact(Halves)()
    compiled = torch.compile(processor.halved, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(CLIP[0]), processor.halved(CLIP[0]))


def _shrunk(image: torch.Tensor) -> torch.Tensor:
    return v2.functional.resize(image, 8)


class InAFunction(CLIPImageProcessor):
    def preprocess(self, images: Any, **_: Any) -> Any:
        return _shrunk(images)


class Local(CLIPImageProcessor):
    def preprocess(self, images: Any, **_: Any) -> Any:
        from torchvision.transforms.v2.functional import resize as shrunk

        return shrunk(images, 8)


class Hidden(Halves):
    def halved(self, image: torch.Tensor, resample: Any = 3) -> torch.Tensor:
        return super().halved(image, resample) + 1


class Skips(CLIPImageProcessor):
    def preprocess(self, images: Any, **_: Any) -> Any:
        return self.resize(images, SizeDict(height=8, width=8), antialias=False)


class Mended(Skips):
    def preprocess(self, images: Any, **_: Any) -> Any:
        return self.resize(images, SizeDict(height=8, width=8))


NOT_EXACT: dict[type, str] = {
    InAFunction: "_shrunk calls torchvision.transforms.v2.functional.resize",
    Local: "Local.preprocess calls torchvision.transforms.v2.functional.resize",
    Hidden: "Halves.halved calls torchvision.transforms.v2.functional.resize",
    Skips: "Skips.preprocess resizes with antialias=False",
}


@pytest.mark.parametrize("cls", NOT_EXACT)
def test_a_resize_that_stays_as_it_is_is_refused(cls: type) -> None:
    expected = (
        f"{cls.__name__} cannot have Pillow's pixels: its {NOT_EXACT[cls]}, which is no resize of Pillow; override it "
        "in a subclass, or use the processor as it is"
    )
    with pytest.raises(TypeError) as caught:
        exact(cls)
    assert str(caught.value) == expected
    with pytest.raises(TypeError) as caught:
        type(cls.__name__, (cls, PortresizeBackend), {})
    assert str(caught.value) == expected


def test_an_override_mends_it() -> None:
    assert_same(exact(Mended, dialect=DIALECT)()(CLIP[0]).numpy(), pillows(CLIP[0], (8, 8)))


def test_a_method_without_a_source_is_refused() -> None:
    names: dict[str, Any] = {}
    exec("def preprocess(self, images): return images", names)  # noqa: S102  its own text
    with pytest.raises(TypeError, match=r"^the source of preprocess cannot be read"):
        exact(type("Bare", (CLIPImageProcessor,), {"preprocess": names["preprocess"]}))
