"""One call and its outcome: a right result, or one of four exceptions with a clear text; all else is a fault."""

from __future__ import annotations

import gc
import re
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import portresize
from tests.hostile.calls import Call
from tests.hostile.pictures import Made

ALLOWED = (TypeError, ValueError, MemoryError, OverflowError)
# A call that takes longer, in seconds of its own thread, or more memory, is a fault.
SLOW = 20.0
LARGE = 1 << 30
_LONGEST_TEXT = 1200


class Outcome(NamedTuple):
    """What became of a call: "result", the name of an exception, or "FAULT", and why."""

    word: str
    text: str = ""

    @property
    def is_fault(self) -> bool:
        """Return whether portresize broke its promise."""
        return self.word == "FAULT"


def fault(text: str) -> Outcome:
    """A promise that was broken."""
    return Outcome("FAULT", text)


def judge(call: Call) -> Outcome:
    """Make a call and look at its outcome."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = call.picture.make() if call.picture else None
            words = {name: value.make() for name, value in call.words.items()}
            act = call.load()
        except Exception as error:  # noqa: BLE001  not every combination can be made
            return Outcome("not made", f"{type(error).__name__}: {_first_line(error)}")
        before = None if made is None or made.memory is None else made.memory.tobytes()
        warnings.simplefilter("error")
        start, used = time.thread_time(), _used()
        result, raised = _made(act, made, words)
        took, grown = time.thread_time() - start, _used() - used
    if took > SLOW:
        return fault(f"took {took:.1f} s")
    if grown > LARGE:
        return fault(f"took {grown >> 20} MiB")
    if made is not None and made.memory is not None and made.memory.tobytes() != before and "changed" not in call.name:
        return fault("the image was written")
    if raised is not None:
        return _of_an_error(call, raised)
    return _of_a_result(call, act, made, result)


def _made(act: Callable[..., Any], made: Made | None, words: dict[str, Any]) -> tuple[Any, BaseException | None]:
    try:
        return act(*([made.image] if made else []), **words), None
    except BaseException as error:  # noqa: BLE001  also what passes through
        return None, error


def _used() -> int:
    """The most memory that this process has held, in bytes."""
    # Not of `getrusage`, where a process begins with the peak of the one that started it.
    found = re.search(rb"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_bytes())
    return int(found[1]) << 10 if found else 0


def _of_an_error(call: Call, error: BaseException) -> Outcome:
    name = type(error).__name__
    if type(error) in call.passes:
        return Outcome(f"{name} of the caller")
    if not isinstance(error, ALLOWED):
        last = traceback.extract_tb(error.__traceback__)[-3:]
        places = " < ".join(
            f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno}" for frame in reversed(last)
        )
        return fault(f"raised {name}: {_first_line(error)} at {places}")
    text = str(error)
    if isinstance(error, MemoryError):
        return Outcome("MemoryError")
    if type(error) not in ALLOWED or len(text) > _LONGEST_TEXT or not text or not _is_clear(text):
        (frame,) = traceback.extract_tb(error.__traceback__)[-1:]
        place = f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno}"
        return Outcome(f"{name}, unclear", f"{text[:200]!r} at {place}")
    return Outcome(name)


def _is_clear(text: str) -> bool:
    """Return whether a text is one of ours: it names an argument, or says what is expected or to be done."""
    return (
        "`" in text
        or "expected" in text
        or "no backend" in text
        or "no filter" in text
        or "pass " in text
        or "put v2.ToImage" in text
    )


def _first_line(error: BaseException) -> str:
    try:
        return str(error).partition("\n")[0][:200]
    except Exception:  # noqa: BLE001  an exception that cannot be shown
        return "(no text)"


def _of_a_result(call: Call, act: Callable[..., Any], made: Made | None, result: Any) -> Outcome:
    """Compare a result with that for the samples that are really there, where they are known."""
    if made is None or made.truth is None or call.changes or " in " in call.name:
        return Outcome("result")
    words = {name: value.make() for name, value in call.words.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, error = _made(act, Made(made.truth), words)
        if error is not None:
            return Outcome("result", f"but for its samples {type(error).__name__}")
        found = result.detach().numpy() if hasattr(result, "detach") else np.asarray(result)
        expected = np.asarray(expected)
        if found.shape != expected.shape or not _is_same(found, expected.astype(found.dtype)):
            return fault(
                f"another result, {found.dtype}{list(found.shape)}, than for its samples, {list(expected.shape)}"
            )
    return Outcome("result")


def _is_same(found: np.ndarray, expected: np.ndarray) -> bool:
    """Compare bytes, but where some of them mean nothing."""
    if found.dtype.char in "gG":
        return bool(np.array_equal(found, expected, equal_nan=True))
    return found.tobytes() == expected.tobytes()


_GREY = np.arange(48 * 64, dtype=np.uint8).reshape(48, 64)
_KNOWN: list[bytes] = []


def is_well() -> bool:
    """Return whether plain requests still have the results of the first time: no hostile one is remembered for them."""
    calls: tuple[Callable[[], np.ndarray], ...] = (
        lambda: portresize.resize(_GREY, (7, 9)),
        lambda: portresize.resize(_GREY, (1, 1), "box", box=(0, 0, 1, 1)),
        lambda: portresize.resize(_GREY, (3, 3), 1, layout="HW"),
        lambda: portresize.reduce(_GREY, 3),
        lambda: portresize.pad(_GREY, (5, 5), color=3),
        lambda: portresize.scale(_GREY, 0.5),
        lambda: portresize.fit(_GREY, (5, 6), "lanczos"),
    )
    try:
        found = [np.asarray(call()).tobytes() for call in calls]
    except Exception:  # noqa: BLE001  what is wrong is said by the campaign
        return False
    if not _KNOWN:
        _KNOWN.extend(found)
    return found == _KNOWN


def tidy() -> None:
    """Collect what hostile objects left in cycles."""
    gc.collect()
