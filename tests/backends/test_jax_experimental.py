"""`jet` and `sparsify` of `jax.experimental`, whose rules are made when their modules are there."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import portresize
from portresize._core.report import assert_same

jax = pytest.importorskip("jax", reason="jax is not installed: pip install 'portresize[jax]'")
import jax.numpy as jnp  # noqa: E402
from jax.experimental import sparse  # noqa: E402
from jax.experimental.jet import jet  # noqa: E402

IMAGE = jnp.asarray(np.random.default_rng(0).normal(0, 9, (20, 31)).astype(np.float32))
TERMS = [jnp.asarray(np.random.default_rng(i).normal(0, 9, (20, 31)).astype(np.float32)) for i in (1, 2, 3)]


def padded(x: Any) -> Any:
    return portresize.pad(portresize.resize(x, (9, 14), "lanczos"), (16, 16), color=7.0)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("f", [lambda x: portresize.resize(x, (9, 14)), padded], ids=["resize", "pad"])
def test_terms_of_jet_go_through_the_linear_map(f: Any, wrap: Any) -> None:
    # Scaled by factorials, jet divides and multiplies by them, which rounds.
    y, terms = jet(wrap(f), (IMAGE,), (TERMS,), factorial_scaled=False)
    assert_same(np.asarray(y), np.asarray(f(IMAGE)))
    for actual, term in zip(terms, TERMS, strict=True):
        assert_same(np.asarray(actual), np.asarray(jax.jvp(f, (IMAGE,), (term,))[1]))


def test_jet_goes_on_after_a_resize() -> None:
    def f(x: Any) -> Any:
        return jnp.sin(portresize.resize(x, (9, 14), "bilinear"))

    y, (first, _) = jet(f, (IMAGE,), (TERMS[:2],))
    expected = jax.jvp(f, (IMAGE,), (TERMS[0],))
    assert np.allclose(y, expected[0], rtol=0, atol=1e-6)
    assert np.allclose(first, expected[1], rtol=1e-5, atol=1e-5)


def test_integers_have_no_terms() -> None:
    image = jnp.arange(600, dtype=jnp.int32).reshape(20, 30)
    y, terms = jet(lambda x: portresize.resize(x, (9, 14)), (image,), ([image],))
    assert_same(np.asarray(y), np.asarray(portresize.resize(image, (9, 14))))
    assert not np.asarray(terms[0]).any()


@pytest.mark.parametrize("use_tracer", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_sparse_array_is_resized_as_a_dense_one(use_tracer: bool, dtype: str) -> None:
    samples = np.random.default_rng(4).integers(0, 256, (20, 31)) * (np.random.default_rng(5).random((20, 31)) < 0.1)
    dense = jnp.asarray(samples.astype(dtype))

    def f(x: Any) -> Any:
        return portresize.resize(x, (9, 14), "lanczos")

    for given in (sparse.BCOO.fromdense(dense), dense):
        result = sparse.sparsify(f, use_tracer=use_tracer)(given)
        assert isinstance(result, jax.Array)
        assert_same(np.asarray(result), np.asarray(f(dense)))


def test_nothing_experimental_is_imported() -> None:
    code = (
        "import sys, jax.numpy as jnp, portresize; portresize.resize(jnp.zeros((9, 9)), (4, 4)); "
        "print({'jax.experimental.jet', 'jax.experimental.sparse'} & set(sys.modules)); "
        "from jax.experimental.jet import jet; "
        "print(jet(lambda x: portresize.resize(x, (1, 1), 'box'), (jnp.ones((2, 2)),), ([jnp.ones((2, 2))],))[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "set()"
    assert "1." in done.stdout.splitlines()[1]
