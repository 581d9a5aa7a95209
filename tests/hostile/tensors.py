"""Tensors of torch: views of its own, of other layouts and devices, without their samples, and classes that lie."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from tests.hostile import pictures
from tests.hostile.pictures import Made, Picture
from tests.hostile.values import HostileError

_WAYS = [
    "plain",
    "plain",
    "gradient",
    "parameter",
    "meta",
    "sparse",
    "csr",
    "nested",
    "jagged",
    "quantized",
    "conjugate",
    "negative",
    "expanded",
    "freed",
    "shrunk",
    "offset",
    "inference",
    "fake",
    "masked",
    "empty",
    "none",
    "many",
    "float8",
    "complex",
    "uint4",
    "named",
    "channels_last",
    "lying",
    "lying",
    "raising",
    "function",
    "dispatch",
    "batched",
    "dual",
    "functional",
    "mkldnn",
    "wide_meta",
    "vmapped",
    "graded",
    "detached",
    "transposed",
    "zero",
]
_DTYPES = ("uint8", "uint8", "float32", "float16", "bfloat16", "float64", "int32", "int16", "bool", "int64", "uint16")
# Calls under a transformation, rather than on an image of a kind.
TRANSFORMED = ("vmapped", "graded")


def draw(random: Random) -> Picture:
    """Any tensor."""
    way = random.choice(_WAYS)
    layout, shape = pictures.form(random)
    dtype, seed = random.choice(_DTYPES), random.getrandbits(32)
    return Picture(f"tensor {dtype}{list(shape)} {way}", layout, lambda: _make(Random(seed), way, shape, dtype))


def _make(random: Random, way: str, shape: tuple[int, ...], dtype: str) -> Made:
    import torch

    array = pictures.samples(random, shape, "float32" if dtype == "bfloat16" else dtype)
    memory = array.copy()
    x = torch.from_numpy(memory).to(getattr(torch, dtype))
    if way in {"plain", "vmapped"}:
        return Made(x, memory, array if dtype != "bfloat16" else None)
    if way in {"lying", "raising", "function", "dispatch"}:
        return _of_a_class(random, way, x, memory)
    return Made(_of_a_kind(random, way, x), memory)


def _of_a_kind(random: Random, way: str, x: Any) -> Any:
    import torch

    shape = tuple(x.shape)
    floats = x.to(torch.float32)
    if way in {"gradient", "graded"}:
        return floats.requires_grad_()
    if way == "parameter":
        return torch.nn.Parameter(floats)
    if way == "meta":
        return x.to("meta")
    if way == "wide_meta":
        return torch.empty((2**31, 2**20) + (3,) * (len(shape) - 2), device="meta", dtype=x.dtype)
    if way == "sparse":
        return floats.to_sparse()
    if way == "csr":
        return floats.reshape(shape[0], -1).to_sparse_csr()
    if way == "nested":
        return torch.nested.nested_tensor([torch.rand(9, 9), torch.rand(8, 9)])
    if way == "jagged":
        return torch.nested.nested_tensor([torch.rand(9, 9), torch.rand(8, 9)], layout=torch.jagged)
    if way == "quantized":
        return torch.quantize_per_tensor(floats, 0.1, 3, torch.quint8)
    if way == "conjugate":
        return torch.complex(floats, floats).conj()
    if way == "negative":
        return torch.complex(floats, floats).conj().imag
    if way == "expanded":
        return x[:1].expand(shape)
    if way in {"freed", "shrunk"}:
        x = x.clone()
        part = x[random.choice((0, 1)) :] if random.random() < 0.5 else x
        x.untyped_storage().resize_(0 if way == "freed" else max(x.nbytes - random.choice((1, 8, 100)), 0))
        return part
    if way == "offset":
        return torch.as_strided(x.flatten(), (max(x.numel() // 3, 1), 2), (1, 1), x.numel() // 3)
    if way == "inference":
        with torch.inference_mode():
            return x.clone()
    if way == "fake":
        from torch._subclasses.fake_tensor import FakeTensorMode

        return FakeTensorMode().from_tensor(x)
    if way == "masked":
        return torch.masked.masked_tensor(floats, floats > 1)
    return _of_a_shape(way, x, floats)


def _of_a_shape(way: str, x: Any, floats: Any) -> Any:
    import torch

    if way == "empty":
        return x[:0]
    if way == "none":
        return x.flatten()[0]
    if way == "many":
        return x.reshape((1,) * 40 + tuple(x.shape))
    if way == "float8":
        return floats.to(torch.float8_e4m3fn)
    if way == "complex":
        return torch.complex(floats, floats).to(torch.complex32)
    if way == "uint4":
        return torch.empty(tuple(x.shape), dtype=torch.uint4)
    if way == "named":
        return x.rename(*(f"axis{i}" for i in range(x.ndim)))
    if way == "channels_last" and x.ndim == 4:
        return x.to(memory_format=torch.channels_last)
    if way == "batched":
        return torch._C._functorch._add_batch_dim(x, 0, 1)
    if way == "dual":
        # Of a level that is over.
        with torch.autograd.forward_ad.dual_level():
            return torch.autograd.forward_ad.make_dual(floats, floats)
    if way == "functional":
        return torch._to_functional_tensor(x)
    if way == "mkldnn":
        return floats.to_mkldnn()
    if way == "transposed":
        return x.transpose(0, -1)
    if way == "zero":
        return torch._efficientzerotensor(tuple(x.shape))
    return x.detach()


_LIES: tuple[Any, ...] = ((400, 500), (1,), (), None, 3, "uint8", (2**40, 2**40), (-1, 5), ("a", "b"))


def _of_a_class(random: Random, way: str, x: Any, memory: np.ndarray) -> Made:
    import torch

    members: dict[str, Any] = {}
    names = [
        "shape",
        "dtype",
        "device",
        "layout",
        "ndim",
        "is_cpu",
        "is_nested",
        "is_quantized",
        "requires_grad",
        "itemsize",
        "nbytes",
        "__class__",
    ]
    names += [
        "is_contiguous",
        "stride",
        "storage_offset",
        "untyped_storage",
        "numpy",
        "view",
        "detach",
        "size",
        "__hash__",
    ]
    for name in random.sample(names, random.choice((1, 2, 6))):
        lie: Any = random.choice((*_LIES, torch.uint8, torch.float64, torch.device("meta"), torch.strided, True, False))
        members[name] = property(_raise if way == "raising" else _told(lie))
    if way == "function":
        members = {"__torch_function__": classmethod(_raise if random.random() < 0.5 else lambda *_, **__: None)}
    if way == "dispatch":
        lie = random.choice((None, torch.zeros(3), 5))
        dispatch = staticmethod(_raise if random.random() < 0.5 else lambda *_, lie=lie, **__: lie)
        members = {"__torch_dispatch__": dispatch}
    cls = type("Liar", (torch.Tensor,), members)
    return Made(torch.Tensor._make_subclass(cls, x), memory)


def _told(lie: Any) -> Any:
    return lambda *_, **__: lie


def _raise(*_: Any, **__: Any) -> Any:
    raise HostileError
