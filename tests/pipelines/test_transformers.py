"""Image processors of transformers with `portresize.transformers`: what the Pil backend gives, from tensors."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from portresize._core.report import assert_same
from tests.oracle import DIALECT, RULES
from tests.pipelines.process import ROOT
from tests.torchvision_ops import missing

if reason := missing():
    pytest.skip(reason, allow_module_level=True)

import torch

pytest.importorskip("transformers", reason="transformers is not installed: pip install 'portresize[transformers]'")
import transformers
from torchvision.transforms import InterpolationMode
from transformers import CLIPImageProcessor, CLIPImageProcessorPil
from transformers.image_processing_backends import TorchvisionBackend
from transformers.image_utils import SizeDict

from portresize.transformers import PortresizeBackend, exact

BYTES = {"do_rescale": False, "do_normalize": False}


class Exact(CLIPImageProcessor, PortresizeBackend):
    dialect = DIALECT


class Further(exact(CLIPImageProcessor)):  # type: ignore[misc]  # a class
    pass


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


# Two of one size, which can be grouped.
IMAGES = [noise(40, 57, 3), noise(70, 33, 3, seed=1), noise(40, 57, 3, seed=2)]
KINDS: dict[str, Any] = {
    "arrays": IMAGES,
    "pictures": [Image.fromarray(image) for image in IMAGES],
    "tensors": [torch.from_numpy(image.transpose(2, 0, 1)) for image in IMAGES],
    "one tensor": torch.from_numpy(np.stack(IMAGES[::2]).transpose(0, 3, 1, 2)),
}


def flat(value: Any) -> list[np.ndarray]:
    """All images of a result, however nested."""
    return [part for member in value for part in flat(member)] if isinstance(value, list) else [np.asarray(value)]


def assert_equal(result: Any, expected: Any) -> None:
    assert result.keys() == expected.keys()
    for key in result:
        for actual, wanted in zip(flat(result[key]), flat(expected[key]), strict=True):
            # Where one backend makes floats of its bytes and the other does not, they are compared as numbers.
            assert_same(actual.astype(np.float64), wanted.astype(np.float64))


@pytest.mark.parametrize("is_ungrouped", [True, False, None], ids=["each", "grouped", "by default"])
@pytest.mark.parametrize("kind", KINDS)
def test_clip_is_its_pil_backend(kind: str, is_ungrouped: bool | None) -> None:
    words = {"size": {"shortest_edge": 30}, "crop_size": 30, **BYTES}
    result = Exact(**words)(KINDS[kind], disable_grouping=is_ungrouped)
    assert_equal(result, CLIPImageProcessorPil(**words)(KINDS[kind]))


def test_without_it_clip_is_not_its_pil_backend() -> None:
    words = {"size": {"shortest_edge": 30}, "crop_size": 30, **BYTES}
    with pytest.raises(AssertionError):
        assert_equal(CLIPImageProcessor(**words)(IMAGES), CLIPImageProcessorPil(**words)(IMAGES))


def test_what_follows_the_resize_is_the_torchvision_backends() -> None:
    # It multiplies by one number where the Pil backend multiplies by two, so that their last bits differ.
    words = {"size": {"shortest_edge": 30}, "crop_size": 30}
    resized = CLIPImageProcessorPil(**words, do_center_crop=False, **BYTES)(IMAGES)["pixel_values"]
    expected = CLIPImageProcessor(**words, do_resize=False)(resized)
    assert_equal(Exact(**words)(IMAGES), expected)
    theirs = CLIPImageProcessorPil(**words)(IMAGES)
    for actual, wanted in zip(expected["pixel_values"], theirs["pixel_values"], strict=True):
        assert np.abs(actual.numpy() - wanted).max() <= 2**-20


# Processors with sizes of their own, with Lanczos, with more to do than to resize; each of transformers' defaults.
PROCESSORS: dict[str, dict[str, Any]] = {
    "Chameleon": {"size": {"shortest_edge": 30}, "crop_size": 30},
    "ConvNext": {"size": {"shortest_edge": 40}},
    "Detr": {"size": {"shortest_edge": 30, "longest_edge": 50}},
    "Flava": {"size": {"height": 20, "width": 30}, "do_center_crop": False},
    "Idefics3": {"size": {"longest_edge": 100}, "max_image_size": {"longest_edge": 50}},
    "Qwen2VL": {"size": {"shortest_edge": 56 * 56, "longest_edge": 84 * 84}},
    "SmolVLM": {"size": {"longest_edge": 100}, "max_image_size": {"longest_edge": 50}},
}


@pytest.mark.parametrize("name", PROCESSORS)
def test_other_processors_are_their_pil_backends(name: str) -> None:
    torchs, pils = (getattr(transformers, f"{name}ImageProcessor{end}") for end in ("", "Pil"))
    words = PROCESSORS[name] | BYTES
    result = exact(torchs, dialect=DIALECT)(**words)(IMAGES, return_tensors="np")
    assert_equal(result, pils(**words)(IMAGES, return_tensors="np"))


SIZES: list[dict[str, int]] = [
    {"height": 20, "width": 31},
    {"shortest_edge": 30},
    {"shortest_edge": 30, "longest_edge": 50},
    {"shortest_edge": 30, "longest_edge": 35},
    {"max_height": 100, "max_width": 90},
]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_sizes_are_transformers(size: dict[str, int]) -> None:
    for image in IMAGES:
        channels_first = image.transpose(2, 0, 1)
        result = Exact().resize(torch.from_numpy(channels_first)[None], SizeDict(**size), 3)
        assert_same(result[0].numpy(), CLIPImageProcessorPil().resize(channels_first, SizeDict(**size), 3))


RESAMPLES: list[tuple[Any, int]] = [
    (None, 2),
    (InterpolationMode.NEAREST, 0),
    (InterpolationMode.NEAREST_EXACT, 0),
    (InterpolationMode.LANCZOS, 1),
    *((Image.Resampling(member), int(member)) for member in sorted(RULES.filters)),
]


@pytest.mark.parametrize(("resample", "number"), RESAMPLES, ids=repr)
def test_every_filter_is_pillows(resample: Any, number: int) -> None:
    image = torch.from_numpy(IMAGES[0].transpose(2, 0, 1))
    result = Exact().resize(image, SizeDict(height=20, width=31), resample)
    expected = np.asarray(Image.fromarray(IMAGES[0]).resize((31, 20), number))
    assert_same(result.permute(1, 2, 0).numpy(), expected)


def test_lanczos_is_lanczos_where_torchvision_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a GPU, or with an older torchvision, where the torchvision backend takes bicubic.
    module = sys.modules[TorchvisionBackend.__module__]
    monkeypatch.setattr(module, "is_torchvision_greater_or_equal", lambda _: False)
    size, image = SizeDict(height=20, width=31), torch.from_numpy(IMAGES[0].transpose(2, 0, 1))
    cubic = np.asarray(Image.fromarray(IMAGES[0]).resize((31, 20), 3)).transpose(2, 0, 1)
    theirs = CLIPImageProcessor().resize(image, size, 1).numpy()
    ours = Exact().resize(image, size, 1).numpy()
    assert np.abs(theirs.astype(int) - cubic).max() <= 1
    assert_same(ours, np.asarray(Image.fromarray(IMAGES[0]).resize((31, 20), 1)).transpose(2, 0, 1))


@pytest.mark.parametrize("bands", [1, 4])
def test_other_numbers_of_bands_are_pillows_too(bands: int) -> None:
    words = {"size": {"height": 20, "width": 31}, "do_center_crop": False, "do_convert_rgb": False, **BYTES}
    image = noise(40, 57, bands)
    assert_equal(Exact(**words)(image), CLIPImageProcessorPil(**words)(image))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.int16])
def test_labels_are_nearest_and_keep_their_dtype(dtype: type) -> None:
    labels: np.ndarray = noise(40, 57).astype(dtype) * (1 if dtype == np.uint8 else 127)
    result = Exact().resize(torch.from_numpy(labels)[None, None], SizeDict(height=20, width=31), 0)
    expected: np.ndarray = np.asarray(Image.fromarray(labels.astype(np.int32)).resize((31, 20), 0)).astype(dtype)
    assert_same(result[0, 0].numpy(), expected)


def test_segmentation_maps_are_resized_with_their_images() -> None:
    words = {"size": {"height": 20, "width": 31}, **BYTES}
    maps = [noise(40, 57).astype(np.int64), noise(70, 33, seed=1).astype(np.int64)]
    expected = transformers.SegformerImageProcessorPil(**words)(IMAGES[:2], segmentation_maps=maps)
    result = exact(transformers.SegformerImageProcessor, dialect=DIALECT)(**words)(IMAGES[:2], segmentation_maps=maps)
    assert_equal(result, expected)


def test_floats_are_resized_as_floats() -> None:
    image = (IMAGES[0] / 255).astype(np.float32)
    words = {"size": {"height": 20, "width": 31}, "do_center_crop": False, **BYTES}
    result = Exact(**words)(image)["pixel_values"][0].numpy()
    for band in range(3):
        assert_same(result[band], np.asarray(Image.fromarray(image[..., band]).resize((31, 20), 3)))


def test_without_antialias_it_is_transformers_own() -> None:
    image, size = torch.from_numpy(IMAGES[0].transpose(2, 0, 1)), SizeDict(height=20, width=31)
    result = Exact().resize(image, size, 2, antialias=False)
    assert torch.equal(result, CLIPImageProcessor().resize(image, size, 2, antialias=False))
    assert not torch.equal(result, Exact().resize(image, size, 2))


def test_a_processor_is_copied_and_its_class_is_subclassed() -> None:
    processor = CLIPImageProcessor(size={"shortest_edge": 30}, crop_size=30)
    result = exact(processor)
    assert type(processor) is CLIPImageProcessor
    assert isinstance(result, CLIPImageProcessor)
    assert isinstance(result, PortresizeBackend)
    assert type(result) is exact(CLIPImageProcessor) is not CLIPImageProcessor
    assert result.size == processor.size
    assert result.backend == "torchvision"


def test_a_dialect_can_be_chosen_and_changed() -> None:
    image = torch.from_numpy(noise(3, 90, 40))
    old, new = (exact(CLIPImageProcessor(), dialect=dialect) for dialect in ("pillow-12.3", "pillow-13"))
    results = [processor.resize(image, SizeDict(height=7, width=29), 1) for processor in (old, new, exact(old))]
    assert not torch.equal(results[0], results[1])
    assert torch.equal(results[1], results[2])


def test_it_is_saved_as_the_original(tmp_path: Path) -> None:
    processor = CLIPImageProcessor(size={"shortest_edge": 30}, crop_size=30)
    exact(processor, dialect="pillow-12.3").save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert saved == json.loads(processor.to_json_string())
    again = exact(CLIPImageProcessor).from_pretrained(tmp_path)
    assert again.to_dict() == processor.to_dict()
    assert isinstance(again, PortresizeBackend)


def unpickled(processor: Any) -> Any:
    return pickle.loads(pickle.dumps(processor))  # noqa: S301  its own pickle


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, unpickled])
@pytest.mark.parametrize(
    "processor",
    [
        Exact(crop_size=30),
        Further(crop_size=30),
        exact(CLIPImageProcessor(crop_size=30), dialect="pillow-12.3"),
        exact(exact(CLIPImageProcessor(crop_size=30)), dialect="pillow-12.3"),
        exact(Exact(crop_size=30), dialect="pillow-12.3"),
    ],
    ids=["class", "class of a class made", "made", "made twice", "made of a class"],
)
def test_a_copy_does_the_same(processor: Any, again: Any) -> None:
    result = again(processor)
    assert type(result) is type(processor)
    assert result.dialect == processor.dialect
    assert result.to_dict() == processor.to_dict()


@pytest.mark.parametrize("processor", [CLIPImageProcessorPil, CLIPImageProcessorPil()], ids=["class", "instance"])
def test_a_processor_of_the_pil_backend_is_refused(processor: Any) -> None:
    hint = "" if isinstance(processor, type) else "; this one calls Pillow itself"
    text = "`processor` is a CLIPImageProcessorPil, expected an image processor of the torchvision backend" + hint
    with pytest.raises(TypeError) as caught:
        exact(processor)
    assert str(caught.value) == text


def test_what_has_a_processor_is_refused() -> None:
    class Both:
        image_processor = CLIPImageProcessor()

    with pytest.raises(TypeError) as caught:
        exact(Both())
    assert str(caught.value) == (
        "`processor` is a Both, expected an image processor of the torchvision backend; pass its `image_processor`"
    )


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^`dialect` is 'pillow-99'"):
        exact(CLIPImageProcessor, dialect="pillow-99")
    with pytest.raises(ValueError, match=r"^`dialect` is 'pillow-99'"):
        type("Wrong", (CLIPImageProcessor, PortresizeBackend), {"dialect": "pillow-99"})


def test_the_backend_comes_after_the_processor() -> None:
    with pytest.raises(TypeError) as caught:
        type("Wrong", (PortresizeBackend, CLIPImageProcessor), {})
    assert str(caught.value) == (
        "PortresizeBackend comes before CLIPImageProcessor; write class Wrong(CLIPImageProcessor, PortresizeBackend)"
    )


def test_without_transformers_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['transformers'] = None; import portresize.transformers"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "portresize.transformers needs transformers 5: pip install 'portresize[transformers]'"
    )


def test_integers_that_torch_does_not_read_are_refused() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    processor = exact(CLIPImageProcessor())
    fake = FakeTensorMode().from_tensor(torch.ones((3, 9, 8), dtype=torch.int32))
    for image in (fake, torch.empty((3, 9, 8), dtype=torch.uint4)):
        with pytest.raises(TypeError, match="whose samples torch cannot read; cast it to uint8"):
            processor.resize(image, SizeDict(height=5, width=6), resample=3)
    freed = torch.ones((3, 90, 80), dtype=torch.int32)
    freed.untyped_storage().resize_(0)
    with pytest.raises(ValueError, match="which does not hold its samples"):
        processor.resize(freed, SizeDict(height=5, width=6), resample=3)
