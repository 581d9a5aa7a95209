"""Grain's pipelines give Pillow's pixels, in order, in threads and in worker processes."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import OrderedDict
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import portresize
from portresize._core.report import assert_same
from tests.oracle import DIALECT
from tests.pipelines.pictures import SIZE, picture, pillows, rgb
from tests.pipelines.process import ROOT, output_of

pytest.importorskip("grain", reason="grain is not installed: pip install 'portresize[grain]'")
import cloudpickle
import grain

from portresize.grain import Resize

FEW = Resize((4, 5), dialect="pillow-12.3")
MANY = Resize(
    (np.int64(4), 5),
    Image.Resampling.LANCZOS,
    keys=["left", "right"],
    box=[0, 0.5, 7, 8],
    reducing_gap=2,
    layout="HWC",
    mode="RGBX",
)


def test_an_image_is_an_element() -> None:
    for i in range(12):
        assert_same(Resize(SIZE, dialect=DIALECT).map(picture(i)), pillows(picture(i)))


def test_every_argument_arrives() -> None:
    image = np.random.default_rng(0).integers(0, 256, (2, 4, 90, 40), np.uint8)
    words: dict[str, Any] = {
        "resample": "lanczos",
        "box": (1.5, 2.0, 33.0, 89.0),
        "reducing_gap": 3.0,
        "layout": "NCHW",
        "mode": "RGBX",
        "dialect": "pillow-12.1",
    }
    expected = portresize.resize(image, (7, 29), **words)
    assert_same(Resize((7, 29), **words).map(image), expected)
    for word in words:
        if word != "layout":
            changed = Resize((7, 29), **{name: value for name, value in words.items() if name != word})
            assert not np.array_equal(changed.map(image), expected), word


def test_images_of_a_dictionary_are_replaced_in_a_new_one() -> None:
    image, mask, label = rgb(0), rgb(1)[..., 0].copy(), object()
    for array in (image, mask):
        array.setflags(write=False)
    element = OrderedDict(label=label, image=image, mask=mask, other=image)
    before = element.copy()
    result = Resize(SIZE, keys=("image", "mask"), dialect=DIALECT).map(element)
    assert element == before
    assert type(result) is OrderedDict
    assert list(result) == list(element)
    assert result["label"] is label
    assert result["other"] is image
    assert_same(result["image"], pillows(image))
    assert_same(result["mask"], pillows(mask))


def test_a_member_named_image_is_one_unless_said_otherwise() -> None:
    assert_same(Resize(SIZE, dialect=DIALECT).map({"image": rgb(0)})["image"], pillows(rgb(0)))


@pytest.mark.parametrize("threads", [0, 16])
def test_a_map_dataset_is_resized_in_order(threads: int) -> None:
    images = grain.MapDataset.source([picture(i) for i in range(48)]).map(Resize(SIZE, dialect=DIALECT))
    found = list(images.to_iter_dataset(grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads)))
    assert len(found) == 48
    for i, result in enumerate(found):
        assert_same(result, pillows(picture(i)))


def test_ragged_images_become_a_batch() -> None:
    source = [{"image": rgb(i), "label": i} for i in range(8)]
    batch = grain.MapDataset.source(source).map(Resize(SIZE, dialect=DIALECT)).batch(8)[0]
    assert type(batch["image"]) is np.ndarray
    assert_same(batch["image"], np.stack([pillows(rgb(i)) for i in range(8)]))
    assert batch["label"].tolist() == list(range(8))


def test_a_data_loader_resizes_in_its_own_process() -> None:
    sampler = grain.samplers.IndexSampler(12, grain.sharding.NoSharding(), shuffle=False, num_epochs=1)
    source = [{"image": rgb(i)} for i in range(12)]
    found = list(grain.DataLoader(data_source=source, sampler=sampler, operations=[Resize(SIZE, dialect=DIALECT)]))
    assert len(found) == 12
    for i, element in enumerate(found):
        assert_same(element["image"], pillows(rgb(i)))


@pytest.mark.parametrize("act", ["prefetch", "loader"])
def test_workers_resize_in_order_with_one_thread_each_and_nothing_of_jax(act: str) -> None:
    # Grain itself imports jax in every worker, if it is there; portresize must not start it.
    output_of("-m", "tests.pipelines.workers", act)


def test_an_error_in_a_worker_says_the_same() -> None:
    text = output_of("-m", "tests.pipelines.workers", "error")
    assert text.splitlines()[0] == (
        "the element has the keys ['image', 'label'], not ['picture']; pass the names of its images as `keys`"
    )


@pytest.mark.parametrize("pickler", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
@pytest.mark.parametrize("transformation", [FEW, MANY], ids=["few", "many"])
def test_a_pickle_is_equal(transformation: Resize, pickler: Any) -> None:
    again = pickler.loads(pickler.dumps(transformation))
    assert again == transformation
    assert hash(again) == hash(transformation)
    assert repr(again) == repr(transformation)


def test_equal_arguments_make_equal_transformations() -> None:
    assert Resize((4, 5), "bicubic") == Resize(np.array([4, 5]), 3) == Resize((4, 5), portresize.Resampling.BICUBIC)
    # None is nearest for some modes.
    assert Resize((4, 5), "bicubic") != Resize((4, 5))
    assert Resize((4, 5)) != Resize((5, 4))
    assert replace(MANY, size=(9, 9)).keys == ("left", "right")


def test_it_shows_its_arguments() -> None:
    assert repr(FEW) == (
        "Resize(size=(4, 5), resample=None, keys=('image',), box=None, reducing_gap=None, layout=None, mode=None, "
        "dialect='pillow-12.3')"
    )
    assert repr(MANY) == (
        "Resize(size=(4, 5), resample='lanczos', keys=('left', 'right'), box=(0.0, 0.5, 7.0, 8.0), reducing_gap=2.0, "
        "layout='HWC', mode='RGBX', dialect='pillow-13')"
    )
    for transformation in (FEW, MANY):
        assert eval(repr(transformation)) == transformation  # noqa: S307  its own text


def test_it_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        FEW.size = (1, 1)  # type: ignore[misc]  # what is tested


# What `resize` says of an image says it of an argument; the texts themselves are tested with `resize`.
AS_RESIZE: dict[str, dict[str, Any]] = {
    "size zero": {"size": (0, 5)},
    "size a number": {"size": 5},
    "size fractional": {"size": (2.5, 2.5)},
    "filter unknown": {"resample": "cubic"},
    "filter before 13": {"resample": "mks2013", "dialect": "pillow-12.3"},
    "filter a pair": {"resample": (1, 2)},
    "dialect unknown": {"dialect": "pillow-99"},
    "dialect a number": {"dialect": 13},
    "layout twice": {"layout": "HHW"},
    "layout without width": {"layout": "H"},
    "layout empty": {"layout": ""},
    "layout a number": {"layout": 3},
    "mode unknown": {"mode": "RGBB"},
    "mode a list": {"mode": ["RGB"]},
    "box of three": {"box": (1, 2, 3)},
    "box infinite": {"box": (0, 0, 9, float("inf"))},
    "gap below one": {"reducing_gap": 0.5},
}


@pytest.mark.parametrize("name", AS_RESIZE)
def test_a_bad_argument_is_refused_as_by_resize_before_any_image(name: str) -> None:
    words = {"size": (3, 3)} | AS_RESIZE[name]
    with pytest.raises((TypeError, ValueError)) as expected:
        portresize.resize(rgb(0), **words)
    with pytest.raises((TypeError, ValueError)) as caught:
        Resize(**words)
    assert type(caught.value) is type(expected.value)
    assert str(caught.value) == str(expected.value)


@pytest.mark.parametrize(
    ("keys", "kind"),
    [("image", TypeError), (5, TypeError), ((1,), TypeError), (None, TypeError), ((), ValueError)],
    ids=repr,
)
def test_keys_are_names(keys: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        Resize((3, 3), keys=keys)
    assert type(caught.value) is kind
    assert str(caught.value) == f'`keys` is {keys!r}, expected names of members such as ("image",)'


BAD_ELEMENTS: dict[str, tuple[Any, type[Exception], str]] = {
    "another key": (
        {"img": rgb(0), "label": 3},
        ValueError,
        "the element has the keys ['img', 'label'], not ['image']; pass the names of its images as `keys`",
    ),
    "empty": ({}, ValueError, "the element has the keys [], not ['image']; pass the names of its images as `keys`"),
    "tuple": ((rgb(0), 3), TypeError, "the element is a tuple, expected an array or a dictionary with ('image',)"),
    "list": ([rgb(0)], TypeError, "the element is a list, expected an array or a dictionary with ('image',)"),
    "encoded": (
        {"image": b"\x89PNG"},
        TypeError,
        "no backend for bytes; expected an array of numpy, torch, jax or cupy, "
        "or of any class with __array_namespace__",
    ),
    "picture": (
        Image.new("L", (4, 4)),
        TypeError,
        "no backend for a PIL image; pass numpy.asarray(image), or call the image's own `resize`",
    ),
    "without a layout": (
        np.zeros((3, 30, 40), np.uint8),
        ValueError,
        '`layout` is missing for an array of shape (3, 30, 40); pass layout="HWC" or layout="CHW"',
    ),
}


@pytest.mark.parametrize("shape", [(3, 120, 3), (120, 4, 3), (5, 4, 3), (1, 100, 3)], ids=str)
def test_a_thin_image_stops_no_pipeline(shape: tuple[int, ...]) -> None:
    image = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    expected = np.asarray(Image.fromarray(image).resize((8, 8)))
    for _ in range(2):  # The second time from the memo of shapes.
        np.testing.assert_array_equal(Resize((8, 8), dialect=DIALECT).map(image), expected, strict=True)


@pytest.mark.parametrize("name", BAD_ELEMENTS)
def test_a_bad_element_gets_one_clear_error(name: str) -> None:
    element, kind, text = BAD_ELEMENTS[name]
    with pytest.raises(kind) as caught:
        Resize((3, 3)).map(element)
    assert type(caught.value) is kind
    assert str(caught.value) == text


def test_it_needs_no_jax() -> None:
    code = (
        "import sys; sys.modules['jax'] = sys.modules['jaxlib'] = None; import numpy, portresize.grain; "
        "print(portresize.grain.Resize((2, 3)).map(numpy.zeros((9, 9), numpy.uint8)).shape)"
    )
    assert output_of("-c", code) == "(2, 3)\n"


def test_portresize_alone_imports_no_grain() -> None:
    assert output_of("-c", "import sys, portresize; print('grain' in sys.modules)") == "False\n"
    assert output_of("-c", "import sys, portresize.grain; print('grain' in sys.modules)") == "True\n"


def test_without_grain_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['grain'] = None; import portresize.grain"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "portresize.grain needs grain: pip install 'portresize[grain]'"
