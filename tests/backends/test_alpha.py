"""Alpha is multiplied in and divided out as Pillow does: every pair of colour and alpha."""

from __future__ import annotations

import array_api_compat.numpy as xp
import numpy as np
import pytest
from PIL import Image

from portresize._backends import _numpy_steps as fast
from portresize._backends import generic
from portresize._backends._frame import Frame
from portresize._core.report import assert_same
from portresize._core.steps import Premultiply, Unpremultiply

COLOR, ALPHA = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
PAIRS = np.stack([COLOR, COLOR[::-1], COLOR[:, ::-1], ALPHA], axis=-1)
FRAME = Frame(xp, "cpu", "HWC", 3)


@pytest.mark.parametrize("steps", [generic.STEPS, fast.STEPS], ids=["generic", "numpy"])
@pytest.mark.parametrize(
    ("step", "source", "target"), [(Premultiply(), "RGBA", "RGBa"), (Unpremultiply(), "RGBa", "RGBA")]
)
def test_every_pair_is_pillows(steps: dict[type, generic.Do], step: object, source: str, target: str) -> None:
    expected = Image.frombytes(source, (256, 256), PAIRS.tobytes()).convert(target)
    assert_same(steps[type(step)](FRAME, PAIRS, step), np.asarray(expected))
