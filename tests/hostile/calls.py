"""Whole calls: a verb or an adapter, an image and arguments, of which some, or all, are hostile."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import numpy as np

import portresize
from tests.hostile import arrays, commands, jaxes, roles, strangers, tensors
from tests.hostile.pictures import Made, Picture
from tests.hostile.values import Value
from tests.torchvision_ops import missing

Act = Callable[..., Any]


class Call(NamedTuple):
    """A call that can be made.

    Attributes:
        name: Of the function.
        picture: What it is given first, if it takes an image.
        words: Its other arguments by name.
        act: The function.
        text: The call in words.
    """

    name: str
    picture: Picture | None
    words: dict[str, Value]
    load: Callable[[], Act]

    @property
    def text(self) -> str:
        """The call as it is reported."""
        image = [self.picture.kind] if self.picture else []
        return f"{self.name}({', '.join(image + [f'{name}={value.kind}' for name, value in self.words.items()])})"

    @property
    def passes(self) -> tuple[type[BaseException], ...]:
        """Exceptions of the caller's own objects that are let through."""
        of_words = [error for value in self.words.values() for error in value.passes]
        return (*of_words, *(self.picture.passes if self.picture else ()))

    @property
    def changes(self) -> bool:
        """Return whether the same call may have another result the next time."""
        return any(value.changes for value in self.words.values()) or bool(self.picture and self.picture.changes)


_READING = {"layout": "layout", "mode": "mode", "dialect": "dialect"}
_SIZED = {"size": "size", "resample": "resample"}
# By verb, the roles of its arguments; the first ones are always given.
VERBS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "resize": ({"size": "size"}, {"resample": "resample", "box": "box", "reducing_gap": "reducing_gap"} | _READING),
    "reduce": ({"factor": "factor"}, {"box": "whole box"} | _READING),
    "thumbnail": ({"size": "size"}, {"resample": "resample", "reducing_gap": "reducing_gap"} | _READING),
    "contain": ({"size": "size"}, {"resample": "resample"} | _READING),
    "cover": ({"size": "size"}, {"resample": "resample"} | _READING),
    "fit": ({"size": "size"}, {"resample": "resample", "bleed": "bleed", "centering": "centering"} | _READING),
    "pad": ({"size": "size"}, {"resample": "resample", "color": "color", "centering": "centering"} | _READING),
    "scale": ({"factor": "scale"}, {"resample": "resample"} | _READING),
}
_PICTURES = (arrays.draw, arrays.draw, arrays.draw, arrays.draw, tensors.draw, tensors.draw, jaxes.draw, strangers.draw)


def draw(random: Random) -> Call:
    """Any call."""
    turn = random.random()
    if turn < 0.68:
        return _verb(random)
    if turn < 0.95:
        return _adapter(random)
    if turn < 0.97:
        return _threads(random)
    return _command(random)


def arguments(
    random: Random, required: dict[str, str], optional: dict[str, str], layout: str | None
) -> dict[str, Value]:
    """Values by name, most of them good."""
    share = random.choice((0.0, 0.1, 0.25, 0.25, 0.5, 1.0))
    found: dict[str, Value] = {}
    for name, role in (required | optional).items():
        if name in optional and random.random() < 0.5 and not (name == "layout" and layout):
            continue
        if random.random() < share:
            found[name] = roles.hostile(role, random)
        elif name == "layout" and layout and random.random() < 0.9:
            found[name] = Value(repr(layout), lambda: layout)
        else:
            found[name] = roles.GOOD[role](random)
    return found


def _verb(random: Random) -> Call:
    name = random.choice(list(VERBS))
    picture = random.choice(_PICTURES)(random)
    words = arguments(random, *VERBS[name], picture.layout)
    # Only what has an own copy is changed.
    is_plain = " with " not in picture.kind and picture.kind.endswith((" plain", " gradient", " fortran", "transposed"))
    way = "changed" if is_plain and random.random() < 0.3 else ""
    if " vmapped" in picture.kind or " graded" in picture.kind:
        way = "torch vmap" if "vmapped" in picture.kind else "torch grad"
    elif picture.kind.startswith("jax") and picture.kind.endswith("plain") and random.random() < 0.3:
        way = random.choice(("jax jit", "jax vmap", "jax grad", "jax shape", "jax again"))
    return Call(f"{name}{' in ' * bool(way)}{way}", picture, words, lambda: _in_a_way(getattr(portresize, name), way))


def _in_a_way(verb: Act, way: str) -> Act:
    """A verb under a transformation of a library."""
    if way == "changed":
        return lambda image, **words: _changed(verb, image, words)
    if way.startswith("torch"):
        import torch

        if way == "torch vmap":
            return lambda x, **words: torch.vmap(lambda y: verb(y, **words))(x[None])
        return lambda x, **words: verb(x, **words).sum().backward()
    if way.startswith("jax"):
        import jax
        import jax.numpy as jnp

        ways: dict[str, Act] = {
            "jax jit": lambda f: jax.jit(f),
            "jax vmap": lambda f: lambda x: jax.vmap(f)(x[None]),
            "jax grad": lambda f: jax.grad(lambda x: f(x.astype(jnp.float32)).sum(), allow_int=True),
            "jax shape": lambda f: lambda x: jax.eval_shape(f, x),
            "jax again": lambda f: lambda x: jax.jvp(f, (x,), (x,)),
        }
        return lambda x, **words: ways[way](lambda y: verb(y, **words))(x)
    return verb


class _Changing:
    """A length that changes the image when it is asked for."""

    def __init__(self, image: Any, turn: int) -> None:
        self._image, self._turn = image, turn

    def __index__(self) -> int:
        image = self._image
        if isinstance(image, np.ndarray):
            changes: tuple[Act, ...] = (
                lambda: np.ndarray.resize(image, (1, 1), refcheck=False),
                lambda: np.ndarray.resize(image, (0,), refcheck=False),
                lambda: setattr(image, "shape", (image.size,)),
                lambda: setattr(image, "shape", (1, 1, image.size)),
                lambda: setattr(image, "dtype", "V1"),
                lambda: setattr(image, "dtype", "i1"),
            )
        else:
            changes = (
                lambda: image.resize_(1, 1),
                lambda: image.resize_(0),
                lambda: image.untyped_storage().resize_(0),
                lambda: image.t_(),
                lambda: image.squeeze_(),
                lambda: image.delete(),
                lambda: setattr(image, "data", image.data[:0]),
            )
        # Not every image can be changed so.
        with contextlib.suppress(Exception):
            changes[self._turn % len(changes)]()
        return 3


def _changed(verb: Act, image: Any, words: dict[str, Any]) -> Any:
    """Call a verb with an argument that changes the image."""
    cls = type(image)
    own = image.copy() if cls is np.ndarray else image.clone() if cls.__name__ == "Tensor" else image
    turn = len(str(words)) if all(any(type(word) is cls for cls in (int, str)) for word in words.values()) else 1
    if "size" in words:
        return verb(own, **words | {"size": (_Changing(own, turn), 5)})
    return verb(own, **words | {"factor": _Changing(own, turn)})


# Adapters: by name, what loads the function, and the roles of its arguments.

_PLAIN = {"resample": "resample", "box": "box", "reducing_gap": "reducing_gap"} | _READING


def _torch_module() -> Act:
    from portresize.torch import Resize

    return lambda image, **words: Resize(**words)(image)


def _torch_module_changed() -> Act:
    from portresize.torch import Resize

    def call(image: Any, **words: Any) -> Any:
        module = Resize((5, 6))
        module.__dict__.update(words | {"size": (5, 6), "max_size": None})
        return module(image)

    return call


def _torch_straight() -> Act:
    from portresize.torch import resize_straight_through

    return resize_straight_through


def _jax_straight() -> Act:
    from portresize.jax import resize_straight_through

    return resize_straight_through


def _grain() -> Act:
    from portresize.grain import Resize

    return lambda image, **words: Resize(**words).map(image)


def _grain_of_a_dictionary() -> Act:
    from portresize.grain import Resize

    return lambda image, **words: Resize(**words).map({"image": image, "left": image, 3: "label"})["image"]


def _torchvision() -> Act:
    missing()
    from portresize.torchvision import Resize

    return lambda image, **words: Resize(**words)(image)


def _torchvision_sample() -> Act:
    missing()
    import torch
    from torchvision import tv_tensors

    from portresize.torchvision import Resize

    def call(image: Any, **words: Any) -> Any:
        mask = tv_tensors.Mask(torch.zeros((1, 9, 8), dtype=torch.uint8))
        boxes: Any = tv_tensors.BoundingBoxes([[0, 0, 5, 5]], format="XYXY", canvas_size=(9, 8))
        return Resize(**words)({"image": image, "mask": mask, "boxes": [boxes, None, "label"]})

    return call


def _transformers() -> Act:
    missing()
    from transformers import CLIPImageProcessor
    from transformers.image_utils import SizeDict

    from portresize.transformers import exact

    def call(image: Any, resample: Any = None, dialect: Any = "pillow-13") -> Any:
        processor = exact(CLIPImageProcessor(), dialect=dialect)
        # Sizes are read by transformers.
        return processor.resize(image, SizeDict(height=7, width=9), resample=resample)

    return call


def _transformers_exact() -> Act:
    missing()
    from portresize.transformers import exact

    return lambda image, **words: exact(image, **words)


_EDGES = {"resample": "resample", "max_size": "max_size"} | _PLAIN
_VISION = {
    "interpolation": "resample",
    "max_size": "max_size",
    "antialias": "antialias",
    "reducing_gap": "reducing_gap",
}
_VISION |= {"mode": "mode", "dialect": "dialect"}
ADAPTERS: dict[str, tuple[Callable[[], Act], dict[str, str], dict[str, str]]] = {
    "torch.Resize": (_torch_module, {"size": "edge"}, _EDGES),
    "torch.Resize with attributes": (_torch_module_changed, {"size": "edge"}, _EDGES),
    "torch.resize_straight_through": (_torch_straight, {"size": "size"}, _PLAIN),
    "jax.resize_straight_through": (_jax_straight, {"size": "size"}, _PLAIN),
    "grain.Resize": (_grain, {"size": "size"}, _PLAIN | {"keys": "keys"}),
    "grain.Resize of a dictionary": (_grain_of_a_dictionary, {"size": "size"}, _PLAIN | {"keys": "keys"}),
    "torchvision.Resize": (_torchvision, {"size": "edge"}, _VISION),
    "torchvision.Resize of a sample": (_torchvision_sample, {"size": "edge"}, _VISION),
    "transformers.exact, resize": (_transformers, {}, {"resample": "resample", "dialect": "dialect"}),
    "transformers.exact": (_transformers_exact, {}, {"dialect": "dialect"}),
}
_OF_ADAPTERS = (tensors.draw, tensors.draw, arrays.draw, jaxes.draw, strangers.draw)


def _adapter(random: Random) -> Call:
    name = random.choice(list(ADAPTERS))
    load, required, optional = ADAPTERS[name]
    draw_picture = jaxes.draw if name.startswith("jax") and random.random() < 0.7 else random.choice(_OF_ADAPTERS)
    picture = draw_picture(random)
    return Call(name, picture, arguments(random, required, optional, picture.layout), load)


def _threads(random: Random) -> Call:
    def load() -> Act:
        image = np.zeros((90, 80, 3), np.uint8)

        def call(number: Any) -> Any:
            with portresize.threads(number):
                return portresize.resize(image, (30, 40))

        return call

    return Call("threads", None, arguments(random, {"number": "number"}, {}, None), load)


def _command(random: Random) -> Call:
    words = commands.draw(random)
    return Call("command", None, {"argv": Value(ascii(words), lambda: list(words))}, lambda: commands.run)


__all__ = ["Call", "Made", "draw"]
