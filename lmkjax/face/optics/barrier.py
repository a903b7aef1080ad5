"""Steps of a computation kept apart, so that none is worked out twice."""

from typing import TypeVar

import jax
import jax.numpy as jnp

T = TypeVar("T")


def hold(values: T) -> T:
    """The same values, worked out once and kept, whoever uses them and how often.

    The compiler likes to melt steps together, and then works out the first of them
    anew for each use: each channel of each pixel. On a CPU it drops
    `optimization_barrier` before it does so; a branch that it cannot foresee stays.

    Args:
        values: arrays of floats, at least one, or a tree of them; if the first number
            is not a number, zeros come back.
    """
    leaves, shape = jax.tree.flatten(values)
    first = next(x for x in leaves if jnp.issubdtype(x.dtype, jnp.floating))
    sound = ~jnp.isnan(first.ravel()[0])

    def keep(leaves: list[jax.Array]) -> list[jax.Array]:
        return leaves

    def drop(leaves: list[jax.Array]) -> list[jax.Array]:
        return [jnp.zeros_like(x) for x in leaves]

    return jax.tree.unflatten(shape, jax.lax.cond(sound, keep, drop, leaves))
