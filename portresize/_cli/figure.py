"""The picture that `portresize compare` draws: the results side by side, and where each is off, on one scale."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from portresize._cli import arguments, libraries, rivals
from portresize._core.modes import MODES
from portresize._core.report import compare

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from portresize._cases import Case
    from portresize._cli.picture import Picture
    from portresize._cli.pillow import Spoken

_INK, _PALE = "#222222", "#777777"
_PLACES = {"left": 0.015, "right": 0.925, "top": 0.86, "bottom": 0.03, "wspace": 0.06, "hspace": 0.22}
# Side of a panel in pixels of the screen.
_PANEL = 330
_STEPS = (1, 3, 10, 30, 100, 300, 1000, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
_EXPLANATION = """\
Absolute difference
from Pillow, mean of bands

one colour scale for all three,
logarithmic, so that the
smallest difference shows;
black is equal"""


def draw(
    path: Path,
    *,
    spoken: Spoken,
    picture: Picture,
    case: Case,
    expected: np.ndarray,
    ours: Mapping[str, np.ndarray],
    theirs: Mapping[str, np.ndarray | str],
) -> None:
    """Write the figure.

    Args:
        path: Where; the suffix says in which format.
        spoken: Which Pillow is the reference.
        picture: What was resized.
        case: How it was resized.
        expected: Pillow's result.
        ours: portresize's results by library.
        theirs: Rivals' results by name, or why there is none.

    Raises:
        Missing: matplotlib is not installed.
    """
    libraries.load("matplotlib", "matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    library, our_result = next(iter(ours.items()), ("nothing", "no result"))
    plain, smooth = theirs[rivals.PLAIN.name], theirs[rivals.ANTIALIASED.name]
    fig = Figure(figsize=(13, 7.4), dpi=120, facecolor="white")
    FigureCanvasAgg(fig)
    axes = fig.subplots(2, 4, gridspec_kw=_PLACES)
    title = f"{picture.name} at {arguments.by(case.size)}, {case.resample.name.lower()}: how far from Pillow?"
    fig.suptitle(title, x=_PLACES["left"], y=0.975, ha="left", fontsize=17, fontweight="bold", color=_INK)
    shown = _Shown(picture, expected)
    _panel(axes[0, 0], shown.rgb(picture.array), "original", arguments.by(case.source))
    _panel(axes[0, 1], shown.rgb(expected), f"Pillow {spoken.version}", "the reference")
    _panel(axes[0, 2], shown.rgb(plain), "torch F.interpolate", "as it is mostly called")
    _panel(axes[0, 3], shown.rgb(our_result), f"portresize on {library}", _agreement(ours))
    axes[1, 0].axis("off")
    axes[1, 0].text(0, 0.5, _EXPLANATION, va="center", fontsize=12, color=_INK, linespacing=1.5)
    # Each map stands under its picture; the antialiased one has none.
    maps = {
        "F.interpolate, antialias": smooth,
        "torch F.interpolate": plain,
        f"portresize on {library}": our_result,
    }
    _maps(fig, axes[1, 1:], maps, expected)
    fig.savefig(path)


def _maps(fig: Figure, axes: Iterable[Axes], maps: Mapping[str, np.ndarray | str], expected: np.ndarray) -> None:
    """Where each result is off, on one colour scale, with its bar."""
    from matplotlib.colors import SymLogNorm

    errors = {name: r if isinstance(r, str) else _error(r, expected) for name, r in maps.items()}
    worst = max((float(e.max(initial=0.0)) for e in errors.values() if not isinstance(e, str)), default=0.0)
    # The smallest difference there is, so that it can be told from none; floats have no such thing.
    bands = expected.shape[2] if expected.ndim == 3 else 1
    least = 1.0 / bands if expected.dtype.kind != "f" else 10.0 ** (np.floor(np.log10(max(worst, 1e-30))) - 6)
    worst = max(worst, 10 * least)
    norm = SymLogNorm(least, vmin=0.0, vmax=worst, base=10)
    meshes = []
    for axis, (name, error) in zip(axes, errors.items(), strict=True):
        meshes.append(
            _panel(axis, error, f"{name} − Pillow", _verdict(maps[name], expected), cmap="inferno", norm=norm)
        )
        place = axis.get_position()
    mesh = next((mesh for mesh in meshes if mesh is not None), None)
    if mesh is None:
        return
    bar = fig.colorbar(mesh, cax=fig.add_axes((0.937, place.y0, 0.013, place.height)))
    steps = _STEPS if expected.dtype.kind != "f" else [least * 10.0**i for i in range(7)]
    ticks = [0.0, *(step for step in steps if step <= worst)]
    bar.set_ticks(ticks, labels=[f"{tick:.2g}" if 0 < tick < 1 else f"{tick:.0f}" for tick in ticks], color=_INK)
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)


def _error(result: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Mean absolute difference of the bands, (height, width)."""
    gap = _gap(result, expected)
    return gap if gap.ndim == 2 else gap.mean(axis=2)


def _gap(result: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Absolute differences; NaN and infinities, which no scale holds, count as none."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.abs(result.astype(np.float64) - expected.astype(np.float64)), posinf=0.0)


def _verdict(result: np.ndarray | str, expected: np.ndarray) -> str:
    """How many values differ, and by how much at most."""
    if isinstance(result, str):
        return ""
    gap = _gap(result, expected)
    share = 100 * float((gap != 0).mean())
    if not share:
        return f"all {gap.size:,} values equal"
    return f"{share:.3g} % of values differ, by up to {float(gap.max()):.4g}"


def _agreement(ours: Mapping[str, np.ndarray]) -> str:
    """Whether all libraries have the same result."""
    first, *others = ours.values() or ("",)
    if not others or any(compare(other, first) for other in others):
        return ""
    return f"{len(ours)} libraries, one result"


class _Shown:
    """Samples of any mode as something that a screen can show, all results on one scale."""

    def __init__(self, picture: Picture, expected: np.ndarray) -> None:
        self.mode = picture.mode
        finite = expected[np.isfinite(expected)].astype(np.float64)
        self.low, self.high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)

    def rgb(self, result: np.ndarray | str) -> np.ndarray | str:
        """(height, width, 3 or 4) of uint8."""
        if isinstance(result, str):
            return result
        if MODES[self.mode].kind == "u8":
            return self._by_pillow(result)
        span = (self.high - self.low) or 1.0
        gray = np.clip((np.nan_to_num(result.astype(np.float64)) - self.low) / span * 255, 0, 255).astype(np.uint8)
        return self._gray(gray)

    def _by_pillow(self, result: np.ndarray) -> np.ndarray:
        from PIL import Image

        height, width = result.shape[:2]
        if not MODES[self.mode].bands:
            return self._gray(result)
        image = Image.frombytes(self.mode, (width, height), np.ascontiguousarray(result).tobytes())
        try:
            return np.asarray(image.convert("RGBA" if MODES[self.mode].alpha else "RGB"))
        except ValueError:
            # Pillow converts La and LAB to nothing that can be shown: the first band is the lightness.
            return self._gray(result[..., 0])

    @staticmethod
    def _gray(result: np.ndarray) -> np.ndarray:
        if result.ndim == 3:
            result = result[..., :3] if result.shape[2] >= 3 else result[..., 0]
        return result if result.ndim == 3 else np.stack([result] * 3, axis=-1)


def _panel(
    axis: Axes,
    image: np.ndarray | str,
    title: str,
    below: str,
    *,
    cmap: str | None = None,
    norm: Normalize | None = None,
) -> AxesImage | None:
    """One picture, or the reason why there is none, under a title of two lines."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_anchor("W")
    for spine in axis.spines.values():
        spine.set_color("#cccccc")
    axis.set_title(title, loc="left", fontsize=11.5, fontweight="bold", color=_INK, pad=19)
    axis.text(0, 1.025, below, transform=axis.transAxes, fontsize=9.5, color=_PALE, va="bottom")
    if isinstance(image, str):
        axis.set_box_aspect(1)
        axis.text(0.5, 0.5, textwrap.fill(image, 28), transform=axis.transAxes, ha="center", va="center", color=_PALE)
        return None
    # Small ones in true samples; large ones would get an aliasing of the screen's own.
    how = "nearest" if max(image.shape[:2]) <= _PANEL else "auto"
    return axis.imshow(image, interpolation=how, cmap=cmap, norm=norm)
