"""Pillow's answers to requests in portresize's words, and a process that gives them over a pipe.

Everything here runs on Python 3.8 with numpy and any Pillow from 7.0 on, and imports nothing of portresize: each old
Pillow answers from an interpreter of its own.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from types import TracebackType

    from PIL import Image

_ROOT = Path(__file__).parent.parent
_DTYPES = {"I": np.int32, "I;16": np.uint16, "F": np.float32}
BANDS = dict.fromkeys(("LA", "La", "PA"), 2)
BANDS.update(dict.fromkeys(("RGB", "YCbCr", "HSV", "LAB"), 3))
BANDS.update(dict.fromkeys(("RGBA", "RGBa", "RGBX", "CMYK"), 4))
# Pillow's words for the argument that is `resample` here.
_METHOD = {"contain", "cover", "fit", "pad"}


class Request(NamedTuple):
    """One call of a verb; its words are portresize's, and every filter is a number."""

    verb: str
    mode: str
    image: np.ndarray
    words: dict[str, Any]


def picture(array: np.ndarray, mode: str) -> Image.Image:
    """`array` as Pillow's image of `mode`."""
    from PIL import Image

    packed = np.packbits(array, axis=1) if mode == "1" else array
    return Image.frombytes(mode, (array.shape[1], array.shape[0]), np.ascontiguousarray(packed).tobytes())


def array(image: Image.Image) -> np.ndarray:
    """The samples of `image`, which old Pillows do not give numpy in every mode."""
    if image.mode == "1":
        # Pillow 7 and 8 hand out bools whose bytes are 255.
        return np.asarray(image).view(np.uint8) != 0
    bands = BANDS.get(image.mode)
    shape = (image.height, image.width, bands) if bands else (image.height, image.width)
    return np.frombuffer(image.tobytes(), _DTYPES.get(image.mode, np.uint8)).reshape(shape)


def answer(request: Request) -> np.ndarray | str:
    """Return what this interpreter's Pillow answers, or the text of its error."""
    from PIL import ImageOps

    verb, mode, image, words = request
    words = dict(words)
    for name in ("size", "factor"):
        if isinstance(words.get(name), tuple):
            words[name] = words[name][::-1]
    if verb in _METHOD and "resample" in words:
        words["method"] = words.pop("resample")
    asked = picture(image, mode)
    try:
        if verb == "thumbnail":
            asked.thumbnail(**words)
            return array(asked)
        if verb in {"resize", "reduce"}:
            return array(getattr(asked, verb)(**words))
        return array(getattr(ImageOps, verb)(asked, **words))
    except (ValueError, ZeroDivisionError, AttributeError) as error:
        return "{}: {}".format(type(error).__name__, error)  # noqa: UP032  as Python 3.8 and any other


class Pillow:
    """A Pillow in a process of its own, on whatever interpreter it is installed for."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, "-W", "ignore", "-m", "tests.answers"], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.versions: dict[str, str] = self._read()
        self._is_asked = False

    def ask(self, request: Request) -> None:
        """Send a request; others may be asked before the answer is fetched."""
        if self._is_asked:
            # A failed comparison fetched no answer, and two would not fit the pipe.
            self.answer()
        self._is_asked = True
        verb, mode, image, words = request
        assert self._process.stdin
        pickle.dump((verb, mode, _sent(image), words), self._process.stdin, 4)
        self._process.stdin.flush()

    def answer(self) -> np.ndarray | str:
        """Return the answer to the request just sent, or the text of its error."""
        found = self._read()
        self._is_asked = False
        return found if isinstance(found, str) else _received(found)

    def __enter__(self) -> Pillow:  # noqa: PYI034  Self is not in Python 3.8
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def _read(self) -> Any:
        assert self._process.stdout
        return pickle.load(self._process.stdout)  # noqa: S301  our own process


# Arrays travel as bytes: the pickles of numpy 2 mean nothing to numpy 1.
def _sent(image: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    return image.dtype.str, image.shape, image.tobytes()


def _received(sent: tuple[str, tuple[int, ...], bytes]) -> np.ndarray:
    dtype, shape, content = sent
    return np.frombuffer(content, dtype).reshape(shape)


def _serve() -> None:
    """Answer requests from the standard input until it ends."""
    import platform

    import PIL

    # typeshed does not promise that the stream can look ahead.
    stream: Any = sys.stdin.buffer
    out = sys.stdout.buffer
    versions = {"pillow": PIL.__version__, "python": platform.python_version(), "numpy": np.__version__}
    pickle.dump(versions, out, 4)
    out.flush()
    while stream.peek(1):
        verb, mode, sent, words = pickle.load(stream)  # noqa: S301  our own process
        with np.errstate(all="ignore"):
            found = answer(Request(verb, mode, _received(sent), words))
        pickle.dump(found if isinstance(found, str) else _sent(found), out, 4)
        out.flush()


if __name__ == "__main__":
    _serve()
