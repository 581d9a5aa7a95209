"""From a request and a source size to the steps that answer it: every decision that `Image.resize` takes, in its order.

Source: Pillow 13.0.0, src/PIL/Image.py (resize, reduce) and src/libImaging/Resample.c (ImagingResample).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from portresize._core import room
from portresize._core.cache import LONG, kept
from portresize._core.dialect import Dialect, dialect
from portresize._core.filters import FILTERS, Resampling
from portresize._core.fixed import quantize
from portresize._core.floating import DefaultState
from portresize._core.modes import MODES, Mode
from portresize._core.request import MOST_SAMPLES
from portresize._core.steps import Blank, Crop, FlipSign, Pad, Pass, Premultiply, Reduce, Step, Take, Unpremultiply
from portresize._core.taps import Taps, longest_axis, nearest, reach, taps

if TYPE_CHECKING:
    from portresize._core.spec import Spec
    from portresize._core.steps import Axis

Box = tuple[float, float, float, float]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to do to an image of one size.

    Attributes:
        source: `(height, width)` of the image.
        result: `(height, width)` of the answer.
        steps: In order; none at all means a copy.
    """

    source: Size
    result: Size
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        """The plan as `portresize explain` prints it: one line per step."""
        lines = [f"{i}. {step}" for i, step in enumerate(self.steps, 1)] or ["1. copy"]
        return "\n".join([f"{self.source[0]}x{self.source[1]} -> {self.result[0]}x{self.result[1]}", *lines])


@kept(lambda spec, source: max(*source, *spec.size) > LONG)
@DefaultState()
def plan(spec: Spec, source: Size) -> Plan:
    """The steps that answer `spec` for an image of `source` = `(height, width)` samples.

    Raises:
        ValueError: The box leaves the source or the mode cannot do what is asked.
        TypeError: Samples can only be moved, and the filter computes.
        MemoryError: This process cannot hold the result, or a table.

    >>> from portresize._core.spec import Spec
    >>> print(plan(Spec("HWC", "RGB", "pillow-13", size=(256, 256)), (768, 256)))
    768x256 -> 256x256
    1. u8 pass along H: samples 0..768 -> 256, 12 taps, weights int32 12.0 KiB
    """
    rules = dialect(spec.dialect)
    mode = MODES[spec.mode]
    if spec.factor:
        steps = _reduce(spec, mode, rules, source)
    else:
        height, width = spec.result(source)
        # One band of samples of one byte, at the least; backends know bands, dtype and batch.
        room.hold(height * width, f"a result of {height} x {width} samples")
        steps = _resize(spec, mode, rules, source)
    if spec.canvas:
        height, width, top, left = spec.canvas
        # Operators of compilers hand on integers as floats.
        fill = tuple(int(number) for number in spec.fill) if mode.is_whole else spec.fill
        steps = [*steps, Pad(height, width, top, left, fill)] if height and width else [Blank(height, width)]
    return Plan(source, spec.result(source), tuple(steps))


def _resize(spec: Spec, mode: Mode, rules: Dialect, source: Size) -> list[Step]:
    """`Image.resize`: identity, then alpha, then the gap, then the passes."""
    height, width = source
    full = (0.0, 0.0, float(width), float(height))
    box: Box = spec.box or full  # type: ignore[assignment]  # a Spec holds tuples of any length
    size = (spec.size[0], spec.size[1])
    resample = Resampling.NEAREST if mode.kind == "index" else Resampling(spec.resample)
    if not all(size):
        return _in_memory_form([Blank(*size)], mode._replace(alpha=False))
    if size == source and box == full:
        return []
    _check_box(box, source)
    core = _Core(spec, mode, rules, resample)
    if not spec.reducing_gap or resample == Resampling.NEAREST or (mode.alpha and not rules.alpha_gap):
        steps = core.resize(source, size, box)
    else:
        steps = core.resize_with_gap(source, size, box, spec.reducing_gap)
    if resample == Resampling.NEAREST and not rules.nearest_alpha:
        return _in_memory_form(steps, mode._replace(alpha=False))
    # Pillow multiplies alpha in even for a pure crop, so colours under alpha 0 are lost there too.
    return _in_memory_form(steps, mode)


def _reduce(spec: Spec, mode: Mode, rules: Dialect, source: Size) -> list[Step]:
    """`Image.reduce`."""
    height, width = source
    box: Box = spec.box or (0, 0, width, height)  # type: ignore[assignment]  # as in _resize
    vertical, horizontal = spec.factor
    left, top, right, bottom = (int(edge) for edge in box)
    if (vertical, horizontal) == (1, 1):
        if (left, top, right, bottom) == (0, 0, width, height):
            return []
        if rules.unit_reduce_crops:
            return _cropped(mode, source, (left, top, right, bottom))
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(_leaves(box, source, "with `right` > `left` and `lower` > `upper`"))
    if (vertical, horizontal) == (1, 1):
        return _in_memory_form([Crop(top, left, bottom - top, right - left)], mode)
    if mode.kind == "moved":
        raise TypeError(_only_moves(mode, "an average"))
    if mode.kind in {"index", "u16"}:
        msg = f'mode "{spec.mode}" cannot be averaged by `reduce`; resize with "nearest" or cast to another dtype'
        raise ValueError(msg)
    core = _Core(spec, mode, rules)
    return _in_memory_form(core.reduce(source, (vertical, horizontal), (left, top, right, bottom)), mode)


def _cropped(mode: Mode, source: Size, box: tuple[int, int, int, int]) -> list[Step]:
    """`Image.crop`: what of the box lies in the source, on zeros."""
    left, top, right, bottom = box
    height, width = bottom - top, right - left
    if height < 0 or width < 0:
        raise ValueError(_leaves(box, source, "with `right` >= `left` and `lower` >= `upper`"))
    if height * width > MOST_SAMPLES:
        msg = f"`box` {box} holds {height} x {width} samples a band, expected at most 2**40"
        raise ValueError(msg)
    room.hold(height * width, f"a box of {height} x {width} samples")
    first, last = (max(top, 0), max(left, 0)), (min(bottom, source[0]), min(right, source[1]))
    if not (first[0] < last[0] and first[1] < last[1]):
        return _in_memory_form([Blank(height, width)], mode._replace(alpha=False))
    inner = Crop(*first, last[0] - first[0], last[1] - first[1])
    if (inner.height, inner.width) == (height, width):
        return [inner]
    # Pillow keeps signed bytes: 0 reads as 128.
    zero = tuple(128 if band in mode.signed else 0 for band in range(mode.bands)) if mode.signed else (0,)
    canvas = Pad(height, width, first[0] - top, first[1] - left, zero)
    return [canvas] if (inner.height, inner.width) == source else [inner, canvas]


def _in_memory_form(steps: list[Step], mode: Mode) -> list[Step]:
    """`steps` between the conversions to and from the form in which Pillow computes."""
    if mode.alpha:
        return [Premultiply(), *steps, Unpremultiply()]
    moves_only = all(isinstance(step, Crop) or (isinstance(step, Take) and (step.index >= 0).all()) for step in steps)
    if mode.signed and not moves_only:
        return [FlipSign(mode.signed), *steps, FlipSign(mode.signed)]
    return steps


def _check_box(box: Box, source: Size) -> tuple[float, float, float, float, float, float]:
    """The edges of a box and its width and height, all in single precision as in C, if it lies in the source."""
    height, width = source
    with np.errstate(over="ignore"):
        x0, y0, x1, y1 = np.array(box, np.float32)
        span_x, span_y = x1 - x0, y1 - y0
    if not (
        x0 >= 0 and y0 >= 0 and x1 <= np.float32(width) and y1 <= np.float32(height) and span_x >= 0 and span_y >= 0
    ):
        raise ValueError(_leaves(box, source, "with `right` >= `left` and `lower` >= `upper`"))
    return float(x0), float(y0), float(x1), float(y1), float(span_x), float(span_y)


def _leaves(box: Box, source: Size, rule: str = "") -> str:
    """What is wrong with a box outside the source."""
    height, width = source
    text = f"`box` {_numbers(box)} leaves the source, which is {width} wide and {height} high"
    left, upper, right, lower = box
    outside = right > width or lower > height
    if outside and 0 <= upper < lower <= width and 0 <= left < right <= height:
        text += f"; a box is (left, upper, right, lower), did you mean {_numbers((upper, left, lower, right))}?"
    elif rule:
        if right < left or lower < upper:
            text = f"`box` {_numbers(box)} ends before it begins"
        text += f"; a box is (left, upper, right, lower) {rule}"
    return text


def _numbers(box: tuple[float, ...]) -> str:
    """A box as the caller would have written it: whole numbers without a decimal point."""
    return "(" + ", ".join(repr(edge).removesuffix(".0") for edge in box) + ")"


def _only_moves(mode: Mode, what: str) -> str:
    """Return what is wrong with arithmetic on samples that no mode of Pillow holds."""
    return (
        f"`image` has dtype {mode.dtypes[0]}, whose samples can only be moved, and {what} computes new ones; pass "
        f'resample="nearest", or cast it to {mode.cast}'
    )


@dataclass(frozen=True, slots=True)
class _Core:
    """Resizing in the form in which Pillow computes: alpha multiplied in, bytes signed where they are."""

    spec: Spec
    mode: Mode
    rules: Dialect
    resample: Resampling = Resampling.BICUBIC

    def resize_with_gap(self, source: Size, size: Size, box: Box, gap: float) -> list[Step]:
        """Reduce by whole factors first, as far as that leaves `gap` times the wanted size."""
        height, width = source
        x0, y0, x1, y1 = box
        factor_x = int((x1 - x0) / size[1] / gap) or 1
        factor_y = int((y1 - y0) / size[0] / gap) or 1
        if factor_x <= 1 and factor_y <= 1:
            return self.resize(source, size, box)
        if self.mode.kind == "moved":
            raise TypeError(_only_moves(self.mode, "`reducing_gap`"))
        if self.mode.kind in {"index", "u16"}:
            msg = '`reducing_gap` needs an average, which mode "I;16" does not have in Pillow; leave the gap out'
            raise ValueError(msg)
        # Pillow widens the box by the filter's reach, less the half sample that reducing covers itself.
        reach = FILTERS[self.resample].support - 0.5
        reach_x, reach_y = reach * ((x1 - x0) / size[1]), reach * ((y1 - y0) / size[0])
        left, top = max(0, int(x0 - reach_x)), max(0, int(y0 - reach_y))
        right, bottom = min(width, math.ceil(x1 + reach_x)), min(height, math.ceil(y1 + reach_y))
        if left >= right or top >= bottom:
            msg = f"`reducing_gap` cannot average an empty part of the image: box {_numbers(box)}; leave the gap out"
            raise ValueError(msg)
        steps = self.reduce(source, (factor_y, factor_x), (left, top, right, bottom))
        inner = ((x0 - left) / factor_x, (y0 - top) / factor_y, (x1 - left) / factor_x, (y1 - top) / factor_y)
        reduced = (bottom - top - 1) // factor_y + 1, (right - left - 1) // factor_x + 1
        return [*steps, *self.resize(reduced, size, inner)]

    def reduce(self, source: Size, factor: Size, box: tuple[int, int, int, int]) -> list[Step]:
        """Crop to the box, then average."""
        left, top, right, bottom = box
        crop = Crop(top, left, bottom - top, right - left)
        steps: list[Step] = [] if (crop.height, crop.width) == source else [crop]
        # A block longer than the source is a partial one, however much longer.
        vertical, horizontal = min(factor[0], crop.height + 1), min(factor[1], crop.width + 1)
        return [*steps, Reduce(vertical, horizontal, self.mode.kind)]

    def resize(self, source: Size, size: Size, box: Box) -> list[Step]:
        """One call of the C core, or two where the dialect splits tall images."""
        if self.rules.pass_order == "tall" and source[0] > source[1] * 100 and size[0] < source[0]:
            if not source[1]:
                msg = "`image` has no width, which Pillow 12.2 and 12.3 refuse for images that lose height"
                raise ValueError(msg)
            between = (size[0], source[1])
            first = self._call(source, between, (0.0, box[1], float(source[1]), box[3]))
            return first + self._call(between, size, (box[0], 0.0, box[2], float(size[0])))
        return self._call(source, size, box)

    def _call(self, source: Size, size: Size, box: Box) -> list[Step]:
        """`ImagingResample` and its neighbours: check the box, then crop, take or convolve."""
        (in_h, in_w), (out_h, out_w) = source, size
        x0, y0, x1, y1, span_x, span_y = _check_box(box, source)
        moves = x0.is_integer() and y0.is_integer() and (span_y, span_x) == (out_h, out_w)
        # Pillow compares the far edge with the output size: a box that ends elsewhere needs its pass even at scale 1.
        needs_h, needs_w = out_h != in_h or y0 or y1 != out_h, out_w != in_w or x0 or x1 != out_w
        for name, span, n_out, has_table in (("height", span_y, out_h, needs_h), ("width", span_x, out_w, needs_w)):
            limit = longest_axis(span, n_out, self.resample if has_table and not moves else Resampling.NEAREST)
            if n_out > limit:
                most = f"more than the {limit} that" if limit else "and already one output has more weights than"
                msg = f"`size` asks for a {name} of {n_out} from {span:.12g} samples, {most} Pillow's tables can hold"
                raise ValueError(msg)
        if moves:
            return [] if size == source else [Crop(int(y0), int(x0), out_h, out_w)]
        # Later than a crop, which any filter answers in every mode.
        if self.mode.kind == "u16" and self.resample != Resampling.NEAREST and not self.rules.u16_filters:
            msg = f'mode "{self.spec.mode}" has no filter but "nearest" in dialect "{self.spec.dialect}"'
            raise ValueError(msg)
        if not (in_h and in_w):
            return [Blank(out_h, out_w)]
        if self.resample == Resampling.NEAREST:
            accumulate = self.mode.kind != "u16"
            down = Take("H", nearest(in_h, out_h, y0, y1, accumulate=accumulate))
            across = Take("W", nearest(in_w, out_w, x0, x1, accumulate=accumulate))
            # In the order that leaves fewer samples in between, which changes no result.
            return [down, across] if out_h * in_w <= in_h * out_w else [across, down]
        if self.mode.kind == "moved":
            raise TypeError(_only_moves(self.mode, f'"{self.resample.name.lower()}"'))
        lost_h, lost_w = in_h - out_h, in_w - out_w
        vertical_first = self.rules.pass_order == "loss" and lost_h > 0 and lost_h > 2 * lost_w
        if needs_h and needs_w and not vertical_first:
            # Before Pillow 13 a high image may become a wide one, which is larger between the passes than both.
            lines = min(in_h, math.ceil(span_y + 2 * reach(span_y, out_h, self.resample)))
            room.hold(lines * out_w, f"an image of {lines} x {out_w} samples between two passes")
        table_w = taps(in_w, out_w, x0, x1, self.resample) if needs_w else None
        table_h = taps(in_h, out_h, y0, y1, self.resample) if needs_h else None
        if vertical_first:
            return self._passes(source, ("H", table_h), ("W", table_w))
        return self._passes(source, ("W", table_w), ("H", table_h))

    def _passes(self, source: Size, first: tuple[Axis, Taps | None], second: tuple[Axis, Taps | None]) -> list[Step]:
        """Both passes, for the samples that they read alone, which changes no result."""
        start, stop = [0, 0], list(source)
        passes: list[Step] = []
        for axis, table in (first, second):
            if table is None:
                continue
            lo, hi = table.window()
            if hi:
                side = "HW".index(axis)
                start[side], stop[side] = lo, hi
            passes.append(self._pass(axis, table.shifted(lo) if hi and lo else table))
        crop = Crop(start[0], start[1], stop[0] - start[0], stop[1] - start[1])
        return passes if (crop.height, crop.width) == source else [crop, *passes]

    def _pass(self, axis: Axis, table: Taps) -> Pass:
        if self.mode.kind == "u8":
            table = quantize(table)
        clip = self.mode.kind != "u16" or self.rules.u16_overshoot == "clip"
        return Pass(axis, table, self.mode.kind, clip=clip)
