"""A small convolutional network, trained on small images and asked about others, on one thread of the CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

Array = Any

EPOCHS, BATCH, RATE = 6, 64, 3e-3


def deterministic() -> None:
    """Equal samples shall give equal logits, and equal seeds equal networks, so far as the machine is the same."""
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(1)


def trained(images: Array, classes: Array, n_classes: int, seed: int) -> nn.Module:
    """A network that has seen all `images`, (n, height, width, 3), some times.

    Args:
        images: uint8.
        classes: int64 (n,).
        n_classes: How many logits it gives.
        seed: Of its weights, and of the order in which it sees images.
    """
    torch.manual_seed(seed)
    network = _network(n_classes)
    x, labels = _prepared(images), torch.from_numpy(classes)
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    steps = EPOCHS * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(network(x[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


@torch.inference_mode()
def logits(network: nn.Module, images: Array) -> Array:
    """float32 (n, n_classes), for bytes or floats, in batches that depend on nothing but `n`."""
    return torch.cat([network(batch) for batch in _prepared(images).split(BATCH)]).numpy()


def _network(n_classes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for n_in, n_out, stride in ((3, 16, 1), (16, 32, 2), (32, 32, 2), (32, 64, 2)):
        convolution = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(n_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, n_classes))


def _prepared(images: Array) -> torch.Tensor:
    """-1 to 1, bands first."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).to(torch.float32).contiguous() / 127.5 - 1.0
