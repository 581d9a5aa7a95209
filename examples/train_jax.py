"""Train a small model in plain jax on image files, which portresize resizes on the host and once more under jit.

    python examples/train_jax.py --folder photos --steps 10

It needs jax, pillow and portresize. Files lie in one folder for each class, `photos/cats/1.jpg`; without `--folder` it
makes some.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import PIL
from PIL import Image

import portresize

ON_HOST, ON_DEVICE = (96, 96), (32, 32)
BATCH = 8
RATE = 0.1
# The pixels of the Pillow at hand; without `dialect`, those of Pillow 13.
resize = partial(portresize.resize, dialect=f"pillow-{PIL.__version__}")

Parameters = dict[str, jax.Array]


def main() -> None:
    """Read, resize, compare with Pillow, train."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="a folder with a folder of PNG or JPEG files for each class")
    parser.add_argument("--steps", type=int, default=2, help="how often to update the parameters (default: 2)")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = words.folder or make_pictures(Path(made))
        paths = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in {".png", ".jpg", ".jpeg"})
        classes = sorted({path.parent.name for path in paths})
        if len(classes) < 2:
            parser.error(f"{folder} has {len(classes)} folders with PNG or JPEG files, expected one for each class")
        originals = [read(path) for path in paths]
    print(f"{len(paths)} images of {len(classes)} classes and {len({x.shape for x in originals})} shapes")

    # On the host, image by image, because no two have the same size. A pipeline of grain does it in its workers:
    # `.map(portresize.grain.Resize(ON_HOST))`.
    images = np.stack([resize(original, ON_HOST) for original in originals])
    labels = np.array([classes.index(path.parent.name) for path in paths])
    report("host", images, originals)
    report("device", device_resize(images), list(images))

    rng = np.random.default_rng(0)
    parameters = initial(jax.random.key(0), len(classes))
    for i in range(words.steps):
        batch = rng.permutation(len(images))[:BATCH]
        parameters, loss = step(parameters, images[batch], labels[batch])
        print(f"step {i + 1}: loss {loss:.4f}")


def make_pictures(folder: Path) -> Path:
    """Write noisy stripes of many sizes, those that run across in one folder and those that run down in another."""
    rng = np.random.default_rng(0)
    for i in range(16):
        height, width = rng.integers(100, 300, 2)
        runs_down = i % 2
        wave = np.sin(np.indices((height, width))[runs_down] / rng.uniform(3, 9))
        samples = 128 + wave[..., None] * rng.uniform(40, 120, 3) + rng.normal(0, 20, (height, width, 3))
        path = folder / ("across", "down")[runs_down] / f"{i}.{'png' if i % 4 < 2 else 'jpg'}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(samples.clip(0, 255).astype(np.uint8)).save(path)
    return folder


def read(path: Path) -> np.ndarray:
    """An image file as RGB samples."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def report(where: str, results: np.ndarray | jax.Array, sources: list[np.ndarray]) -> None:
    """Say whether all results are what Pillow makes of their sources; end if they are not."""
    height, width = results.shape[1:3]
    pillows = [np.asarray(Image.fromarray(source).resize((width, height))) for source in sources]
    if not (np.asarray(results) == np.stack(pillows)).all():
        msg = f"{where}: not what Pillow gives"
        raise SystemExit(msg)
    print(f"{where}: {len(sources)} images of {height} x {width}, every sample == Pillow's")


@jax.jit
def device_resize(images: jax.Array) -> jax.Array:
    """A batch of bytes, smaller: bytes again, rounded as Pillow rounds them."""
    return resize(images, ON_DEVICE, layout="NHWC")


def initial(key: jax.Array, n_classes: int) -> Parameters:
    """Random weights of one convolution and one dense layer."""
    first, last = jax.random.split(key)
    return {
        "kernel": jax.random.normal(first, (5, 5, 3, 16)) / 75**0.5,
        "dense": jax.random.normal(last, (16, n_classes)) / 4,
    }


def loss_of(parameters: Parameters, images: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean cross entropy of a batch of bytes."""
    x = device_resize(images).astype(jnp.float32) / 127.5 - 1.0
    axes = ("NHWC", "HWIO", "NHWC")
    x = jax.lax.conv_general_dilated(x, parameters["kernel"], (1, 1), "SAME", dimension_numbers=axes)
    scores = jax.nn.relu(x).mean((1, 2)) @ parameters["dense"]
    return -jnp.take_along_axis(jax.nn.log_softmax(scores), labels[:, None], 1).mean()


@jax.jit
def step(parameters: Parameters, images: jax.Array, labels: jax.Array) -> tuple[Parameters, jax.Array]:
    """Parameters after one step of gradient descent, and the loss before it."""
    loss, gradients = jax.value_and_grad(loss_of)(parameters, images, labels)
    return jax.tree.map(lambda parameter, gradient: parameter - RATE * gradient, parameters, gradients), loss


if __name__ == "__main__":
    main()
