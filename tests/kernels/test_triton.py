"""Kernels for GPUs, against the generic steps on the same tensor, and against Pillow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

import array_api_compat.torch as xp

from portresize._backends import _torch_acts, _torch_like, _torch_tables, _torch_triton, generic
from portresize._backends._frame import Frame
from portresize._cases import CASES, Case, by_pillow, pixels
from portresize._core.adjoint import adjoint
from portresize._core.filters import Resampling
from portresize._core.fixed import quantize
from portresize._core.plan import plan
from portresize._core.report import assert_same
from portresize._core.spec import Spec
from portresize._core.steps import Blank, Crop, FlipSign, Pad, Pass, Premultiply, Reduce, Step, Take, Unpremultiply
from portresize._core.taps import Taps, taps, transpose
from portresize._kernels.triton import gather, tiles
from portresize._kernels.triton.host import host
from portresize._kernels.triton.tables import GROUPS, group_of, lay_out
from tests.kernels.triton_device import DEVICE, interpreted
from tests.kernels.triton_kernels import bfloat16
from tests.oracle import DIALECT

Tensor = Any
RANDOM = np.random.default_rng(11)
CONVOLVING = [resample for resample in Resampling if resample != Resampling.NEAREST]
FLOATS = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64}
KINDS = ["u8", "u16", "u16-bytes", "i32", *FLOATS]


@pytest.fixture(autouse=True)
def _device() -> Iterator[None]:
    with interpreted():
        yield


def _noise(kind: str, *shape: int) -> Tensor:
    """All values of a kind; of floats a few that are no numbers."""
    if kind in FLOATS:
        x = RANDOM.standard_normal(shape) * 10.0 ** RANDOM.uniform(-9, 4, shape)
        chosen = RANDOM.random(shape)
        x = np.where(chosen < 0.02, RANDOM.choice([np.inf, -np.inf, np.nan, -0.0, 0.0, 1e-45], shape), x)
        return torch.from_numpy(x).to(FLOATS[kind]).to(DEVICE)
    info = np.iinfo({"u8": "uint8", "i32": "int32"}.get(kind, "uint16"))
    x = RANDOM.integers(info.min, info.max, shape, info.dtype, endpoint=True)
    x = np.where(RANDOM.random(shape) < 0.3, RANDOM.choice(np.array([info.min, info.max], info.dtype), shape), x)
    return torch.from_numpy(x).to(DEVICE)


def _seen(x: Tensor) -> np.ndarray:
    """For numpy, which has no bfloat16."""
    return np.asarray((x.to(torch.float32) if x.dtype == torch.bfloat16 else x).cpu())


def _generic(x: Tensor, layout: str, steps: Sequence[Step]) -> Tensor:
    # torch gathers no uint16.
    wide = x.to(torch.int32) if x.dtype == torch.uint16 else x
    return generic.perform(Frame(xp, x.device, layout, x.ndim), wide, steps).to(x.dtype)


def _check(x: Tensor, layout: str, steps: Sequence[Step]) -> Tensor:
    before = x.clone()
    y = _torch_triton.perform(x, layout, steps)
    assert (y.dtype, y.device) == (x.dtype, x.device)
    assert_same(_seen(y), _seen(_generic(x, layout, steps)))
    assert_same(_seen(x), _seen(before))
    assert y.stride() == _torch_like.strides(x, y.shape)
    assert y.untyped_storage().data_ptr() != x.untyped_storage().data_ptr() or not y.numel()
    return y


def _passes(kind: str, first: str, source: tuple[int, int], size: tuple[int, int], resample: Resampling) -> list[Pass]:
    made = []
    for axis, n_in, n_out in zip("HW", source, size, strict=True):
        table = taps(n_in, n_out, 0.0, float(n_in), resample)
        made.append(
            Pass(
                axis,  # type: ignore[arg-type]  # a letter of two
                quantize(table) if kind == "u8" else table,
                "float" if kind in FLOATS else kind[:3],  # type: ignore[arg-type]  # a word of these
                clip=kind != "u16-bytes",
            )
        )
    return made if first == "H" else made[::-1]


# Along lines: of planes, of pixels. Across them: so short that they count as one line, short, odd, even.
FORMS = {
    "planes": ("CHW", (2, 9, 13), (14, 5)),
    "pixels": ("HWC", (9, 13, 3), (14, 5)),
    "short rows": ("HWC", (13, 12, 4), (5, 11)),
    "odd rows": ("HW", (11, 93), (6, 75)),
    "even rows": ("HWC", (11, 40, 4), (6, 24)),
}


@pytest.mark.parametrize("first", ["H", "W"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_passes_equal_the_generic_ones(kind: str, form: str, first: str) -> None:
    layout, shape, size = FORMS[form]
    source = (shape[layout.index("H")], shape[layout.index("W")])
    resample = CONVOLVING[(KINDS.index(kind) + len(form)) % len(CONVOLVING)]
    _check(_noise(kind, *shape), layout, _passes(kind, first, source, size, resample))


@pytest.mark.parametrize("resample", CONVOLVING, ids=lambda resample: resample.name.lower())
@pytest.mark.parametrize("kind", ["u8", "f32"])
def test_every_filter(kind: str, resample: Resampling) -> None:
    _check(_noise(kind, 17, 21, 2), "HWC", _passes(kind, "W", (17, 21), (30, 8), resample))


@pytest.mark.parametrize("name", ["along", "across", "uneven", "little"])
def test_tiles_as_gpus_have_them(name: str) -> None:
    """Several tiles in each direction, none of them full at the end."""
    shapes = {"along": (19, 150), "across": (40, 304), "uneven": (20, 301), "little": (50, 35)}
    axis = "W" if name == "along" else "H"
    height, width = shapes[name]
    n_in = width if axis == "W" else height
    with mock.patch.object(tiles, "TILES", tiles.Tiles()):
        _torch_triton._held.cache_clear()
        table = quantize(taps(n_in, n_in - 10, 0.0, float(n_in), Resampling.BILINEAR))
        _check(_noise("u8", height, width), "HW", [Pass(axis, table, "u8")])  # type: ignore[arg-type]  # a letter of two


CROPPED = [Crop(2, 3, 15, 10)]


def _arrangements() -> dict[str, tuple[str, Tensor]]:
    """Tensors whose elements lie in memory in all the ways that views make."""
    x = _noise("u8", 2, 3, 20, 24)
    odd = torch.zeros(x.numel() + 8, dtype=torch.uint8, device=DEVICE)[5 : 5 + x.numel()].view(x.shape)
    return {
        "channels last": ("NCHW", x.contiguous(memory_format=torch.channels_last)),
        "at an odd address": ("NCHW", odd.copy_(x)),
        "every second": ("NCHW", _noise("u8", 2, 3, 40, 48)[:, :, ::2, 1::2]),
        "part of a larger one": ("NCHW", _noise("u8", 3, 4, 32, 48)[1:, :3, 5:25, 16:40]),
        "transposed": ("NCWH", x.transpose(2, 3)),
        "lines that are columns": ("NCWH", _noise("u8", 2, 3, 24, 20)),
        "repeated": ("NCHW", x[:1, :1].expand(2, 3, 20, 24)),
        "repeated rows": ("NCHW", x[:, :, :1].expand(2, 3, 20, 24)),
        "three bands of four": ("NHWC", _noise("u8", 2, 20, 24, 4)[..., :3]),
        "batches inside": ("HTWNC", _noise("u8", 20, 2, 24, 2, 3)),
        "batches everywhere": ("BHTWCN", _noise("u8", 2, 20, 2, 24, 3, 2)),
        "too many axes": ("ABHWC", _noise("u8", 4, 4, 40, 48, 4)[::2, ::2, ::2, ::2, ::2]),
        "a single row": ("HWC", _noise("u8", 1, 24, 3)),
        "a single column": ("HWC", _noise("u8", 20, 1, 3).transpose(0, 1).contiguous().transpose(0, 1)),
    }


@pytest.mark.parametrize("verb", ["passes", "reduce", "nearest", "crop"])
@pytest.mark.parametrize("name", list(_arrangements()))
def test_arrangements_in_memory(name: str, verb: str) -> None:
    layout, x = _arrangements()[name]
    height, width = x.shape[layout.index("H")], x.shape[layout.index("W")]
    lists: dict[str, list[Step]] = {
        "passes": [
            Crop(height // 4, width // 4, height - height // 4, width - width // 4),
            *_passes("u8", "W", (height - height // 4, width - width // 4), (7, 30), Resampling.BILINEAR),
        ],
        "reduce": [Reduce(3, 5, "u8")],
        "nearest": [
            Take("H", np.array([0, -1, height - 1], np.int32)),
            Take("W", np.arange(-1, width, dtype=np.int32)),
        ],
        "crop": [Crop(0, width // 2, max(height // 2, 1), width - width // 2)],
    }
    _check(x, layout, lists[verb])


@pytest.mark.parametrize(
    "act", [Premultiply(), Unpremultiply(), FlipSign((1, 2))], ids=lambda act: type(act).__name__.lower()
)
@pytest.mark.parametrize(("layout", "shape"), [("HWC", (16, 64, 4)), ("NCHW", (2, 4, 7, 9)), ("HCWN", (5, 3, 6, 2))])
def test_pixels(act: Step, layout: str, shape: tuple[int, ...]) -> None:
    _check(_noise("u8", *shape), layout, [act])


def test_every_colour_under_every_alpha() -> None:
    grid = torch.cartesian_prod(torch.arange(256), torch.arange(256)).to(torch.uint8).reshape(256, 256, 2).to(DEVICE)
    for act in (Premultiply(), Unpremultiply()):
        _check(grid, "HWC", [act])


@pytest.mark.parametrize("factor", [(1, 4), (2, 2), (3, 3), (5, 1), (4, 7)], ids=str)
@pytest.mark.parametrize("kind", ["u8", "i32", *FLOATS])
def test_blocks(kind: str, factor: tuple[int, int]) -> None:
    step = Reduce(*factor, "float" if kind in FLOATS else kind)  # type: ignore[arg-type]  # a word of these
    _check(_noise(kind, 13, 18), "HW", [step])


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.uint16, torch.int32, *FLOATS.values()], ids=str)
def test_moves_of_any_dtype(dtype: Any) -> None:
    x = (_noise("u8", 6, 7, 3) if dtype != torch.bool else _noise("u8", 6, 7, 3) > 99).to(dtype)
    down, across = np.array([5, 0, -1, 2], np.int32), np.array([-1, 6, 6, 1, 0], np.int32)
    fill = (7, 1, 200) if not dtype.is_floating_point else (0.1, -3.7, 1e-3)
    _check(x, "HWC", [Take("W", across), Take("H", down)])
    _check(x, "HWC", [Take("H", down)])
    _check(x, "HWC", [Pad(9, 12, 2, 4, fill)])
    _check(x, "HWC", [Pad(9, 12, 2, 4, fill[:1]), Crop(1, 3, 7, 5)])
    _check(x, "HWC", [Crop(1, 2, 4, 3), Pad(4, 9, 0, 3, (0,))])


def test_images_without_samples() -> None:
    empty = torch.zeros((0, 9, 8), dtype=torch.uint8, device=DEVICE)
    _check(empty, "NHW", _passes("u8", "H", (9, 8), (4, 3), Resampling.BOX))
    blank = torch.zeros((2, 0, 8), dtype=torch.uint8, device=DEVICE)
    _check(blank, "NHW", [Blank(3, 4)])
    _check(blank, "NHW", [Blank(3, 4), Pad(5, 5, 1, 1, (9,))])
    _check(blank, "NHW", [Pad(5, 9, 1, 1, (9,))])
    _check(_noise("u8", 2, 5, 5), "NHW", [Blank(0, 4)])
    _check(_noise("u8", 2, 5, 5), "NHW", [])


@pytest.mark.parametrize(
    "words", [{"size": (5, 17)}, {"size": (5, 9), "reducing_gap": 1.0}, {"size": (15, 4), "resample": 0}]
)
@pytest.mark.parametrize("kind", ["f32", "bf16"])
def test_the_way_back(kind: str, words: dict[str, Any]) -> None:
    forward = plan(Spec("CHW", "F", "pillow-13", **words, canvas=(words["size"][0] + 3, 20, 1, 2)), (12, 11))
    _check(_noise(kind, 2, words["size"][0] + 3, 20), "CHW", adjoint(forward).steps)


SMALL = [
    case for case in CASES if case.exists_in(DIALECT) and case.name.endswith(("down", "box-of-fractions", "-crop"))
]


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_equals_pillow(case: Case) -> None:
    image = pixels(case)
    steps = plan(
        Spec(case.layout, case.mode, DIALECT, case.size, int(case.resample), case.box or (), case.gap or 0.0),
        case.source,
    ).steps
    result = _torch_triton.perform(torch.from_numpy(image).to(DEVICE), case.layout, steps)
    assert_same(_seen(result), by_pillow(case, image))


@pytest.mark.parametrize("kind", ["f16", "bf16"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_half_floats_are_rounded_once(kind: str, sign: float) -> None:
    """A sum just beyond the midpoint of two halves, which float32 would round onto it and so to the even one."""
    last = torch.finfo(FLOATS[kind]).eps
    lost = [2.0**-40, -(2.0**-40), 0.0]
    # Between 1 and its neighbour, which is odd; and between that and the next one.
    weight = np.array([[sign * (1.0 + last * middle + more)] for middle in (0.5, 1.5) for more in lost])
    table = Taps(np.zeros(6, np.int32), np.ones(6, np.int32), weight)
    one = torch.ones((1, 1), dtype=FLOATS[kind], device=DEVICE)
    result = _torch_triton.perform(one, "HW", [Pass("W", table, "float")])
    expected = np.array([[1.0 + last, 1.0, 1.0, 1.0 + 2 * last, 1.0 + last, 1.0 + 2 * last]], np.float32)
    assert_same(_seen(result.to(torch.float32)), np.float32(sign) * expected)


def test_no_nan_becomes_a_number_as_bfloat16() -> None:
    # The first is what GPUs give for a sum that is none; rounded as a number it would be -0.0.
    bits = torch.tensor([0x7FFFFFFF, 0x7FC00000, 0x7F800001, -1, 0x7F800000, 0x3F808000, 0x3F818000, -0x80000000])
    x, y = bits.to(torch.int32).view(torch.float32).to(DEVICE), torch.zeros(8, dtype=torch.int16, device=DEVICE)
    bfloat16[(1,)](x, y, N=8)
    assert_same(_seen(y.view(torch.bfloat16)), _seen(x.to(torch.bfloat16)))


def test_an_infinity_beyond_a_window_is_not_touched() -> None:
    x = torch.tensor([[1.0, 2.0, 3.0, torch.inf]], device=DEVICE)
    table = Taps(np.array([0, 2], np.int32), np.array([3, 1], np.int32), np.array([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]]))
    result = _torch_triton.perform(x, "HW", [Pass("W", table, "float")])
    assert_same(_seen(result), np.array([[2.0, 3.0]], np.float32))


def test_distances_of_64_bits() -> None:
    with mock.patch.object(_torch_acts, "FAR", 0):
        for layout, shape, size in FORMS.values():
            source = (shape[layout.index("H")], shape[layout.index("W")])
            _check(_noise("u8", *shape), layout, _passes("u8", "W", source, size, Resampling.BILINEAR))
        _check(_noise("f32", 12, 13, 3), "HWC", [Reduce(5, 3, "float"), Take("H", np.array([1, -1, 0], np.int32))])
        _check(_noise("u8", 12, 13, 3)[::2, ::2], "HWC", [Premultiply(), FlipSign((1, 2))])


def test_rows_further_apart_than_32_bits_reach() -> None:
    launched: list[bool] = []
    kernel = mock.MagicMock()
    kernel.__getitem__.return_value = lambda *_, **words: launched.append(words["WIDE"])
    step = Pass("W", taps(4, 2, 0.0, 4.0, Resampling.BOX), "float")
    with mock.patch.object(gather, "convolve", kernel):
        for strides in ((12, 3, 1), (2**31, 3, 1), (12, 2**31, 1), (12, 3, 2**31)):
            x = torch.empty_strided((2, 4, 3), strides, dtype=torch.float64, device="meta")
            _torch_acts.draft("HWC", x, x.dtype, DEVICE, [step]).acts[-1](x)
    assert launched == [False, True, True, True]


def test_a_second_call_makes_nothing_but_the_result() -> None:
    steps = _passes("u8", "W", (9, 13), (5, 7), Resampling.BICUBIC)
    x, other = _noise("u8", 9, 13), _noise("u8", 9, 13)
    _check(x, "HW", steps)
    wrong = AssertionError("a table was made again")
    with (
        mock.patch.object(_torch_tables, "lay_out", side_effect=wrong),
        mock.patch.object(_torch_triton, "draft", side_effect=wrong),
    ):
        _check(other, "HW", steps)
        with pytest.raises(AssertionError, match="made again"):
            _torch_triton.perform(other[:, :12], "HW", steps)


def test_tables_are_shared_by_images_of_other_batches() -> None:
    steps = _passes("f32", "W", (9, 13), (5, 7), Resampling.BICUBIC)
    _check(_noise("f32", 9, 13), "HW", steps)
    with mock.patch.object(_torch_tables, "lay_out", side_effect=AssertionError("a table was made again")):
        _check(_noise("f32", 3, 9, 13), "NHW", steps)


def test_a_cold_call_while_a_graph_is_captured_says_what_to_do() -> None:
    steps, x = _passes("u8", "W", (9, 13), (4, 6), Resampling.BICUBIC), _noise("u8", 9, 13)
    message = (
        "no kernels or tables yet for an image like this; call once with the same arguments before capturing a graph"
    )
    with mock.patch.object(_torch_triton, "_is_capturing", return_value=True):
        with pytest.raises(RuntimeError) as raised:
            _torch_triton.perform(x, "HW", steps)
        assert str(raised.value) == message
        with pytest.raises(RuntimeError, match="before capturing a graph"):
            _torch_triton.trial(DEVICE)
    _torch_triton.perform(x, "HW", steps)
    with mock.patch.object(_torch_triton, "_is_capturing", return_value=True):
        _torch_triton.perform(x, "HW", steps)


def test_tables_are_met_once_by_every_stream_and_kept_for_graphs() -> None:
    device, table = torch.device("cuda", 0), mock.Mock()
    program = _torch_triton.Program((), (table,), set())
    for number in (5, 5, 6, 5):
        stream = mock.patch.object(torch.cuda, "current_stream", return_value=mock.Mock(cuda_stream=number))
        with stream, mock.patch.object(_torch_triton, "_is_capturing", return_value=False):
            _torch_triton._read_by_stream(program, device)
    assert [call.args[0].cuda_stream for call in table.meet.call_args_list] == [5, 6]
    with mock.patch.object(_torch_triton, "_is_capturing", return_value=True):
        _torch_triton._read_by_stream(program, device)
    assert table.meet.call_count == 2
    assert _torch_triton._CAPTURED.pop(id(program)) is program


def test_a_stream_waits_for_tables_and_their_memory_for_the_stream() -> None:
    table = _torch_tables.Resident(np.zeros(3, np.int32), device=torch.device("cpu"))
    stream, tensor = mock.Mock(), mock.Mock()
    table.meet(stream)
    assert not stream.mock_calls
    table._arrived, table.tensors = "arrived", [tensor]
    table.meet(stream)
    stream.wait_event.assert_called_once_with("arrived")
    tensor.record_stream.assert_called_once_with(stream)


def test_a_trial_says_why_kernels_cannot_be_launched() -> None:
    assert _torch_triton.trial(DEVICE) == ""
    with mock.patch.object(_torch_triton, "perform", side_effect=RuntimeError("Failed to find C compiler")):
        assert _torch_triton.trial(DEVICE) == "RuntimeError: Failed to find C compiler"


@pytest.mark.parametrize("n_in", [1, 2, 3, 5, 9, 40])
@pytest.mark.parametrize("n_out", [1, 4, 23])
def test_tables_hold_the_weights_and_stay_within_the_axis(n_in: int, n_out: int) -> None:
    for resample in CONVOLVING:
        table = taps(n_in, n_out, 0.0, float(n_in), resample)
        for given, length in ((table, n_in), (quantize(table), n_in), (transpose(table, n_in), n_out)):
            start, weight, group = lay_out(given, length, marked=False)
            marked = lay_out(given, length, marked=True).weight if given is not quantize(table) else weight
            assert start.min() >= 0
            assert start.max() + len(weight) <= length
            assert len(weight) % group == 0
            dense, expected = np.zeros((2, given.n_out, length))
            for o in range(given.n_out):
                dense[o, start[o] : start[o] + len(weight)] = weight[:, o]
                window = slice(given.start[o], given.start[o] + given.size[o])
                expected[o, window] = given.weight[o, : given.size[o]]
                assert np.isfinite(marked[:, o]).sum() == (
                    given.size[o] if given is not quantize(table) else len(weight)
                )
            assert_same(dense, expected)


def test_groups_of_taps_are_of_few_sizes_and_fit_the_axis() -> None:
    for n_in in range(1, 30):
        for n_taps in range(1, n_in + 1):
            group = group_of(n_taps, n_in)
            assert group in GROUPS
            assert -(-n_taps // group) * group <= n_in


@pytest.mark.parametrize(
    ("capability", "version", "why"),
    [
        ((8, 0), "3.9.0", ""),
        ((7, 5), "3.10.0", ""),
        ((7, 0), "3.9.0", "the device has compute capability 7.0, expected 7.5 or higher"),
        ((9, 0), "3.5.1", "triton is 3.5.1, expected 3.6 or newer"),
        (None, "3.9.0", "the device is not one of NVIDIA's"),
    ],
)
def test_what_is_served(capability: tuple[int, int] | None, version: str, why: str) -> None:
    with mock.patch("importlib.metadata.version", return_value=version):
        assert host(capability) == ("" if why else version, why)


@pytest.mark.parametrize("color", [65519.99999, 1 + 2.0**-11 + 2.0**-40])
def test_the_colour_of_a_canvas_of_half_floats_is_rounded_once(color: float) -> None:
    image = torch.zeros((4, 2), dtype=torch.float16, device=DEVICE)
    found = _torch_triton.perform(image, "HW", (Pad(9, 9, 0, 3, (color,)),))
    assert found[0, 0].item() == float(np.float16(color))
