"""The scalar formula of the weights, one Python float at a time, written from the C source and not from our code."""

from __future__ import annotations

import math

import numpy as np

HAMMING = float(np.float32(0.54)), float(np.float32(0.46))


def _sinc(x: float) -> float:
    if x == 0.0:
        return 1.0
    x *= math.pi
    return math.sin(x) / x


def box(x: float) -> float:
    return 1.0 if -0.5 < x <= 0.5 else 0.0


def bilinear(x: float) -> float:
    x = abs(x)
    return 1.0 - x if x < 1.0 else 0.0


def hamming(x: float) -> float:
    x = abs(x)
    if x == 0.0:
        return 1.0
    if x >= 1.0:
        return 0.0
    x *= math.pi
    return math.sin(x) / x * (HAMMING[0] + HAMMING[1] * math.cos(x))


def bicubic(x: float) -> float:
    a = -0.5
    x = abs(x)
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    if x < 2.0:
        return (((x - 5) * x + 8) * x - 4) * a
    return 0.0


def lanczos(x: float) -> float:
    return _sinc(x) * _sinc(x / 3) if -3.0 <= x < 3.0 else 0.0


def mks2013(x: float) -> float:
    x = abs(x)
    if x < 0.5:
        return 17.0 / 16.0 - 7.0 / 4.0 * (x * x)
    if x < 1.5:
        return (1.0 - x) * (7.0 / 4.0 - x)
    if x < 2.5:
        return -1.0 / 8.0 * ((x - 5.0 / 2.0) * (x - 5.0 / 2.0))
    return 0.0


def mks2021(x: float) -> float:
    x = abs(x)
    if x < 0.5:
        return 577.0 / 576.0 - 239.0 / 144.0 * (x * x)
    if x < 1.5:
        return 35.0 / 36.0 * (x - 1.0) * (x - 239.0 / 140.0)
    if x < 2.5:
        return 1.0 / 6.0 * (x - 2.0) * (65.0 / 24.0 - x)
    if x < 3.5:
        return 1.0 / 36.0 * (x - 3.0) * (x - 15.0 / 4.0)
    if x < 4.5:
        return -1.0 / 288.0 * ((x - 9.0 / 2.0) * (x - 9.0 / 2.0))
    return 0.0


KERNELS = {
    "box": (box, 0.5),
    "bilinear": (bilinear, 1.0),
    "hamming": (hamming, 1.0),
    "bicubic": (bicubic, 2.0),
    "lanczos": (lanczos, 3.0),
    "mks2013": (mks2013, 2.5),
    "mks2021": (mks2021, 4.5),
}


def weights(n_in: int, n_out: int, lo: float, hi: float, name: str) -> list[tuple[int, list[float], list[int]]]:
    """First sample, double weights and 22-bit weights of every output."""
    kernel, reach = KERNELS[name]
    b_lo, b_hi = np.float32(lo), np.float32(hi)
    scale = float(b_hi - b_lo) / n_out
    stretch = max(scale, 1.0)
    support = reach * stretch
    inverse = 1.0 / stretch
    rows = []
    for i in range(n_out):
        center = float(b_lo) + (i + 0.5) * scale
        first = max(int(center - support + 0.5), 0)
        count = min(int(center + support + 0.5), n_in) - first
        row = [kernel((j + first - center + 0.5) * inverse) for j in range(count)]
        total = 0.0
        for weight in row:
            total += weight
        if total != 0.0:
            row = [weight / total for weight in row]
        fixed = [int(-0.5 + k * (1 << 22)) if k < 0 else int(0.5 + k * (1 << 22)) for k in row]
        rows.append((first, row, fixed))
    return rows
