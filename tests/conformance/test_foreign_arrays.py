"""Arrays that are more or less than their samples: one error that names the class, and no memory but what is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._backends import array_api, generic
from portresize._core.report import assert_same

GREY = np.random.default_rng(5).integers(0, 256, (24, 30), np.uint8)


class _Liar(np.ndarray):
    """A view whose properties say what they were told to."""

    @property
    def dtype(self) -> Any:
        return np.dtype(np.uint8)

    @property  # type: ignore[misc]  # wrong on purpose
    def shape(self) -> Any:
        return (400, 500)

    @property  # type: ignore[misc]
    def strides(self) -> Any:
        return (1, 1)

    @property
    def __array_interface__(self) -> Any:
        return {"data": (8, False), "shape": (400, 500), "typestr": "|u1", "version": 3}


def test_a_subclass_is_read_as_the_memory_that_it_has() -> None:
    expected = portresize.resize(GREY, (7, 9))
    assert_same(portresize.resize(GREY.view(_Liar), (7, 9)), expected)
    assert_same(portresize.resize(GREY[::2, ::-1].view(_Liar), (7, 9)), portresize.resize(GREY[::2, ::-1], (7, 9)))
    floats = GREY.astype(np.float32)
    assert_same(portresize.fit(floats.view(_Liar), (7, 9)), portresize.fit(floats, (7, 9)))
    with pytest.raises(TypeError, match="`image` has dtype object, expected"):
        portresize.resize(np.full((9, 9), None).view(_Liar), (3, 3))


def test_views_pass(tmp_path: Path) -> None:
    expected = portresize.resize(GREY, (7, 9))
    stored = np.memmap(tmp_path / "image", np.uint8, "w+", shape=GREY.shape)
    stored[...] = GREY
    views: list[Any] = [stored, GREY.view(np.recarray), GREY.view(type("Array", (np.ndarray,), {"meta": None}))]
    for view in views:
        assert_same(portresize.resize(view, (7, 9)), expected)


@pytest.mark.parametrize("name", ["__array_ufunc__", "__array_function__"])
def test_a_subclass_with_a_meaning_of_its_own_is_refused(name: str) -> None:
    cls = type("Quantity", (np.ndarray,), {name: lambda *_, **__: NotImplemented, "__module__": "units.quantity"})
    with pytest.raises(TypeError) as caught:
        portresize.resize(GREY.view(cls), (7, 9))
    assert str(caught.value) == (
        f"no backend for units.quantity.Quantity, whose {name} gives its values a meaning that would be lost, such as "
        "units or a mask; pass numpy.asarray(image) if it is to be lost"
    )


def _class(name: str, **words: Any) -> type:
    return type(name.rpartition(".")[2], (), {"__module__": name.rpartition(".")[0], **words})


EXPECTED = "expected an array of numpy, torch, jax or cupy, or of any class with __array_namespace__"
STRANGERS: dict[str, tuple[type, str]] = {
    "dask": (
        _class("dask.array.core.Array", shape=(9, 9), dtype="uint8"),
        f"no backend for dask.array.core.Array; {EXPECTED}; pass image.compute(), or resize whole images in "
        "image.map_blocks(...)",
    ),
    "zarr": (_class("zarr.core.Array"), f"no backend for zarr.core.Array; {EXPECTED}; pass image[...]"),
    "pandas": (_class("pandas.DataFrame"), f"no backend for pandas.DataFrame; {EXPECTED}; pass image.to_numpy()"),
    "interface": (
        _class("some.where.Array", __array_interface__={}),
        f"no backend for some.where.Array; {EXPECTED}; pass numpy.asarray(image)",
    ),
    "capsule": (
        _class("some.where.Array", __dlpack__=lambda _: None),
        f"no backend for some.where.Array; {EXPECTED}; pass numpy.from_dlpack(image)",
    ),
    "nothing": (_class("some.where.Array"), f"no backend for some.where.Array; {EXPECTED}"),
    "without a shape": (
        _class("some.where.Array", __array_namespace__=lambda _: np),
        "no backend for some.where.Array, whose shape and dtype cannot be read",
    ),
    "endless": (
        _class("some.where.Array", __array_namespace__=lambda _: np, shape=range(10**9), dtype="uint8"),
        "`image` has shape (0, 1, 2, 3, 4, 5, ...), expected at most 64 axes",
    ),
    "unknown length": (
        _class("some.where.Array", __array_namespace__=lambda _: np, shape=(None, 5), dtype="uint8"),
        "`image` has shape (None, 5), expected a number along every axis",
    ),
    "no namespace": (
        _class("some.where.Array", __array_namespace__=None, shape=(9, 9), dtype="uint8"),
        "no backend for some.where.Array: in a trial, its operations raised ",
    ),
}


@pytest.mark.parametrize("name", STRANGERS)
@pytest.mark.parametrize("verb", ["resize", "thumbnail", "pad"])
def test_a_stranger_is_named_with_its_library(verb: str, name: str) -> None:
    cls, text = STRANGERS[name]
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(portresize, verb)(cls(), (3, 3))
    assert str(caught.value).startswith(text)
    assert len(str(caught.value)) < 600


def _lossy(**replaced: Any) -> Callable[[np.ndarray], Any]:
    """A library that is numpy, but for some functions."""
    names = ("asarray", "astype", "take", "where", "equal", "all", "clip", "sum", "concat", "zeros", "int32", "float64")
    functions = {name: getattr(np, name) for name in names}
    functions |= {"__array_namespace_info__": np.__array_namespace_info__, "uint8": np.uint8} | replaced
    xp = ModuleType("lossy")
    vars(xp).update(functions)

    class Array:
        device = "cpu"

        def __init__(self, array: np.ndarray) -> None:
            self._array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim

        def __array_namespace__(self, **_: Any) -> Any:
            return xp

    return Array


@pytest.mark.parametrize(
    ("replaced", "text"),
    [
        ({"take": lambda x, index, axis: np.take(x, index * 0, axis=axis)}, "its operations gave a wrong resize"),
        ({"take": lambda x, index, axis: np.take(x, index[1:], axis=axis)}, "its operations raised ValueError"),
        ({"concat": lambda parts, axis: np.concat(parts[1:], axis=axis)}, "its operations gave shape (15, 4)"),
        ({"equal": lambda a, _: a == a}, "its operations gave a wrong resize"),  # noqa: PLR0124  it cannot tell
        ({"__array_api_version__": "2022.12"}, "its namespace has the array API of 2022.12, expected 2023.12 or newer"),
    ],
    ids=["wrong", "raising", "shape", "equal", "old"],
)
def test_a_library_that_is_wrong_is_found_before_it_resizes(replaced: dict[str, Any], text: str) -> None:
    make = _lossy(**replaced)
    for _ in range(2):
        with pytest.raises(TypeError) as caught:
            portresize.resize(make(GREY), (7, 9))
        assert f"in a trial, {text}" in str(caught.value)


def test_a_library_is_tried_once_for_a_kind_of_request(monkeypatch: pytest.MonkeyPatch) -> None:
    xp = pytest.importorskip("array_api_strict")
    tried: list[Any] = []
    real = array_api._tried

    def counted(*words: Any) -> str:
        tried.append(words[3])
        return real(*words)

    monkeypatch.setattr(array_api, "_TRIED", {})
    monkeypatch.setattr(array_api, "_tried", counted)
    image = xp.asarray(GREY)
    for size, resample in (((7, 9), "bicubic"), ((9, 7), "lanczos"), ((5, 5), "box")):
        portresize.resize(image, size, resample)
    assert len(tried) == 1
    portresize.resize(image, (7, 9), "nearest")
    portresize.reduce(image, 3)
    portresize.pad(image, (40, 40))
    assert len(tried) == 4


def test_the_array_api_of_2022_is_named() -> None:
    xp = pytest.importorskip("array_api_strict")
    with xp.ArrayAPIStrictFlags(api_version="2022.12"), pytest.raises(TypeError, match=r"expected 2023\.12 or newer"):
        portresize.resize(xp.asarray(GREY), (7, 9))


def test_a_library_may_refuse_more_than_a_trial_has_met() -> None:
    xp = pytest.importorskip("array_api_strict")
    array = xp.asarray(GREY)
    portresize.resize(array, (7, 9))

    def refuse(*_: Any) -> Any:
        raise KeyError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generic, "run", refuse)
        with pytest.raises(TypeError, match=r"its operations raised KeyError .*; convert it to an array"):
            portresize.resize(array, (7, 9))


# torch.


def _torch() -> Any:
    return pytest.importorskip("torch", reason="torch is not installed")


TENSORS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "nested": (
        lambda torch: torch.nested.nested_tensor([torch.rand(9, 9), torch.rand(8, 9)]),
        "no backend for a nested tensor; resize its members, image.unbind(), one by one",
    ),
    "jagged": (
        lambda torch: torch.nested.nested_tensor([torch.rand(9, 9), torch.rand(8, 9)], layout=torch.jagged),
        "no backend for a nested tensor; resize its members, image.unbind(), one by one",
    ),
    "masked": (
        lambda torch: torch.masked.masked_tensor(torch.rand(9, 9), torch.rand(9, 9) > 0.5),
        "no backend for a masked tensor, whose mask would be lost; pass image.get_data() or image.to_tensor(...)",
    ),
    "quantized": (
        lambda torch: torch.quantize_per_tensor(torch.rand(9, 9), 0.1, 3, torch.quint8),
        "no backend for a quantized tensor; pass image.dequantize() or image.int_repr()",
    ),
    "sparse": (
        lambda torch: torch.rand(9, 9).to_sparse(),
        "no backend for a tensor of layout torch.sparse_coo; pass image.to_dense()",
    ),
    "compressed": (
        lambda torch: torch.rand(9, 9).to_sparse_csr(),
        "no backend for a tensor of layout torch.sparse_csr; pass image.to_dense()",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("verb", ["resize", "fit", "module", "straight"])
def test_a_tensor_that_is_no_dense_array_is_refused(verb: str, name: str) -> None:
    make, text = TENSORS[name]
    image = make(_torch())
    import portresize.torch as adapter

    calls: dict[str, Callable[[Any], Any]] = {
        "module": adapter.Resize((3, 3)),
        "straight": lambda x: adapter.resize_straight_through(x, (3, 3)),
    }
    call = calls.get(verb, lambda x: getattr(portresize, verb)(x, (3, 3)))
    with pytest.raises(TypeError) as caught:
        call(image)
    assert str(caught.value) == text


@pytest.mark.parametrize("way", ["plain", "gradient", "part", "shrunk"])
def test_samples_that_were_given_back_are_not_read(way: str) -> None:
    torch = _torch()
    whole = torch.rand(24, 30)
    if way == "gradient":
        whole.requires_grad_()
    image = whole[3:] if way == "part" else whole
    whole.untyped_storage().resize_(whole.nbytes - 4 if way == "shrunk" else 0)
    with pytest.raises(ValueError, match="which does not hold its samples; gather or allocate it first"):
        portresize.resize(image, (7, 9))


def test_parts_of_a_storage_are_read() -> None:
    torch = _torch()
    whole = torch.from_numpy(GREY.copy())
    for part in (whole[5:], whole[:, ::3], whole[3:20, 4:9], whole.T, whole[:1].expand(9, 30), whole[:0]):
        assert_same(portresize.resize(part, (7, 9)).numpy(), portresize.resize(part.numpy(), (7, 9)))


def test_a_tensor_that_lies_is_not_walked_as_it_says() -> None:
    torch = _torch()

    class Liar(torch.Tensor):  # type: ignore[name-defined]  # torch is Any
        @property
        def shape(self) -> Any:
            return torch.Size((400, 500))

        @property
        def dtype(self) -> Any:
            return torch.uint8

    image = torch.rand(9, 9).as_subclass(Liar)
    with pytest.raises((TypeError, ValueError)):
        portresize.resize(image, (3, 3))


def test_a_property_that_raises_is_named() -> None:
    torch = _torch()

    class Broken(torch.Tensor):  # type: ignore[name-defined]
        @property
        def shape(self) -> Any:
            raise KeyError

    with pytest.raises(TypeError, match=r"no backend for .*Broken, whose `shape` is not that of a tensor; pass"):
        portresize.resize(torch.rand(9, 9).as_subclass(Broken), (3, 3))


# jax.


def test_deleted_arrays_and_keys_of_jax_are_refused() -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    image = jax.numpy.asarray(GREY)
    image.delete()
    with pytest.raises(ValueError, match=r"`image` of shape \(24, 30\) was deleted or donated to a program"):
        portresize.resize(image, (7, 9))
    with pytest.raises(TypeError, match=r"which is no number; pass jax\.random\.key_data\(image\)"):
        portresize.resize(jax.random.split(jax.random.key(0), (9, 9)), (3, 3))


# Images that change, and classes that are asked for their name.


class _Changing:
    """A length that changes the image when it is read."""

    def __init__(self, change: Callable[[], Any]) -> None:
        self._change = change

    def __index__(self) -> int:
        self._change()
        return 3


@pytest.mark.parametrize("verb", ["resize", "fit", "pad", "reduce", "thumbnail"])
@pytest.mark.parametrize("view", [np.ndarray, _Liar])
def test_an_image_may_not_change_while_arguments_are_read(verb: str, view: type[np.ndarray]) -> None:
    changes: list[Callable[[Any], Any]] = [
        lambda image: np.ndarray.resize(image, (1, 1), refcheck=False),
        lambda image: np.ndarray.resize(image, (2, 3, 4), refcheck=False),
        lambda image: np.ndarray.resize(image, (0,), refcheck=False),
    ]
    for change in changes:
        image = np.ndarray.__new__(view, (24, 30), np.uint8)
        changing: Any = _Changing(lambda change=change, image=image: change(image))  # type: ignore[misc]
        words: Any = (changing,) if verb == "reduce" else ((changing, 5),)
        with pytest.raises(ValueError, match=r"has become one of shape .*; a method of another argument changes it"):
            getattr(portresize, verb)(image, *words)


def test_a_tensor_may_not_either() -> None:
    torch = _torch()
    for change in ("resize_", "squeeze_", "storage"):
        image = torch.zeros((1, 24, 30))

        def act(image: Any = image, change: str = change) -> None:
            if change == "storage":
                image.untyped_storage().resize_(0)
            else:
                getattr(image, change)(*[(1, 1)] * (change == "resize_"))

        size: Any = (_Changing(act), 5)
        with pytest.raises(ValueError, match=r"has become one of shape|does not hold its samples"):
            portresize.resize(image, size, layout="CHW")


def test_an_array_of_jax_may_not_either() -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    image = jax.numpy.asarray(GREY)
    size: Any = (_Changing(image.delete), 5)
    with pytest.raises(ValueError, match="was deleted or donated"):
        portresize.resize(image, size)


def test_samples_that_were_given_back_are_not_rounded_to_bytes() -> None:
    torch = _torch()
    from portresize.torch import resize_straight_through

    image = torch.rand(24, 30)
    image.untyped_storage().resize_(0)
    with pytest.raises(ValueError, match="which does not hold its samples"):
        resize_straight_through(image, (7, 9))


@pytest.mark.parametrize(
    "name", ["torch.Tensor", "torch.nn.Parameter", "jaxlib.ArrayImpl", "jax.Array", "numpy.ndarray", "cupy.ndarray"]
)
@pytest.mark.parametrize("verb", ["resize", "thumbnail"])
def test_a_class_by_the_name_of_an_array_is_none(verb: str, name: str) -> None:
    pytest.importorskip(name.partition(".")[0].replace("cupy", "numpy"))
    cls = _class(name, shape=(9, 9), dtype="torch.uint8", is_nested=False, is_quantized=False, ndim=2, device="cpu")
    with pytest.raises(TypeError, match="no backend for"):
        getattr(portresize, verb)(cls(), (3, 3))


@pytest.mark.parametrize("name", ["__name__", "__module__", "__mro__", "__getattr__", "__hash__"])
@pytest.mark.parametrize("argument", [False, True])
def test_a_class_of_a_class_that_raises_is_refused(name: str, argument: bool) -> None:
    def fail(*_: Any) -> Any:
        raise KeyError

    meta = type("Meta", (type,), {name: fail if name in {"__getattr__", "__hash__"} else property(fail)})
    value: Any = meta("Broken", (), {})()
    with pytest.raises(TypeError, match=r"no backend for|`size` is"):
        portresize.resize(GREY if argument else value, value if argument else (3, 3))
    with pytest.raises(TypeError, match=r"no backend for|`factor` is"):
        portresize.reduce(GREY if argument else value, value if argument else 3)


def test_a_library_may_raise_anything_after_its_trial() -> None:
    xp = pytest.importorskip("array_api_strict")
    array = xp.asarray(GREY)
    portresize.resize(array, (7, 9))

    def fail(*_: Any) -> Any:
        raise SystemError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generic, "run", fail)
        with pytest.raises(TypeError, match="its operations raised SystemError"):
            portresize.resize(array, (7, 9))


def test_a_tensor_whose_class_takes_over_operations_may_raise_anything() -> None:
    torch = _torch()

    def fail(*_: Any, **__: Any) -> Any:
        raise KeyError

    for members in ({"__torch_function__": classmethod(fail)}, {"__torch_dispatch__": staticmethod(fail)}):
        image = torch.Tensor._make_subclass(type("Broken", (torch.Tensor,), members), torch.rand(9, 9))
        with pytest.raises(TypeError, match=r"no backend for .*Broken"):
            portresize.resize(image, (3, 3))


def test_proxies_are_not_asked_for_their_class() -> None:
    pytest.importorskip("grain")
    from portresize.grain import Resize

    def fail(_: Any) -> Any:
        raise KeyError

    with pytest.raises(TypeError, match="no backend for"):
        Resize((3, 3)).map(_class("some.where.Proxy", __class__=property(fail))())
