"""Soft edges: a step without a corner, and one colour laid over another."""

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array | np.ndarray  # the host draws its maps by it too


def smoothstep(x: Array) -> Array:
    """0 below 0, 1 above 1, and between them the cubic that is level at both ends."""
    x = x.clip(0.0, 1.0)
    return x * x * (3 - 2 * x)


def mix(under: jax.Array, over: jax.Array, share: jax.Array) -> jax.Array:
    """From one colour to another.

    Args:
        under: a colour for each place.
        over: likewise, or one for all.
        share: 0 (the first) to 1 (the second), for each place.
    """
    over = jnp.broadcast_to(over, under.shape)
    return under + (over - under) * share[..., None]
