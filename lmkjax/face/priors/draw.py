"""What draws are made of: random numbers and colours."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.types import Key, purposes, typed


@typed
def numbers(key: Key, names: tuple[str, ...], *, count: int) -> Float[Array, "n 2 m"]:
    """Random numbers for each of several purposes: uniform ones, and normal ones.

    Args:
        key: of all of them.
        names: of the purposes; a number depends on its own purpose's name alone.
        count: of either kind for each purpose; more of them change none.
    """
    keys = jax.vmap(lambda own: purposes(own, "uniform", "normal"))(
        purposes(key, *names)
    )
    # As `uniform` of one and `normal` of the other: the generator compiled once.
    both = jax.vmap(jax.vmap(lambda own: jax.random.uniform(own, (count,))))(keys)
    low = np.nextafter(np.float32(-1), np.float32(0))
    spread = jnp.maximum(both[:, 1] * (1 - low) + low, low)
    normals = np.float32(math.sqrt(2)) * jax.lax.erf_inv(spread)
    return jnp.stack([both[:, 0], normals], 1)


class Draw:
    """One purpose's `numbers`, handed out each once."""

    def __init__(self, numbers: Float[Array, "2 m"]):
        self.uniforms, self.normals = numbers
        self.used = [0, 0]

    def _take(self, which, pool, shape):
        start, size = self.used[which], math.prod(shape)
        self.used[which] += size
        if self.used[which] > pool.shape[0]:
            raise ValueError(f"{self.used[which]} numbers wanted of {pool.shape[0]}.")
        return pool[start : start + size].reshape(shape)

    def uniform(self, low=0.0, high=1.0, shape=()):
        """Numbers spread evenly from `low` to `high`."""
        return low + (high - low) * self._take(0, self.uniforms, shape)

    def normal(self, spread=1.0, shape=()):
        """Normal numbers around 0."""
        return spread * self._take(1, self.normals, shape)

    def chance(self, share):
        """1 with the probability `share`, else 0."""
        return (self.uniform() < share).astype(jnp.float32)

    def pick(self, rows, shares=None):
        """One of the rows of a table."""
        rows = jnp.asarray(rows)
        shares = np.ones(len(rows)) if shares is None else np.asarray(shares)
        steps = jnp.asarray(np.cumsum(shares / shares.sum())[:-1], jnp.float32)
        return rows[(self.uniform() > steps).sum()]


def warm(amount):
    """A white that is warmer (above 0) or colder (below)."""
    return jnp.exp(jnp.stack([amount, 0.05 * amount, -1.1 * amount]))


def colour(draw, saturated):
    """A colour as photos have them: any brightness, mostly dull."""
    level = jnp.exp(draw.uniform(-5.0, -0.1))
    hue = draw.normal(shape=(3,))
    hue = hue - hue.mean()
    return jnp.clip(level * jnp.exp(saturated * draw.uniform() * hue), 0.002, 0.95)
