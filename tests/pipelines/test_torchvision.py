"""`portresize.torchvision.Resize` stands where v2's stood: Pillow's pixels, and all else as v2 has it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from portresize._core.report import assert_same
from tests.oracle import DIALECT, RULES, picture
from tests.pipelines.process import ROOT
from tests.torchvision_ops import missing

if reason := missing():
    pytest.skip(reason, allow_module_level=True)

import torch
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from portresize.torchvision import Resize

# torch's own, on first use of its compiler.
quiet = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def noise(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(sum(shape)).integers(0, 256, shape, np.uint8))


def pillows(image: torch.Tensor, size: tuple[int, int], resample: int) -> np.ndarray:
    """`[C, H, W]` resized by the installed Pillow."""
    resized = Image.fromarray(image.permute(1, 2, 0).numpy()).resize(size[::-1], resample)
    return np.asarray(resized).transpose(2, 0, 1)


def sample(height: int = 40, width: int = 57) -> dict[str, Any]:
    size = (height, width)
    return {
        "image": tv_tensors.Image(noise(3, *size)),
        "frames": [tv_tensors.Video(noise(2, 3, *size)), ("text", None)],
        "mask": tv_tensors.Mask(noise(*size).to(torch.int64)),
        "masks": tv_tensors.Mask(noise(5, *size) > 99),
        "boxes": tv_tensors.BoundingBoxes([[1, 2, 30, 20], [3, 3, 9, 9]], format="XYWH", canvas_size=size),
        "turned": tv_tensors.BoundingBoxes([[9.0, 9.0, 5.0, 4.0, 30.0]], format="CXCYWHR", canvas_size=size),
        "points": tv_tensors.KeyPoints([[1.5, 2.0], [30.0, 39.0]], canvas_size=size),
        "features": torch.ones(3, 4, 5),
        "label": 7,
    }


# torchvision's names, and what Pillow calls these filters.
NUMBERS = {
    InterpolationMode.NEAREST: 0,
    InterpolationMode.NEAREST_EXACT: 0,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
    InterpolationMode.LANCZOS: 1,
}
FILTERS: list[tuple[Any, int]] = [*NUMBERS.items(), *((mode.value, number) for mode, number in NUMBERS.items())]
FILTERS += [(int(member), int(member)) for member in sorted(RULES.filters)]
FILTERS += [(Image.Resampling(member), int(member)) for member in sorted(RULES.filters)]
FILTERS += [("mks2013", 6), ("mks2021", 7), ("LANCZOS", 1)] if 6 in RULES.filters else []


@pytest.mark.parametrize(("interpolation", "number"), FILTERS, ids=repr)
def test_every_filter_is_pillows(interpolation: Any, number: int) -> None:
    image = noise(3, 40, 57)
    result = Resize(20, interpolation, dialect=DIALECT)(image)
    assert type(result) is torch.Tensor
    assert_same(result.numpy(), pillows(image, (20, 28), number))


def test_it_is_bilinear_like_v2s() -> None:
    assert_same(Resize([9, 30], dialect=DIALECT)(noise(3, 40, 57)).numpy(), pillows(noise(3, 40, 57), (9, 30), 2))


@pytest.mark.parametrize("interpolation", ["bilinear", "lanczos", "nearest", "nearest-exact", "mks2021"])
def test_a_sample_is_resized_as_a_whole(interpolation: str) -> None:
    before, given = sample(), sample()
    result = v2.Compose([Resize(20, interpolation)])(given)
    # Nothing of what came in has changed.
    assert all(torch.equal(given[name], before[name]) for name in before if isinstance(before[name], torch.Tensor))
    theirs = v2.Resize(20, "bilinear" if interpolation == "mks2021" else interpolation)(before)
    assert result.keys() == theirs.keys()
    for name in ("mask", "masks", "boxes", "turned", "points"):
        assert type(result[name]) is type(theirs[name])
        assert torch.equal(result[name], theirs[name]), name
        assert getattr(result[name], "canvas_size", None) == getattr(theirs[name], "canvas_size", None)
    assert result["boxes"].canvas_size == (20, 28)
    assert result["features"] is given["features"]
    assert result["label"] == 7
    assert result["frames"][1] == ("text", None)
    assert type(result["image"]) is tv_tensors.Image
    assert type(result["frames"][0]) is tv_tensors.Video
    frames = [*before["frames"][0], before["image"]]
    if interpolation.partition("-")[0] in {member.name.lower() for member in RULES.filters}:
        number = {"nearest": 0, "nearest-exact": 0, "bilinear": 2, "lanczos": 1, "mks2021": 7}[interpolation]
        for actual, frame in zip([*result["frames"][0], result["image"]], frames, strict=True):
            assert_same(actual.numpy(), pillows(frame, (20, 28), number))


def test_several_inputs_are_resized_together() -> None:
    image, boxes = Resize(20)(tv_tensors.Image(noise(3, 40, 57)), sample()["boxes"])
    assert image.shape[-2:] == boxes.canvas_size == (20, 28)


def test_a_class_of_ones_own_goes_through_its_own_kernel() -> None:
    class Depth(tv_tensors.TVTensor):
        pass

    @v2.functional.register_kernel(v2.functional.resize, Depth)
    def _resize(depth: Any, *words: Any, **more: Any) -> Any:
        return type(depth), words, more

    words = {"interpolation": "lanczos", "max_size": 300, "antialias": True}
    assert Resize(20, "lanczos", 300)(torch.zeros(1, 2, 3).as_subclass(Depth)) == (Depth, ([20],), words)


SIZES: list[tuple[Any, int | None]] = [(20, None), ([20], 25), ((7, 90), None), (None, 33), (20, 1000)]


@pytest.mark.parametrize(("size", "max_size"), SIZES, ids=str)
def test_sizes_are_v2s(size: Any, max_size: int | None) -> None:
    for height, width in ((40, 57), (57, 40), (40, 40), (21, 64), (333, 500), (61, 30)):
        image = torch.empty((1, height, width), dtype=torch.uint8)
        assert Resize(size, "box", max_size)(image).shape == v2.Resize(size, "bilinear", max_size)(image).shape


class Members(Sequence[Any]):
    """A sequence that is neither a list nor a tuple, as those of OmegaConf are."""

    def __init__(self, *members: Any) -> None:
        self._members = members

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, place: Any) -> Any:
        return self._members[place]


@pytest.mark.parametrize("members", [(20,), (7, 90)], ids=str)
def test_any_sequence_is_a_size_as_in_v2(members: tuple[int, ...]) -> None:
    image = torch.empty((1, 40, 57), dtype=torch.uint8)
    assert Resize(Members(*members), "box")(image).shape == v2.Resize(Members(*members))(image).shape


@pytest.mark.parametrize("size", [object, 2.5, {20}, {20: 1}, (), (1, 2, 3), (2.5,), "20"], ids=str)
def test_a_size_is_refused_with_v2s_class_of_error(size: Any) -> None:
    size = size() if size is object else size
    with pytest.raises((TypeError, ValueError)) as theirs:
        v2.Resize(size)(torch.zeros(1, 2, 3))
    with pytest.raises((TypeError, ValueError), match=r"^`size` is ") as caught:
        Resize(size)
    assert type(caught.value) is type(theirs.value)


class _Raising(type):
    """A metaclass of classes that no abstract class can be asked about."""

    def __hash__(cls) -> int:
        raise OSError


def test_a_size_of_a_class_that_raises_is_a_value_error() -> None:
    size = _Raising("Strange", (), {})()
    with pytest.raises(ValueError, match=r"^`size` is "):
        Resize(size)


MODES = [
    "1",
    "L",
    "LA",
    "La",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBa",
    "RGBX",
    "CMYK",
    "YCbCr",
    "HSV",
    "LAB",
    "I",
    "I;16",
    "F",
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_pil_image_is_what_its_own_resize_makes_of_it(mode: str, number: int) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (40, 57, 4), np.uint8)
    if mode in {"1", "I", "I;16", "F"}:
        image = picture(
            samples[..., 0].astype({"1": bool, "I": np.int32, "I;16": np.uint16, "F": np.float32}[mode]), mode
        )
    else:
        image = picture(samples[..., : len(Image.new(mode, (1, 1)).getbands())], mode)
    if mode in {"P", "PA"}:
        image.putpalette(bytes(range(256)) * 3)
    image.info["note"] = "kept"
    result, expected = Resize(20, number, dialect=DIALECT)(image), image.resize((28, 20), number)
    assert (result.mode, result.size, result.info) == (expected.mode, expected.size, {"note": "kept"})
    # Pillow itself loses the palette of a filtered PA; it is kept here.
    assert result.getpalette() == (image if mode == "PA" else expected).getpalette()
    assert_same(np.asarray(result), np.asarray(expected))
    result.paste(1, (0, 0, 3, 3))  # It can be written.


@pytest.mark.parametrize("mode", ["I;16L", "I;16B", "I;16N"])
@pytest.mark.parametrize("number", sorted(RULES.filters))
@pytest.mark.parametrize("size", [(20, 28), (40, 57)], ids=str)
def test_16_bits_in_any_order_are_what_pillow_makes_of_them(mode: str, number: int, size: tuple[int, int]) -> None:
    samples = np.random.default_rng(3).integers(0, 2**16, (40, 57), np.uint16)
    image = Image.frombytes(mode, (57, 40), samples.tobytes())
    result, expected = Resize(size, number, dialect=DIALECT)(image), image.resize(size[::-1], number)
    assert (result.mode, result.size) == (mode, expected.size)
    assert result.tobytes() == expected.tobytes()
    assert_same(np.asarray(result), np.asarray(expected))


def test_a_pil_image_speaks_the_dialect_whichever_pillow_is_installed() -> None:
    image = noise(3, 90, 40)
    as_picture = Image.fromarray(image.permute(1, 2, 0).numpy())
    found = []
    for dialect in ("pillow-12.3", "pillow-13"):
        resize = Resize((7, 29), "lanczos", dialect=dialect)
        found.append(resize(image).numpy())
        assert_same(np.asarray(resize(as_picture)).transpose(2, 0, 1), found[-1])
    assert not np.array_equal(*found)


def test_a_pil_image_makes_plain_tensors_features() -> None:
    tensor = torch.ones(3, 40, 57)
    image, other = Resize(20)(Image.new("L", (57, 40)), tensor)
    assert image.size == (28, 20)
    assert other is tensor


def test_an_image_of_that_size_already_has_equal_pixels() -> None:
    given = {"image": tv_tensors.Image(noise(4, 20, 28)), "boxes": sample(20, 28)["boxes"]}
    result = Resize(20)(given)
    assert torch.equal(result["image"], given["image"])
    assert torch.equal(result["boxes"], given["boxes"])


def test_bands_of_mode_l_are_independent() -> None:
    image = noise(4, 40, 57)
    result = Resize(20, mode="L", dialect=DIALECT)(image)
    for actual, band in zip(result, image, strict=True):
        assert_same(actual.numpy(), np.asarray(Image.fromarray(band.numpy()).resize((28, 20), 2)))
    assert not torch.equal(result, Resize(20, dialect=DIALECT)(image))


def test_a_reducing_gap_arrives() -> None:
    image = noise(3, 90, 140)
    expected = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((30, 20), 2, reducing_gap=1.5)
    result = Resize((20, 30), reducing_gap=1.5, dialect=DIALECT)(image)
    assert_same(result.permute(1, 2, 0).numpy(), np.asarray(expected))


def unpickled(transform: Any) -> Any:
    return pickle.loads(pickle.dumps(transform))  # noqa: S301  its own pickle


@pytest.mark.parametrize("again", [copy.deepcopy, unpickled])
def test_a_copy_of_a_pipeline_does_the_same(again: Any) -> None:
    pipeline = v2.Compose([Resize(20, "hamming", 50), v2.CenterCrop(16), v2.ToDtype(torch.float32, scale=True)])
    result = again(pipeline)
    assert repr(result) == repr(pipeline)
    assert torch.equal(result(noise(3, 40, 57)), pipeline(noise(3, 40, 57)))


def test_it_shows_the_call_that_makes_it() -> None:
    for text in (
        "Resize(224, interpolation='bilinear')",
        "Resize((7, 9), interpolation='nearest-exact', antialias=False)",
        "Resize(None, interpolation='mks2013', max_size=300, reducing_gap=2.0, mode='RGBX')",
        "Resize(5, interpolation='box', dialect='pillow-12.1')",
    ):
        assert repr(eval(text)) == text  # noqa: S307  its own text


@quiet
def test_a_compiled_pipeline_takes_tensors_of_any_size() -> None:
    torch.compiler.reset()
    pipeline = v2.Compose([Resize((20, 30), "lanczos"), v2.ToDtype(torch.float32)])
    compiled = torch.compile(pipeline, fullgraph=True, backend="aot_eager", dynamic=True)
    for height, width in ((40, 57), (50, 44)):
        image = noise(2, 3, height, width)
        assert_same(compiled(image).numpy(), pipeline(image).numpy())


@quiet
def test_a_compiled_transform_takes_tensors_of_torchvision() -> None:
    torch.compiler.reset()
    given = {name: sample()[name] for name in ("image", "boxes", "mask")}
    resize = Resize(20)
    result, expected = torch.compile(resize, backend="aot_eager")(given), resize(given)
    assert all(torch.equal(result[name], expected[name]) for name in given)


def test_a_proxy_is_refused_where_v2_hands_it_on() -> None:
    with pytest.raises(
        TypeError, match=r"^no backend for a Proxy of torch\.fx; call portresize in a function with @torch"
    ):
        torch.fx.symbolic_trace(torch.nn.Sequential(Resize(20)))


def test_torchscript_is_refused() -> None:
    with pytest.raises(RuntimeError, match="Transform Resize cannot be JIT scripted"):
        Resize(20).__prepare_scriptable__()


OF_ITS_OWN: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "unknown": (
        {"interpolation": "cubic"},
        ValueError,
        "`interpolation` is 'cubic', expected one of the filters of dialect \"pillow-13\": "
        '"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming", "mks2013", "mks2021"',
    ),
    "pair": (
        {"interpolation": (1, 2), "dialect": "pillow-12.3"},
        TypeError,
        "`interpolation` is (1, 2), expected a filter's name "
        '("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming") or Pillow\'s number for it',
    ),
    "none": (
        {"interpolation": None},
        TypeError,
        "`interpolation` is None, expected a filter's name or Pillow's number for it",
    ),
    "no filter": (
        {"antialias": False},
        ValueError,
        '`antialias` is False, expected True: of Pillow\'s filters only "nearest" skips samples',
    ),
    "perhaps a filter": (
        {"antialias": None, "interpolation": InterpolationMode.BICUBIC},
        ValueError,
        '`antialias` is None, expected True: of Pillow\'s filters only "nearest" skips samples',
    ),
    "size": (
        {"size": 0},
        ValueError,
        "`size` is 0, expected an integer >= 1 for the short edge, or two as (height, width)",
    ),
    "limit": (
        {"size": 224, "max_size": 224},
        ValueError,
        "`max_size` is 224, expected more than `size`, the short edge, which is 224",
    ),
    "dialect": (
        {"dialect": 13},
        TypeError,
        '`dialect` is 13, expected text such as "pillow-13" or "pillow-12.1"',
    ),
    "gap": (
        {"reducing_gap": 0.5},
        ValueError,
        "`reducing_gap` is 0.5, expected a number >= 1.0, or None to resize in one go",
    ),
    "mode": (
        {"mode": "RGBB"},
        ValueError,
        "`mode` is 'RGBB', expected one of 1, P, L, LA, La, PA, RGB, YCbCr, HSV, LAB, "
        "RGBA, RGBa, RGBX, CMYK, I, I;16, F, I;16S, I;32",
    ),
}


@pytest.mark.parametrize("name", OF_ITS_OWN)
def test_a_bad_argument_is_refused_before_any_image(name: str) -> None:
    words, kind, text = OF_ITS_OWN[name]
    with pytest.raises(kind) as caught:
        Resize(**({"size": 5} | words))
    assert type(caught.value) is kind
    assert str(caught.value) == text


def test_an_image_without_an_aspect_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^`image` has a height and a width of \(0, 5\), expected both >= 1 for an aspect$"
    ):
        Resize(5)(torch.zeros(3, 0, 5))


@pytest.mark.parametrize(
    "wrap",
    [lambda x: x, lambda x: {"image": x, "label": 3, "weights": np.ones(9)}, lambda x: [x]],
    ids=["alone", "in a dict", "in a list"],
)
def test_a_picture_that_v2_would_leave_alone_is_refused(wrap: Any) -> None:
    with pytest.raises(TypeError) as caught:
        Resize(8)(wrap(np.zeros((48, 64, 3), np.uint8)))
    assert str(caught.value) == (
        "a part of the sample is a numpy.ndarray of shape (48, 64, 3), which v2 would leave as it is; "
        "put v2.ToImage() before this transform, or call portresize.resize"
    )


def test_boxes_are_not_resized_beside_a_picture_that_is_left_alone() -> None:
    boxes = tv_tensors.BoundingBoxes([[1, 2, 9, 9]], format="XYXY", canvas_size=(48, 64))
    with pytest.raises(TypeError, match=r"of shape \(48, 64\), which v2 would leave as it is"):
        Resize(8)({"image": np.zeros((48, 64), np.uint8), "boxes": boxes})


def test_arrays_beside_an_image_are_left_alone_as_in_v2() -> None:
    depth = np.zeros((48, 64))
    sample = {
        "image": torch.zeros((3, 48, 64), dtype=torch.uint8),
        "depth": depth,
        "label": np.arange(20).reshape(10, 2),
    }
    result = Resize(8)(sample)
    assert result["image"].shape == (3, 8, 10)
    assert result["depth"] is depth
    assert result["label"] is sample["label"]
    labels = {"label": np.zeros((100, 4)), "name": "a"}
    assert Resize(8)(labels)["label"] is labels["label"]


def test_bands_that_come_last_are_refused() -> None:
    with pytest.raises(ValueError, match=r"axes are read as \[\.\.\., C, H, W\]: 48 bands of 64 x 3; permute them"):
        Resize(8)(torch.zeros((48, 64, 3), dtype=torch.uint8))


def test_without_torchvision_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['torchvision'] = None; import portresize.torchvision"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "portresize.torchvision needs torchvision, of the release that goes with your torch: "
        "https://pytorch.org/get-started, or pip install 'portresize[torchvision]'"
    )
