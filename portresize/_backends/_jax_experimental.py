"""Rules for transformations of `jax.experimental`, made once a caller has imported their modules.

Both keep rules in a dictionary of their module, which a backend cannot fill before: nothing experimental is imported
here. A function that was traced before the module was imported has to be traced once more, or another resize called.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

if TYPE_CHECKING:
    from collections.abc import Callable

    from jax.extend.core import Primitive

_JET, _SPARSE = "jax.experimental.jet", "jax.experimental.sparse.transform"


def register(primitive: Primitive, linear: Callable[..., Any]) -> None:
    """Give a primitive of one operand its rules, where there are dictionaries for them.

    Args:
        primitive: An affine map of floats; integers are rounded.
        linear: The map without what it adds, which takes the same parameters.
    """
    # A module that another thread is importing may not have its dictionary yet.
    jet, sparse = sys.modules.get(_JET), sys.modules.get(_SPARSE)
    rules = getattr(jet, "jet_rules", {primitive: None})
    if primitive not in rules:
        rules[primitive] = _jet_rule(primitive, linear)
    for name in ("sparse_rules_bcoo", "sparse_rules_bcsr"):
        rules = getattr(sparse, name, {primitive: None})
        if primitive not in rules:
            rules[primitive] = _sparse_rule(sparse, primitive)


def _jet_rule(primitive: Primitive, linear: Callable[..., Any]) -> Callable[..., Any]:
    def rule(primals: tuple[Any], series: tuple[Any], **parameters: Any) -> tuple[Any, list[Any]]:
        (x,), (terms,) = primals, series
        y = primitive.bind(x, **parameters)
        if not jnp.issubdtype(x.dtype, jnp.inexact):
            return y, [jnp.zeros_like(y) for _ in terms]
        return y, [linear(term, **parameters) for term in terms]

    return rule


def _sparse_rule(sparse: Any, primitive: Primitive) -> Callable[..., Any]:
    def rule(environment: Any, x: Any, **parameters: Any) -> Any:
        """Resize the dense array, because a filter leaves few zeros."""
        (array,) = sparse.spvalues_to_arrays(environment, (x,))
        dense = array.todense() if x.is_sparse() else array
        return sparse.arrays_to_spvalues(environment, (primitive.bind(dense, **parameters),))

    return rule
