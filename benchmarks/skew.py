"""What it costs to train on images that Pillow shrank, and to serve on those that something else shrank.

    python benchmarks/skew.py --out benchmarks/results/skew.json

The pictures are made by benchmarks/skew_images.py, the network is in benchmarks/skew_network.py, and who resizes in
benchmarks/skew_routes.py. It needs Pillow and torch; jax and OpenCV are left out where they are not installed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.cases import must_agree
from benchmarks.machine import environment
from benchmarks.skew_images import DETAILS, PATTERNS, SIDE, SIDES, Group, groups
from benchmarks.skew_network import BATCH, EPOCHS, deterministic, logits, trained
from benchmarks.skew_routes import OTHERS, PILLOW, Route, as_bytes
from benchmarks.table import Table
from benchmarks.timing import write

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Array = Any
Figures = dict[str, Any]

FILTERS = ("bilinear", "bicubic")
# Seed, groups of pictures of one size, pictures in each. A new size is a new program for jax: few sizes are tested.
TRAIN, TEST = (1, 200, 16), (2, 8, 250)
SEEDS = (0, 1, 2)
METHOD = (
    "Networks are trained on pictures that Pillow shrank, one for each seed and filter, and see the test pictures as "
    "each route shrinks them, in the same batches in the same order, on one thread. Floats go into the network as they "
    "are, neither rounded nor clipped, unless said otherwise; to count samples that differ they are rounded and "
    "clipped. Lists have one figure for each network: the part of predictions that are right, that are right where a "
    "picture has no fine detail, and that differ from those on Pillow's images; the mean and the largest difference of "
    "a logit. Samples and logits of portresize were found equal to Pillow's, `==`, before this was written."
)


class Small(NamedTuple):
    """Pictures, as each route shrinks them.

    Attributes:
        images: By filter and route, (n, SIDE, SIDE, 3), in bytes or floats.
        patterns: int64 (n,), the classes.
        details: int64 (n,).
    """

    images: dict[str, dict[str, Array]]
    patterns: Array
    details: Array


def shrunk(large: Iterable[Group], routes: Sequence[Route]) -> Small:
    """All pictures by all routes and filters, of which the large ones are not kept."""
    images: dict[str, dict[str, list[Array]]] = {resample: {route.name: [] for route in routes} for resample in FILTERS}
    patterns, details = [], []
    for group in large:
        patterns.append(group.patterns)
        details.append(group.details)
        for resample, found in images.items():
            for route in routes:
                found[route.name].append(route.call(group.images, route.words[resample]))
    whole = {
        resample: {name: np.concatenate(parts) for name, parts in found.items()} for resample, found in images.items()
    }
    return Small(whole, np.concatenate(patterns), np.concatenate(details))


def compared(images: dict[str, Array], known: Small, networks: Sequence[Any]) -> Figures:
    """How far each route is from Pillow, in samples and in what `networks` make of them."""
    plain = known.details == DETAILS.index("none")
    answers = {name: [logits(network, small) for network in networks] for name, small in images.items()}
    found: Figures = {}
    for name, small in images.items():
        samples = np.abs(as_bytes(small).astype(np.int16) - images[PILLOW.name])
        right = [answer.argmax(1) == known.patterns for answer in answers[name]]
        pairs = list(zip(answers[name], answers[PILLOW.name], strict=True))
        found[name] = {
            "samples_differ": _short((samples > 0).mean()),
            "samples_largest": int(samples.max()),
            "accuracy": [_short(one.mean()) for one in right],
            "accuracy_without_detail": [_short(one[plain].mean()) for one in right],
            "predictions_differ": [_short((one.argmax(1) != pillows.argmax(1)).mean()) for one, pillows in pairs],
            "logits_mean": [_short(np.abs(one - pillows).mean()) for one, pillows in pairs],
            "logits_largest": [_short(np.abs(one - pillows).max()) for one, pillows in pairs],
        }
    for name in (route.name for route in OTHERS if route.is_ours and route.name in images):
        must_agree(name, images[PILLOW.name], images[name])
        must_agree(f"{name}, logits", np.stack(answers[PILLOW.name]), np.stack(answers[name]))
    return {"logits_deviation": [_short(answer.std()) for answer in answers[PILLOW.name]], "routes": found}


def _short(figure: float) -> float:
    """Six digits, of which the first is not zero: what differs never becomes what does not."""
    return float(f"{figure:.6g}")


def main(arguments: list[str]) -> None:
    """Train, compare, print tables, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where to write the figures as JSON")
    options = parser.parse_args(arguments)
    deterministic()
    present = [route for route in OTHERS if route.is_present]
    train, test = shrunk(groups(*TRAIN), [PILLOW]), shrunk(groups(*TEST), [PILLOW, *present])
    results: Figures = {
        **environment(),
        "method": METHOD,
        "side": SIDE,
        "sides": SIDES,
        "classes": PATTERNS,
        "details": DETAILS,
        "trained_on": len(train.patterns),
        "tested_on": len(test.patterns),
        "without_detail": int((test.details == DETAILS.index("none")).sum()),
        "epochs": EPOCHS,
        "batch": BATCH,
        "seeds": SEEDS,
        "left_out": [route.name for route in OTHERS if route not in present],
        "filters": {},
    }
    for resample in FILTERS:
        networks = [trained(train.images[resample][PILLOW.name], train.patterns, len(PATTERNS), seed) for seed in SEEDS]
        found = results["filters"][resample] = compared(test.images[resample], test, networks)
        table = Table(f"{resample}, mean of {len(SEEDS)} networks", *found["routes"][PILLOW.name])
        for name, figures in found["routes"].items():
            table.row(name, {column: float(np.mean(figure)) for column, figure in figures.items()})
    if options.out:
        write(results, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
