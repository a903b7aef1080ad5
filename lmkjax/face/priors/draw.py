"""What draws are made of: random numbers, colours, and the knobs of all priors."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np


@dataclasses.dataclass(frozen=True)
class Priors:
    """How faces are spread; angles are standard deviations in degrees.

    Attributes:
        yaw_deg: of most faces; a share `turned` has `wide_deg` instead.
        wide_deg: of turned faces.
        turned: share of turned faces.
        down_deg: mean pitch: how far down faces look, against the neutral head.
        pitch_deg: up and down.
        roll_deg: tilt.
        melanin: the palest and the darkest skin, and the power that bends the draw.
        hardness: mean share of the light that comes from lamps.
        warmth: spread of the light's colour (logarithm of red over blue).
        children: share of children.
        grey: share of pictures without colour.
        sepia: share of brown pictures.
        noise: mean spread of the sensor's noise.
        blur: mean defocus in 1/128 of the side.
        contrast: spread of the contrast's logarithm.
        cast: spread of the colour cast's logarithm.
        stained: share of pictures with five times that cast.
        saturated: mean saturation of what is around.
        make_up: share of made-up faces.
        beards: share of faces with some beard.
        masks: share of faces with a face mask.
        glasses: share with glasses, sunglasses included.
        hats: share with something on the head.
        things: share with a hand or a thing before the face.
    """

    yaw_deg: float = 14.5
    wide_deg: float = 32.0
    turned: float = 0.12
    down_deg: float = 4.0
    pitch_deg: float = 10.0
    roll_deg: float = 11.0
    melanin: tuple[float, float, float] = (0.05, 2.3, 1.7)
    hardness: float = 0.5
    warmth: float = 0.18
    children: float = 0.1
    grey: float = 0.06
    sepia: float = 0.02
    noise: float = 0.008
    blur: float = 0.55
    contrast: float = 0.12
    cast: float = 0.07
    stained: float = 0.12
    saturated: float = 0.35
    make_up: float = 0.35
    beards: float = 0.38
    masks: float = 0.02
    glasses: float = 0.16
    hats: float = 0.12
    things: float = 0.12


class Draw:
    """Numbers drawn at once from a key, and handed out each once: compiles fast."""

    def __init__(self, key, count=192):
        first, second = jax.random.split(key)
        self.uniforms = jax.random.uniform(first, (count,))
        self.normals = jax.random.normal(second, (count,))
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
