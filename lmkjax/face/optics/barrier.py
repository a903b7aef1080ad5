"""Steps of a computation kept apart, so that none is worked out twice."""

from typing import TypeVar

import jax
import jax.numpy as jnp

T = TypeVar("T")


def barrier(values: T) -> T:
    """The same values, worked out once and kept, whoever uses them and how often.

    The compiler likes to melt steps together, and then works out the first of them
    anew for each use: each channel of each pixel. XLA's own barrier keeps them apart on
    accelerators. On a CPU it is dropped before steps are melted; a branch that the
    compiler cannot foresee stays. (`vmap` makes a select of that branch: on a CPU,
    `lax.map` what has barriers.)

    Args:
        values: arrays, some of them of floats, or a tree of them. Where the first
            float is not a number, no float that comes back is one.
    """
    leaves, shape = jax.tree.flatten(values)
    kept = jax.lax.platform_dependent(
        *leaves, cpu=_branch, default=lambda *xs: jax.lax.optimization_barrier(xs)
    )
    return jax.tree.unflatten(shape, kept)


def _branch(*leaves: jax.Array) -> tuple[jax.Array, ...]:
    """The same arrays, through a branch that depends on the first float."""

    def keep(*leaves: jax.Array) -> tuple[jax.Array, ...]:
        return leaves

    def spoil(*leaves: jax.Array) -> tuple[jax.Array, ...]:
        return tuple(jnp.full_like(x, jnp.nan) if _float(x) else x for x in leaves)

    first = next(x for x in leaves if _float(x)).ravel()[0]
    return jax.lax.cond(jnp.isnan(first), spoil, keep, *leaves)


def _float(x: jax.Array) -> bool:
    return jnp.issubdtype(x.dtype, jnp.floating)
