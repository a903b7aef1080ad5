"""What draws are made of: random numbers, colours, and the knobs of all priors."""

import dataclasses
import math
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

Share = Annotated[float, "0 to 1"]
"""How often something is there: 0 = never, 1 = always."""
Signed = Annotated[float, "any"]
"""What may be below 0, too."""


@dataclasses.dataclass(frozen=True)
class Priors:
    """How faces are spread: what can be there, how often and how strongly.

    A `Share` of 0 switches an element off, and so does a spread or a strength of 0;
    a strength of 1 is that of photos. Angles are standard deviations in degrees.

    Attributes:
        yaw_deg: of most faces; a share `turned` has `wide_deg` instead.
        wide_deg: of turned faces.
        turned: of turned faces.
        down_deg: mean pitch: how far down faces look, against the neutral head.
        pitch_deg: up and down.
        roll_deg: tilt.
        focal_mm: of the lens, shortest and longest, on 35 mm film.
        jitter: strength of the face's shift and zoom, which goes up to 1.22 times.
        identity: spread along the head's modes; 0 = everybody is the mean.
        children: of children.
        asymmetry: strength of the differences between the sides.
        expressions: strength; 0 = calm faces.
        blinks: of shut eyes.
        gaze: strength of looks aside.
        melanin: the palest and the darkest skin, and the power that bends the draw.
        redness: strength of blotches of blood and pigment.
        freckles: of pale faces with freckles.
        moles: of four places of a face, those with a mole.
        wrinkles: strength.
        oil: strength of the skin's shine.
        make_up: of made-up faces.
        brows: of faces with brows.
        lashes: strength of the dark line along the lids.
        beards: of faces with some beard.
        hair: of heads that are not bald.
        grey_hair: of grey and white hair.
        dyed_hair: of hair in any colour.
        receding: of hair that leaves the temples.
        glasses: with clear glasses.
        sunglasses: with dark ones.
        hats: with a hat or a cap.
        headphones: with some over the ears, and no hat.
        earrings: with studs or drops at the ears.
        scarves: with a scarf or a hood over the hair.
        masks: with a face mask.
        hands: with a hand before the face.
        things: with a microphone, a cup or a card before the face.
        hardness: mean share of the light that comes from lamps.
        shadows: strength of the shadows that the first lamp casts.
        occlusion: strength of the dark in what the sky does not reach.
        warmth: spread of the light's colour (logarithm of red over blue).
        plain: of backgrounds without shapes.
        gradients: strength of slopes in the background.
        shapes: of the background's shapes that are there.
        people: of backgrounds with one or two other heads, blurred.
        stripes: of striped backgrounds.
        clouds: strength of noise in the background.
        photos: of backgrounds from the user's own pictures, where there are some.
        defocus: strength of the blur of those.
        clothes: of people who wear some.
        patterns: of striped clothes.
        saturated: mean saturation of what is around.
        blur: mean defocus in 1/128 of the side.
        motion: of pictures blurred by motion.
        noise: mean spread of the sensor's noise.
        exposure: spread of the logarithm of the face's brightness.
        contrast: spread of the contrast's logarithm.
        cast: spread of the colour cast's logarithm.
        stained: of pictures with five times that cast.
        faded: spread of black's lift.
        grey: of pictures without colour.
        sepia: of brown pictures.
        low_resolution: of pictures enlarged from few pixels.
        jpeg: of pictures that bear the marks of strong JPEG.
    """

    yaw_deg: float = 15.0
    wide_deg: float = 26.0
    turned: Share = 0.08
    down_deg: Signed = 4.0
    pitch_deg: float = 8.5
    roll_deg: float = 6.8
    focal_mm: tuple[float, float] = (24.0, 135.0)
    jitter: float = 1.0
    identity: float = 1.0
    children: Share = 0.1
    asymmetry: float = 1.0
    expressions: float = 1.0
    blinks: Share = 0.06
    gaze: float = 1.0
    melanin: tuple[float, float, float] = (0.05, 2.3, 1.7)
    redness: float = 1.0
    freckles: Share = 0.15
    moles: Share = 0.2
    wrinkles: float = 1.0
    oil: float = 1.0
    make_up: Share = 0.35
    brows: Share = 1.0
    lashes: float = 1.0
    beards: Share = 0.38
    hair: Share = 0.92
    grey_hair: Share = 0.14
    dyed_hair: Share = 0.03
    receding: Share = 0.35
    glasses: Share = 0.11
    sunglasses: Share = 0.05
    hats: Share = 0.1
    headphones: Share = 0.015
    earrings: Share = 0.15
    scarves: Share = 0.025
    masks: Share = 0.02
    hands: Share = 0.06
    things: Share = 0.06
    hardness: float = 0.5
    shadows: Share = 1.0
    occlusion: Share = 1.0
    warmth: float = 0.18
    plain: Share = 0.25
    gradients: float = 1.0
    shapes: Share = 1.0
    people: Share = 0.12
    stripes: Share = 0.2
    clouds: float = 1.0
    photos: Share = 1.0
    defocus: float = 1.0
    clothes: Share = 1.0
    patterns: Share = 0.3
    saturated: float = 0.35
    blur: float = 0.34
    motion: Share = 0.02
    noise: float = 0.003
    exposure: float = 0.38
    contrast: float = 0.12
    cast: float = 0.07
    stained: Share = 0.12
    faded: float = 0.03
    grey: Share = 0.06
    sepia: Share = 0.02
    low_resolution: Share = 0.03
    jpeg: Share = 0.06


class Draw:
    """Numbers drawn at once from a key, and handed out each once: compiles fast."""

    def __init__(self, key, count=192):
        keys = jax.random.split(key)
        # As `uniform` of one and `normal` of the other: the generator compiled once.
        both = jax.vmap(lambda key: jax.random.uniform(key, (count,)))(keys)
        low = np.nextafter(np.float32(-1), np.float32(0))
        spread = jnp.maximum(both[1] * (1 - low) + low, low)
        self.uniforms = both[0]
        self.normals = np.float32(math.sqrt(2)) * jax.lax.erf_inv(spread)
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
