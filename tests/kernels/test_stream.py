"""The streaming kernel on images against Pillow, in Triton's interpreter where there is no GPU, and its tables."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from portresize import Resampling
from portresize._core.plan import plan
from portresize._core.report import assert_same
from portresize._core.spec import Spec
from portresize._core.steps import Crop, Pass, Step
from portresize._core.taps import Taps
from portresize._kernels.triton import stream_tables
from portresize._kernels.triton.choice import WALKS, Task, Walk, choose, form_of, segments, streaming
from portresize._kernels.triton.digits import LARGEST, digits, fit
from tests.libraries import HAS_CUDA
from tests.oracle import DIALECT, FILTERS

for library in ("torch", "triton"):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed", allow_module_level=True)
import torch  # noqa: E402

from portresize._backends import _torch_stream, _torch_trial, _torch_triton  # noqa: E402
from tests.kernels.triton_device import interpreted  # noqa: E402

Size = tuple[int, int]
DEVICE = "cuda" if HAS_CUDA else "cpu"


def _steps(source: Size, size: Size, resample: Resampling) -> tuple[Pass, ...]:
    spec = Spec("HW", "L", DIALECT, size=size, resample=int(resample))
    passes = tuple(step for step in plan(spec, source).steps if isinstance(step, Pass))
    assert len(passes) == 2
    return passes


def _noise(*shape: int) -> np.ndarray:
    """Half of it black or white, so that sums reach both ends of what they can be."""
    random = np.random.default_rng(len(shape))
    noise = random.integers(0, 256, shape, np.uint8)
    return np.where(random.random(shape) < 0.5, random.choice(np.array([0, 255], np.uint8), shape), noise)


def _on(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x).to(DEVICE)


def _by_pillow(x: np.ndarray, layout: str, size: Size, resample: Resampling) -> np.ndarray:
    """Band by band, so that no mode mixes them."""
    axes = [layout.index(letter) for letter in "HW"]
    planes = np.moveaxis(x, axes, (-2, -1))
    flat = planes.reshape(-1, *planes.shape[-2:])
    resized = [Image.fromarray(plane).resize(size[::-1], int(resample)) for plane in flat]
    found = np.stack([np.asarray(image) for image in resized]).reshape(*planes.shape[:-2], *size)
    return np.moveaxis(found, (-2, -1), axes)


def _run(x: torch.Tensor, layout: str, steps: Sequence[Step], size: Size, **words: Any) -> np.ndarray:
    shape = list(x.shape)
    for letter, length in zip("HW", size, strict=True):
        shape[layout.index(letter)] = length
    y = torch.full(shape, 99, dtype=torch.uint8, device=DEVICE)
    offset = words.pop("offset", _torch_stream.offset_of(x))
    found = _torch_stream.prepare(
        tuple(x.shape), (x.stride(), y.stride()), layout, steps, offset=offset, device=x.device, **words
    )
    assert found is not None
    found.write(x, y)
    return np.asarray(y.cpu().numpy())


def _task(steps: Sequence[Pass], source: Size, bands: int = 1, align: int = 16) -> Task:
    first, second = steps
    along, across = (bands, 1) if first.axis == "W" else (1, bands)
    n_rows = source[0] if first.axis == "W" else source[1] * bands
    return Task(first.taps, second.taps, (along, across), n_rows, align, 0)


def _walks(task: Task) -> list[Walk]:
    """Those by which the kernel gets through."""
    return [walk for walk in WALKS if (form := form_of(task, walk)) and streaming(task, walk, form)]


@pytest.mark.parametrize("resample", [each for each in FILTERS if each != Resampling.NEAREST])
@pytest.mark.parametrize(
    ("source", "size"), [((70, 61), (23, 25)), ((90, 40), (41, 34)), ((21, 19), (50, 41))], ids=["WH", "HW", "up"]
)
def test_every_filter_is_equal(resample: Resampling, source: Size, size: Size) -> None:
    x, steps = _noise(2, *source), _steps(source, size, resample)
    walk = _walks(_task(steps, source, align=1))[0]
    assert_same(_run(_on(x), "NHW", steps, size, walk=walk), _by_pillow(x, "NHW", size, resample))


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("walk", "source", "size"),
    [
        (WALKS[0], (100, 64), (37, 30)),
        (WALKS[1], (64, 80), (50, 40)),
        (WALKS[2], (24, 48), (70, 20)),
        (WALKS[3], (48, 32), (40, 29)),
        (WALKS[4], (30, 32), (41, 37)),
        (WALKS[5], (20, 16), (75, 39)),
    ],
    ids=lambda value: f"{value.ow}x{value.oh}" if isinstance(value, Walk) else None,
)
def test_every_walk_is_equal(walk: Walk, source: Size, size: Size, bands: int) -> None:
    x, steps = _noise(*source, bands), _steps(source, size, Resampling.BILINEAR)
    expected = _by_pillow(x, "HWC", size, Resampling.BILINEAR)
    assert_same(_run(_on(x), "HWC", steps, size, walk=walk), expected)


@pytest.mark.parametrize("layout", ["HW", "CHW", "NHWC", "NCHW", "WH", "HNW", "CWNH", "NHTWC"])
def test_every_layout_is_equal(layout: str) -> None:
    extent = {"H": 40, "W": 53, "C": 3, "N": 2, "T": 2}
    x, size = _noise(*(extent[letter] for letter in layout)), (17, 22)
    steps = _steps((40, 53), size, Resampling.HAMMING)
    expected = _by_pillow(x, layout, size, Resampling.HAMMING)
    assert_same(_run(_on(x), layout, steps, size, walk=WALKS[0]), expected)


@pytest.mark.parametrize("pitch", [64, 72, 68, 66, 67])
@pytest.mark.parametrize("left", [0, 5])
def test_rows_may_begin_anywhere(pitch: int, left: int) -> None:
    whole = _on(_noise(3, 50, pitch))
    x, size = whole[:, 3:43, left : left + 59], (18, 25)
    steps = _steps((40, 59), size, Resampling.HAMMING)
    expected = _by_pillow(np.ascontiguousarray(x.cpu().numpy()), "NHW", size, Resampling.HAMMING)
    assert_same(_run(x, "NHW", steps, size, walk=WALKS[0]), expected)


@pytest.mark.parametrize("paired", [True, False])
def test_segments_change_nothing(paired: bool) -> None:
    source, size = (130, 96), (56, 40)
    x, steps = _noise(*source), _steps(source, size, Resampling.BICUBIC)
    walk = WALKS[0] if paired else WALKS[2]
    expected = _by_pillow(x, "HW", size, Resampling.BICUBIC)
    for parts in (1, 2, 5):
        assert_same(_run(_on(x), "HW", steps, size, walk=walk, parts=parts), expected)


@pytest.mark.parametrize(
    ("source", "size"), [((5, 7), (3, 2)), ((1, 1), (5, 7)), ((3, 40), (2, 19)), ((40, 3), (50, 1))]
)
def test_images_smaller_than_a_tile(source: Size, size: Size) -> None:
    x, steps = _noise(*source, 3), _steps(source, size, Resampling.BICUBIC)
    expected = _by_pillow(x, "HWC", size, Resampling.BICUBIC)
    walks = _walks(_task(steps, source, 3, align=1))
    assert walks
    for walk in walks:
        assert_same(_run(_on(x), "HWC", steps, size, walk=walk), expected)


@pytest.mark.parametrize("width", [320, 1600])
def test_long_windows_are_taken_piece_by_piece(width: int) -> None:
    source, size = (70, width), (30, 20)
    x, steps = _noise(*source), _steps(source, size, Resampling.BOX)
    form = form_of(_task(steps, source), WALKS[0])
    assert form
    assert (form.chunks == 0) == (width == 1600)
    assert_same(_run(_on(x), "HW", steps, size, walk=WALKS[0]), _by_pillow(x, "HW", size, Resampling.BOX))


def test_nothing_is_written_beside_the_result() -> None:
    source, size = (70, 61), (23, 21)
    x, steps = _on(_noise(2, *source)), _steps(source, size, Resampling.BOX)
    canvas = torch.full((4, 30, 40), 99, dtype=torch.uint8, device=DEVICE)
    y = canvas[1:3, 4:27, 7:28]
    found = _torch_stream.prepare(
        tuple(x.shape), (x.stride(), y.stride()), "NHW", steps, offset=-1, device=x.device, walk=WALKS[0]
    )
    assert found
    found.write(x, y)
    expected = np.full((4, 30, 40), 99, np.uint8)
    expected[1:3, 4:27, 7:28] = _by_pillow(x.cpu().numpy(), "NHW", size, Resampling.BOX)
    assert_same(canvas.cpu().numpy(), expected)


def test_two_passes_are_one_act_that_makes_no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    source, size = (64, 48), (27, 20)
    x, steps = _on(_noise(*source)), _steps(source, size, Resampling.BILINEAR)
    with interpreted():
        y = _torch_triton.perform(x, "HW", tuple(steps))
        monkeypatch.setattr(stream_tables, "strips", None)
        assert len(_program(x, steps).acts) == 1
        assert_same(_torch_triton.perform(x, "HW", tuple(steps)).cpu().numpy(), y.cpu().numpy())
    assert_same(y.cpu().numpy(), _by_pillow(x.cpu().numpy(), "HW", size, Resampling.BILINEAR))


def _program(x: torch.Tensor, steps: Sequence[Pass]) -> _torch_triton.Program:
    like = _torch_triton.Like(x.shape, x.stride(), x.dtype, x.device, _torch_stream.offset_of(x))
    return _torch_triton._held("HW", tuple(steps), like).program


def test_an_image_that_comes_again_gets_the_better_program() -> None:
    source, size = (64, 48), (27, 20)
    x, steps = _on(_noise(*source)), _steps(source, size, Resampling.BILINEAR)
    expected = _by_pillow(x.cpu().numpy(), "HW", size, Resampling.BILINEAR)
    found = []
    with interpreted(), mock.patch.object(_torch_triton, "AT_ONCE", new=False):
        for _ in range(3):
            assert_same(_torch_triton.perform(x, "HW", tuple(steps)).cpu().numpy(), expected)
            found.append(len(_program(x, steps).acts))
        # What has been called once can be captured as it was called.
        again = _on(_noise(2, *source))[1]
        _torch_triton._held.cache_clear()
        _torch_triton.perform(again, "HW", tuple(steps))
        with mock.patch.object(_torch_triton, "_is_capturing", return_value=True):
            _torch_triton.perform(again, "HW", tuple(steps))
        found.append(len(_program(again, steps).acts))
    assert found == [2, 1, 1, 2]


@pytest.mark.parametrize("left", range(5))
def test_parts_of_an_image_at_any_address(left: int) -> None:
    source, size = (64, 96), (27, 20)
    whole = _noise(70, 128)
    box = (left + 3.0, 2.0, 90.0, 60.0)
    spec = Spec("HW", "L", DIALECT, size, Resampling.BICUBIC, box)
    steps = plan(spec, source).steps
    assert isinstance(steps[0], Crop)
    x = _on(whole)[3 : 3 + source[0], left : left + source[1]]
    with interpreted():
        y = _torch_triton.perform(x, "HW", steps)
    image = Image.fromarray(whole[3 : 3 + source[0], left : left + source[1]])
    assert_same(y.cpu().numpy(), np.asarray(image.resize(size[::-1], Image.Resampling.BICUBIC, box)))


def test_the_kernel_serves_what_it_is_better_at() -> None:
    steps = _steps((512, 512), (224, 224), Resampling.BILINEAR)
    assert choose(_task(steps, (512, 512)), (9, 0)) is not None
    assert choose(_task(steps, (512, 512)), (7, 5)) is None
    assert _torch_stream.pair(steps) == tuple(steps)
    assert not _torch_stream.pair(steps[:1])
    assert not _torch_stream.pair([steps[0], steps[0]])
    assert not _torch_stream.pair([steps[0], replace(steps[1], kind="float")])
    # Hundreds of samples read one by one for each output are no better than a gather.
    far = _task(_steps((512, 2000), (64, 9), Resampling.LANCZOS), (512, 2000), align=1)
    assert choose(far, (9, 0)) is None


def test_a_device_that_computes_something_else_is_found_out() -> None:
    with interpreted():
        device = torch.device(DEVICE)
        assert _torch_trial.trial(_torch_trial.PAIR, device, _torch_stream._single) == ""
        assert _torch_trial.trial(_torch_trial.SINGLE, device, _torch_triton.perform) == ""
        why = _torch_trial.trial(_torch_trial.PAIR, device, lambda *words: _torch_stream._single(*words) ^ 1)
    assert why == "in a trial, 588 of 588 samples of mode L were wrong; please report it"


def test_few_images_are_cut_into_segments() -> None:
    assert [segments(programs, 16, 132) for programs in (1, 42, 800, 1584)] == [4, 4, 2, 1]
    assert segments(1, 3, 132) == 1


def test_digits_make_up_the_weight() -> None:
    weight = np.concatenate([np.arange(-70_000, 70_000), [LARGEST, -LARGEST, 1 << 22]]).astype(np.int32)
    high, middle, low = digits(weight).astype(np.int64)
    assert_same((high << 16) + (middle << 8) + low, weight.astype(np.int64))


def test_tables_beyond_three_digits_or_32_bits_are_not_taken() -> None:
    start, size = np.zeros(1, np.int32), np.ones(1, np.int32)
    assert fit(Taps(start, size, np.array([[LARGEST]], np.int32)))
    assert not fit(Taps(start, size, np.array([[LARGEST + 1]], np.int32)))
    # Each of three is small enough, and so is their sum, but tensor cores would clip on the way to it.
    assert not fit(Taps(start, 3 * size, np.array([[LARGEST, -LARGEST, 1 << 22]], np.int32)))


@pytest.mark.parametrize("resample", [each for each in FILTERS if each != Resampling.NEAREST])
def test_every_filter_leaves_room_in_32_bits(resample: Resampling) -> None:
    for step in (*_steps((9000, 9001), (2, 3), resample), *_steps((9, 8), (301, 302), resample)):
        # The bound of `digits`: a sample is 128 at most, and so is a digit.
        most = 128 * np.abs(step.taps.weight.astype(np.int64)).sum(axis=1).max() + 2**15 * step.taps.n_taps
        assert fit(step.taps) == (most + 2**22 < 2**31)
        assert most - 2**15 * step.taps.n_taps < 2**30
