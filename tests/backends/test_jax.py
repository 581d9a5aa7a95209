"""One operation under every transformation of jax: bytes as eager, gradients of floats, programs for other machines."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import array_api_compat.numpy
import numpy as np
import pytest

import portresize
from portresize._backends import generic
from portresize._backends._frame import Frame
from portresize._core.adjoint import adjoint
from portresize._core.plan import plan
from portresize._core.report import assert_same
from portresize._core.spec import Spec

if importlib.util.find_spec("jax") is None:
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp
from jax import export
from jax.test_util import check_grads

import portresize.jax
from portresize._backends.jax import resize_p

RANDOM = np.random.default_rng(11)
NOISE = RANDOM.integers(0, 256, (4, 31, 40, 4), np.uint8)
FLOATS = RANDOM.standard_normal((2, 9, 11)).astype(np.float32)
ALL = ("cpu", "cuda", "tpu")


def shrink(x: Any) -> Any:
    return portresize.resize(x, (12, 50), layout="NHWC", reducing_gap=1.5)


def shrink_one(x: Any) -> Any:
    return portresize.resize(x, (12, 50), layout="HWC", reducing_gap=1.5)


def enlarge(x: Any) -> Any:
    return portresize.resize(x, (4, 13), "lanczos", layout="NHW")


EXPECTED = shrink(NOISE)


def _donated(x: np.ndarray) -> Any:
    return jax.jit(shrink, donate_argnums=0)(jnp.asarray(x))


def _without_jit(x: np.ndarray) -> Any:
    with jax.disable_jit():
        return jax.vmap(shrink_one)(jnp.asarray(x))


def _ahead_of_time(x: np.ndarray) -> Any:
    return jax.jit(shrink).lower(jax.ShapeDtypeStruct(x.shape, x.dtype)).compile()(x)


WAYS: dict[str, Callable[[np.ndarray], Any]] = {
    "jit": jax.jit(shrink),
    "jit in jit": jax.jit(jax.jit(shrink)),
    "vmap": jax.vmap(shrink_one),
    "vmap of jit": jax.vmap(jax.jit(shrink_one)),
    "jit of nested vmap": lambda x: jax.jit(jax.vmap(jax.vmap(shrink_one)))(x.reshape(2, 2, *x.shape[1:])).reshape(
        EXPECTED.shape
    ),
    "vmap along the height's neighbour": lambda x: jnp.moveaxis(
        jax.vmap(shrink_one, in_axes=1, out_axes=2)(jnp.moveaxis(x, 0, 1)), 2, 0
    ),
    "vmap along the last axis": lambda x: jax.vmap(shrink_one, in_axes=-1)(jnp.moveaxis(x, 0, -1)),
    "scan": lambda x: jax.lax.scan(lambda carry, one: (carry, shrink_one(one)), 0, x)[1],
    "map": lambda x: jax.lax.map(shrink_one, x),
    "checkpoint": lambda x: jax.jit(jax.checkpoint(shrink))(jnp.asarray(x)),
    "cond": jax.jit(lambda x: jax.lax.cond(x.sum() < 0, lambda x: ~shrink(x), shrink, x)),
    "donation": _donated,
    "ahead of time": _ahead_of_time,
    "jit switched off": _without_jit,
    "jaxpr": lambda x: jax.core.eval_jaxpr(jax.make_jaxpr(shrink)(x).jaxpr, (), x)[0],
}


@pytest.mark.filterwarnings("ignore:Some donated buffers:UserWarning")  # The result is smaller than what was given.
@pytest.mark.parametrize("way", WAYS)
def test_every_transformation_gives_the_same_bytes(way: str) -> None:
    image = NOISE.copy()
    assert_same(np.asarray(WAYS[way](image)), EXPECTED)
    assert_same(image, NOISE)


def test_a_shape_is_known_without_an_image() -> None:
    shape = jax.eval_shape(shrink, jax.ShapeDtypeStruct(NOISE.shape, NOISE.dtype))
    assert (shape.shape, shape.dtype) == (EXPECTED.shape, EXPECTED.dtype)


def test_a_request_is_one_equation() -> None:
    equations = jax.make_jaxpr(jax.vmap(shrink_one))(NOISE).eqns
    assert [equation.primitive for equation in equations] == [resize_p]


def test_other_values_compile_nothing_anew() -> None:
    compiled = jax.jit(shrink)
    for step in range(3):
        compiled(NOISE + np.uint8(step))
    assert compiled._cache_size() == 1


# Gradients.


@pytest.mark.parametrize(
    "act",
    [
        enlarge,
        lambda x: portresize.resize(x, (5, 5), "bicubic", layout="NHW", box=(0.5, 1, 10, 8.25)),
        lambda x: portresize.resize(x, (3, 3), "box", layout="NHW", reducing_gap=1.0),
        lambda x: portresize.resize(x, (20, 7), "nearest", layout="NHW"),
        lambda x: portresize.reduce(x, (2, 3), layout="NHW"),
        lambda x: portresize.pad(x, (12, 30), color=3.0, layout="NHW"),
        lambda x: portresize.resize(x, (9, 11), layout="NHW"),
    ],
    ids=["enlarge", "box", "gap", "nearest", "reduce", "pad", "copy"],
)
def test_gradients_of_both_modes_and_of_second_order(act: Callable[[Any], Any]) -> None:
    with jax.enable_x64(True):
        check_grads(jax.jit(act), (FLOATS.astype(np.float64),), order=2, modes=("fwd", "rev"))
        check_grads(lambda x: act(x) ** 3, (FLOATS.astype(np.float64),), order=2, modes=("fwd", "rev"))


def test_the_gradient_is_the_adjoint_of_the_plan() -> None:
    spec = Spec("NHW", "F", "pillow-13", size=(4, 13), resample=1)
    steps = adjoint(plan(spec, (9, 11))).steps
    weights = RANDOM.standard_normal((2, 4, 13)).astype(np.float32)
    expected = generic.perform(Frame(array_api_compat.numpy, None, "NHW", 3), weights, steps)
    grad = jax.jit(jax.grad(lambda x: (enlarge(x) * weights).sum()))
    assert_same(np.asarray(grad(FLOATS)), expected)
    assert_same(np.asarray(jax.linear_transpose(enlarge, FLOATS)(weights)[0]), expected)


def test_linearize_and_vjp_give_the_map_itself() -> None:
    y, linear = jax.linearize(enlarge, FLOATS)
    assert_same(np.asarray(y), enlarge(FLOATS))
    assert_same(np.asarray(linear(FLOATS)), enlarge(FLOATS))
    assert_same(np.asarray(jax.jvp(enlarge, (FLOATS,), (FLOATS,))[1]), enlarge(FLOATS))
    there, back = jax.vjp(enlarge, FLOATS)
    assert back(there)[0].shape == FLOATS.shape


def test_gradients_are_batched_and_compiled() -> None:
    def total(x: Any) -> Any:
        return (portresize.resize(x, (4, 13)) ** 2).sum()

    one_by_one = np.stack([np.asarray(jax.grad(total)(x)) for x in FLOATS])
    assert_same(np.asarray(jax.jit(jax.vmap(jax.grad(total)))(FLOATS)), one_by_one)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_gradient_has_the_dtype_of_the_image(dtype: str) -> None:
    grad = jax.grad(lambda x: enlarge(x).astype("float32").sum())(jnp.asarray(FLOATS, dtype))
    assert grad.dtype == dtype


def test_integers_have_no_gradient() -> None:
    with pytest.raises(TypeError, match=r"grad requires real- or complex-valued inputs .* but got uint8"):
        jax.grad(lambda x: shrink(x).astype("float32").sum())(NOISE)
    zeros = np.zeros(NOISE.shape, jax.dtypes.float0)
    y, tangent = jax.jvp(shrink, (NOISE,), (zeros,))
    assert_same(np.asarray(y), EXPECTED)
    assert (tangent.shape, tangent.dtype) == (EXPECTED.shape, jax.dtypes.float0)
    assert jax.grad(lambda x: shrink(x).astype("float32").sum(), allow_int=True)(NOISE).dtype == jax.dtypes.float0


def test_integers_may_stand_beside_what_has_a_gradient() -> None:
    def total(scale: Any, x: Any) -> Any:
        return (shrink(x).astype("float32") * scale).sum()

    assert jax.jit(jax.grad(total))(2.0, NOISE) == pytest.approx(float(EXPECTED.sum()))


# Straight through.


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_floats_of_bytes_are_resized_as_bytes(dtype: str) -> None:
    act = partial(portresize.jax.resize_straight_through, size=(12, 50), resample="lanczos", layout="NHWC", mode="RGBX")
    expected = portresize.resize(NOISE, (12, 50), "lanczos", layout="NHWC", mode="RGBX")
    for result in (act(jnp.asarray(NOISE, dtype)), jax.jit(jax.vmap(partial(act, layout="HWC")))(NOISE.astype(dtype))):
        assert result.dtype == dtype
        assert_same(np.asarray(result).astype(np.uint8), expected)
        assert_same(np.asarray(result).astype(np.float32), expected.astype(np.float32))


def test_its_gradient_is_that_of_the_linear_map() -> None:
    image, weights = NOISE[..., :3].astype(np.float32), RANDOM.standard_normal((4, 12, 50, 3)).astype(np.float32)
    words: Any = {"box": (0.5, 1, 39, 30), "reducing_gap": 1.0, "layout": "NHWC"}

    def through(x: Any) -> Any:
        return (portresize.jax.resize_straight_through(x, (12, 50), "bilinear", **words) * weights).sum()

    def linear(x: Any) -> Any:
        return (portresize.resize(x, (12, 50), "bilinear", mode="F", **words) * weights).sum()

    assert_same(np.asarray(jax.jit(jax.grad(through))(image)), np.asarray(jax.jit(jax.grad(linear))(image)))


def test_it_rounds_and_clips_before_it_resizes() -> None:
    image = jnp.array([[-3.0, 0.5, 1.5, 254.6, 300.0]])
    result = portresize.jax.resize_straight_through(image, (1, 5))
    assert result.tolist() == [[0.0, 0.0, 2.0, 255.0, 255.0]]


@pytest.mark.parametrize(
    ("shape", "dtype", "words", "error", "text"),
    [
        ((9, 9), "uint8", {}, TypeError, "`image` has dtype uint8, expected floats that hold 0 to 255"),
        ((9, 9, 4), "float32", {}, ValueError, '`mode` is "RGBA", which multiplies alpha in, .* such as mode="RGBX"'),
        ((9, 9, 2), "float32", {}, ValueError, '`mode` is "LA", which multiplies alpha in, .* such as mode="La"'),
        (
            (9, 9),
            "float32",
            {"mode": "P"},
            ValueError,
            '`mode` is "P", which holds numbers that only stand for colours',
        ),
        ((9, 9), "float32", {"mode": "F"}, ValueError, '`mode` is "F", which holds float32 or .* the array is uint8'),
    ],
    ids=["integers", "RGBA", "LA", "P", "F"],
)
def test_what_is_not_linear_in_bytes_is_refused(
    shape: tuple[int, ...], dtype: str, words: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        jax.jit(lambda x: portresize.jax.resize_straight_through(x, (3, 3), **words))(np.zeros(shape, dtype))


# Export.


@pytest.mark.parametrize("platforms", [*[(name,) for name in ALL], ALL], ids=" ".join)
def test_a_program_is_exported_for_any_number_of_images(platforms: tuple[str, ...]) -> None:
    (b,) = export.symbolic_shape("b")
    for act, image in ((shrink, NOISE), (enlarge, FLOATS)):
        shape = jax.ShapeDtypeStruct((b, *image.shape[1:]), image.dtype)
        exported = export.export(jax.jit(act), platforms=platforms)(shape)
        assert exported.platforms == platforms
        # It has to run where portresize is not.
        assert "portresize_" not in exported.mlir_module()
        if "cpu" in platforms:
            again = export.deserialize(exported.serialize()) if importlib.util.find_spec("flatbuffers") else exported
            for images in (image, image[:1]):
                assert_same(np.asarray(again.call(images)), act(images))


def test_an_exported_program_keeps_its_gradient() -> None:
    exported = export.export(jax.jit(enlarge), platforms=ALL)(jax.ShapeDtypeStruct(FLOATS.shape, FLOATS.dtype))
    grad = jax.grad(lambda x: exported.call(x).sum())(FLOATS)
    assert_same(np.asarray(grad), np.asarray(jax.grad(lambda x: enlarge(x).sum())(FLOATS)))


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_height_width_and_bands_must_be_numbers(axis: int) -> None:
    (b,) = export.symbolic_shape("b")
    shape = [b if i == axis else n for i, n in enumerate(NOISE.shape)]
    with pytest.raises(ValueError, match="expected numbers along H, W and C; only batch axes may be symbols"):
        export.export(jax.jit(shrink))(jax.ShapeDtypeStruct(shape, NOISE.dtype))


@pytest.mark.parametrize("act", [portresize.thumbnail, portresize.pad, portresize.fit, portresize.resize])
def test_verbs_that_keep_an_aspect_say_so_too(act: Callable[..., Any]) -> None:
    h, w = export.symbolic_shape("h, w")
    for shape, text in (((h, w), "only batch axes may be symbols"), ((h, w, 3), r"`layout` is missing .* \(h, w, 3\)")):
        with pytest.raises(ValueError, match=text):
            export.export(jax.jit(lambda x: act(x, (4, 5))))(jax.ShapeDtypeStruct(shape, np.uint8))


# Errors are those of other libraries, and said when a function is traced.


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"size": (0, 3)}, r"`size` is \(0, 3\), expected two integers >= 1 as \(height, width\)"),
        ({"size": (3, 3), "box": (0, 0, 100, 3)}, "`box` .* leaves the source, which is 40 wide and 31 high"),
        ({"size": (3, 3), "resample": "cubic"}, "`resample` is 'cubic', expected one of"),
        ({"size": (3, 3), "layout": "NHW"}, "`layout`"),
        ({"size": (3, 3), "dialect": "pillow-1"}, "`dialect`"),
    ],
    ids=["size", "box", "resample", "layout", "dialect"],
)
def test_errors_are_those_of_numpy_arrays_at_trace_time(words: dict[str, Any], text: str) -> None:
    words = {"layout": "NHWC"} | words
    with pytest.raises(ValueError, match=text) as eager:
        portresize.resize(NOISE, **words)
    for transformed in (jax.jit, jax.make_jaxpr):
        with pytest.raises(ValueError, match=text) as traced:
            transformed(lambda x: portresize.resize(x, **words))(NOISE)
        assert str(traced.value) == str(eager.value)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_program_keeps_the_number_of_threads_that_it_was_traced_with(number: int) -> None:
    # As a function that jax has not met, for it keeps what it has traced.
    with portresize.threads(number):
        (equation,) = jax.make_jaxpr(partial(shrink))(NOISE).eqns
    assert equation.params["threads"] == number
