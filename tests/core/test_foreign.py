"""Arguments of classes whose methods raise, lie or never end: one error of ours, with theirs as its cause."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

import portresize
from portresize._core import edges, foreign

GREY = np.arange(48 * 64, dtype=np.uint8).reshape(48, 64)
RGB = np.zeros((48, 64, 3), np.uint8)

# Every argument of every verb that takes a value of more than one class.
ARGUMENTS: dict[str, Callable[[Any], Any]] = {
    "size": lambda value: portresize.resize(GREY, value),
    "height": lambda value: portresize.resize(GREY, (value, 3)),
    "resample": lambda value: portresize.resize(GREY, (3, 3), value),
    "box": lambda value: portresize.resize(GREY, (3, 3), box=value),
    "edge": lambda value: portresize.resize(GREY, (3, 3), box=(0, 0, 9, value)),
    "reducing_gap": lambda value: portresize.resize(GREY, (3, 3), reducing_gap=value),
    "layout": lambda value: portresize.resize(GREY, (3, 3), layout=value),
    "mode": lambda value: portresize.resize(GREY, (3, 3), mode=value),
    "dialect": lambda value: portresize.resize(GREY, (3, 3), dialect=value),
    "factor": lambda value: portresize.reduce(GREY, value),
    "factor of one axis": lambda value: portresize.reduce(GREY, (value, 2)),
    "whole box": lambda value: portresize.reduce(GREY, 2, box=value),
    "whole edge": lambda value: portresize.reduce(GREY, 2, box=(0, 0, 9, value)),
    "scale": lambda value: portresize.scale(GREY, value),
    "bounds": lambda value: portresize.thumbnail(GREY, value),
    "bound": lambda value: portresize.thumbnail(GREY, (value, 3)),
    "centering": lambda value: portresize.fit(GREY, (3, 3), centering=value),
    "centering of one axis": lambda value: portresize.fit(GREY, (3, 3), centering=(value, 0.5)),
    "bleed": lambda value: portresize.fit(GREY, (3, 3), bleed=value),
    "color": lambda value: portresize.pad(RGB, (3, 3), color=value),
    "color of a band": lambda value: portresize.pad(RGB, (3, 3), color=(0, value, 0)),
    "color of grey": lambda value: portresize.pad(GREY, (3, 3), color=value),
    "cover": lambda value: portresize.cover(GREY, (3, 3), dialect=value),
    "edges": lambda value: edges.size_of(value, None),
    "limit": lambda value: edges.size_of(3, value),
    "threads": portresize.threads,
}


class _UnluckyError(Exception):
    """Raised by methods below, and known to nobody else."""


class _Raising:
    """Every method that may be asked for a number, members, text or identity raises."""

    def _raise(self, *_: object) -> Any:
        raise _UnluckyError

    __index__ = __int__ = __float__ = __iter__ = __len__ = __getitem__ = _raise
    __repr__ = __str__ = __format__ = __eq__ = __hash__ = __bool__ = __lt__ = __gt__ = __le__ = __ge__ = _raise
    __class__ = property(_raise)  # As a proxy whose object is gone.


class _Nonsense:
    """Every such method returns what it must not."""

    def _wrong(self, *_: object) -> Any:
        return b"wrong"

    __index__ = __int__ = __float__ = __iter__ = __len__ = __getitem__ = _wrong
    __repr__ = __str__ = __eq__ = __hash__ = __bool__ = _wrong


class _Text(str):
    """Text whose own methods raise."""

    __slots__ = ()

    def _raise(self, *_: object) -> Any:
        raise _UnluckyError

    __eq__ = __hash__ = __repr__ = __str__ = __format__ = __iter__ = __len__ = _raise
    lower = rpartition = count = isascii = index = find = _raise


class _Integer(int):
    """An integer whose own methods raise."""

    def _raise(self, *_: object) -> Any:
        raise _UnluckyError

    __eq__ = __hash__ = __repr__ = __str__ = __index__ = __int__ = __lt__ = __gt__ = __mul__ = _raise


BAD: dict[str, Callable[[], Any]] = {
    "raising": _Raising,
    "nonsense": _Nonsense,
    "text": lambda: _Text("H"),
    "integer": lambda: _Integer(3),
    "endless": itertools.count,
    "endless text": lambda: itertools.repeat("image"),
    "huge": lambda: 10**5000,
    "hugely negative": lambda: -(10**5000),
    "not a number": lambda: float("nan"),
    "infinite": lambda: float("inf"),
    "complex": lambda: np.complex64(3),
    "truth": lambda: np.bool_(True),
    "time": lambda: np.timedelta64(3),
    "object": object,
    "array": lambda: np.zeros((3, 3)),
    "nested": lambda: [[[[[[[]]]]]]],
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_whatever_an_argument_is_the_error_is_ours(argument: str, bad: str) -> None:
    try:
        ARGUMENTS[argument](BAD[bad]())
    except (TypeError, ValueError) as error:
        assert type(error) in {TypeError, ValueError}  # noqa: PT017  some arguments may be so
        text = str(error)
        assert ", expected " in text
        assert len(text) < 1000
    else:
        # A number whose methods raise is a number, and so is one without end where no end is asked for.
        assert bad in {"integer", "infinite", "huge"}


@pytest.mark.parametrize("argument", set(ARGUMENTS) - {"layout", "mode", "dialect", "cover"})
def test_what_a_class_raised_is_the_cause(argument: str) -> None:
    with pytest.raises(TypeError, match="_Raising whose repr raises _UnluckyError") as caught:
        ARGUMENTS[argument](_Raising())
    assert type(caught.value.__cause__) is _UnluckyError


def test_what_is_merely_no_number_has_no_cause() -> None:
    with pytest.raises(TypeError) as caught:
        portresize.resize(GREY, (3, None))  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, SystemExit])
def test_what_is_no_fault_of_the_argument_passes(error: type[BaseException]) -> None:
    class Stopped:
        def __index__(self) -> int:
            raise error

    with pytest.raises(error):
        portresize.resize(GREY, (3, Stopped()))


def test_words_in_a_subclass_of_text_are_plain_text() -> None:
    expected = portresize.resize(RGB, (5, 6), "lanczos", layout="HWC", mode="RGB", dialect="pillow-12")
    words: Any = {"layout": _Text("HWC"), "mode": _Text("RGB"), "dialect": _Text("pillow-12")}
    assert (portresize.resize(RGB, (5, 6), _Text("lanczos"), **words) == expected).all()
    assert (portresize.resize(RGB, (5, 6), np.str_("lanczos"), layout=np.str_("HWC")) == expected).all()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([7] * 1000, "[7, 7, 7, 7, 7, 7, ...]"),
        ("x" * 1000, "'" + "x" * 97 + "..." + "x" * 98 + "'"),
        (_Raising(), "<_Raising whose repr raises _UnluckyError>"),
        ((3, _Raising()), "(3, <_Raising whose repr raises _UnluckyError>)"),
        (_Nonsense(), "<_Nonsense whose repr raises TypeError>"),
        (_Text("long"), "<_Text whose repr raises _UnluckyError>"),
        (10**5000, "<int whose repr raises ValueError>"),
        (np.int64(3), "np.int64(3)"),
        (2.5, "2.5"),
    ],
    ids=["list", "text", "raising", "member", "nonsense", "subclass", "huge", "numpy", "float"],
)
def test_a_value_is_shown_in_few_words(value: object, text: str) -> None:
    assert foreign.shown(value) == text


def test_no_more_of_a_sequence_is_read_than_is_needed() -> None:
    read = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            read.append(number)
            yield number

    with pytest.raises(ValueError, match=r"`size` is \(0, 1, 2, 3, 4, 5, \.\.\.\), expected two integers >= 1"):
        portresize.resize(GREY, endless())
    assert read == list(range(foreign.FEW + 1))


class _ListConfig(Sequence[int]):
    """A sequence that is neither list nor tuple, as OmegaConf has them."""

    def __init__(self, *members: int) -> None:
        self._members = members

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, index: Any) -> Any:
        return self._members[index]


@pytest.mark.parametrize(
    "sequence",
    [_ListConfig, lambda *members: np.array(members), lambda *members: iter(members)],
    ids=["sequence", "array", "iterator"],
)
def test_any_sequence_is_a_size_of_torchvision(sequence: Callable[..., Any]) -> None:
    assert edges.size_of(sequence(224), 300) == (224, 300)
    assert edges.size_of(sequence(224, 256), None) == ((224, 256), None)


@pytest.mark.parametrize("size", [(99.9, 99.9), (33.5, 20), (1.2, 50.0), (np.float32(7.99), 30)])
def test_fractions_of_a_thumbnail_are_cut_off(size: tuple[float, float]) -> None:
    image = Image.fromarray(GREY)
    image.thumbnail((size[1], size[0]))
    assert (portresize.thumbnail(GREY, size) == np.asarray(image)).all()


def test_a_thumbnail_of_less_than_a_sample_is_one_of_nothing() -> None:
    with pytest.raises(ValueError, match=r"`size` leaves \(1, 0\) of an image of \(48, 64\)"):
        portresize.thumbnail(GREY, (5, 0.9))
    with pytest.raises(ValueError, match=r"`size` is \(-0\.1, 5\), expected two numbers >= 0 as \(height, width\)"):
        portresize.thumbnail(GREY, (-0.1, 5))
