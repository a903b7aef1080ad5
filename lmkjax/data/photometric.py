"""How things look: colour, sharpness and noise of the picture alone.

Pure functions for the device. A deed acts on one picture and is told what to do; its
`random_` twin draws that by chance; `augment` acts on a batch.
"""

import functools

import dm_pix
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.images import filters
from lmkjax.landmarks import points
from lmkjax.types import Key, Scalar, each_of, purposes, typed

Image = Float[Array, "h w 3"]

# Standard deviations at strength 1: of a sum, of logarithms of factors, of turns.
BRIGHTNESS, CONTRAST, SATURATION, GAMMA, TINT = 0.1, 0.2, 0.2, 0.15, 0.05
HUE_TURNS = 0.02
NOISE = 0.03
GREY = 0.1  # probability at strength 1
BLUR_SIGMA = (0.004, 0.016)  # of the blur, share of the picture's side
LOW_RESOLUTION = (2.0, 4.0)  # by which the picture is made smaller and large again
JPEG_STEP = (0.02, 0.12)  # between two levels of a block's finest wave


@typed
def adjust(
    image: Image,
    *,
    brightness: Scalar,
    contrast: Scalar,
    saturation: Scalar,
    hue_turns: Scalar,
    gamma: Scalar,
    tint: Float[Array, " 3"],
) -> Image:
    """A picture in other light, through another camera.

    Args:
        image: in [0, 1].
        brightness: is added.
        contrast: factor on the distance from the mean colour.
        saturation: factor.
        hue_turns: how far the colours turn; 1 is once around.
        gamma: exponent.
        tint: factors on red, green and blue.

    Returns:
        In [0, 1].
    """
    # Hue and saturation by one linear map (YIQ): through HSV, which has branches,
    # it is slower than all the rest together.
    colours = _turn(hue_turns, saturation) * tint[None]
    image = sum(image[..., c, None] * colours[None, None, :, c] for c in range(3))
    image = dm_pix.adjust_contrast(image, contrast)
    image = dm_pix.adjust_brightness(image, brightness)
    return dm_pix.adjust_gamma(image, gamma)  # clips to [0, 1] first


@typed
def random_adjust(key: Key, image: Image, *, strength: float) -> Image:
    """The picture in light and colours drawn by chance; sometimes all grey.

    Args:
        key: of the chance.
        image: in [0, 1].
        strength: 1 = the spreads at the head of this file, 0 = nothing happens.
    """
    draws, grey = purposes(key, "colours", "grey")
    normal = strength * jax.random.normal(draws, (8,))
    colourful = ~jax.random.bernoulli(grey, min(GREY * strength, 1.0))
    return adjust(
        image,
        brightness=BRIGHTNESS * normal[0],
        contrast=jnp.exp(CONTRAST * normal[1]),
        saturation=jnp.exp(SATURATION * normal[2]) * colourful,
        hue_turns=HUE_TURNS * normal[3],
        gamma=jnp.exp(GAMMA * normal[4]),
        tint=jnp.exp(TINT * normal[5:]),
    )


@typed
def random_spoil(key: Key, image: Image, *, chance: float) -> Image:
    """The picture, with probability `chance` blurred, made coarse or compressed."""
    happens, which, much = purposes(key, "happens", "which", "much")
    size, amount = image.shape[0], jax.random.uniform(much)
    low, high = BLUR_SIGMA
    sigma_px = (low + amount * (high - low)) * size
    coarse = [filters.coarsening(jnp.asarray(f), size=size) for f in LOW_RESOLUTION]
    kinds = [jnp.eye(size), *coarse, filters.blurring(sigma_px, size=size)]
    chosen = jax.random.randint(which, (), 0, len(kinds))  # 0: compressed, not soft
    happens = jax.random.bernoulli(happens, chance)
    rows = jnp.stack(kinds)[chosen * happens]
    softer = filters.mix(image, rows, rows)
    finest, coarsest = JPEG_STEP
    step = jnp.broadcast_to(finest + amount * (coarsest - finest), (3,))
    marked = filters.compress(softer, step)
    return jnp.where(happens & (chosen == 0), marked, softer)


@typed
def random_noise(key: Key, image: Image, *, strength: float) -> Image:
    """The picture with noise in each pixel and colour, of an amount drawn by chance.

    Args:
        key: of the chance.
        image: in [0, 1].
        strength: 1 = as at the head of this file, 0 = none.

    Returns:
        Not clipped.
    """
    much, grain = purposes(key, "much", "grain")
    amount = jnp.abs(NOISE * strength * jax.random.normal(much))
    # One word per pixel is three even draws of 10 bits: normal ones cost ten times it.
    word = jax.random.bits(grain, image.shape[:2], jnp.uint32)
    dice = jnp.stack([(word >> shift) & 1023 for shift in (0, 10, 20)], -1)
    spread = 1024 / np.sqrt(12)  # their standard deviation
    return image + amount * (dice.astype(jnp.float32) - 511.5) / spread


@typed
def style(image: Float[Array, "*b h w 3"]) -> Float[Array, "*b 2 3"]:
    """The mean of each colour of a picture, and its standard deviation."""
    return jnp.stack([image.mean((-3, -2)), image.std((-3, -2))], -2)


@typed
def restyle(image: Image, wanted: Float[Array, "2 3"], amount: Scalar) -> Image:
    """A picture with another mean and deviation of its colours.

    Args:
        image: in [0, 1].
        wanted: see `style`.
        amount: 0 = it keeps its own, 1 = it has the wanted ones, in between for less.

    Returns:
        In [0, 1].

    Source: Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive
        Instance Normalization", ICCV 2017; of the pixels, as no network that was
        trained on photos is at hand here.
    """
    own = style(image)[:, None, None]
    mean, deviation = own + amount * (wanted[:, None, None] - own)
    factor = deviation / jnp.maximum(own[1], 0.02)  # a flat picture stays flat
    return jnp.clip((image - own[0]) * factor + mean, 0, 1)


@typed
def random_restyle(
    key: Key,
    image: Float[Array, "b h w 3"],
    styles: Float[Array, "n 2 3"],
    *,
    chance: float,
) -> Float[Array, "b h w 3"]:
    """Pictures, some in a style drawn from those of others, by an amount drawn too.

    Args:
        key: of the chance.
        image: in [0, 1].
        styles: of the others, see `style`.
        chance: probability that a picture changes.
    """

    def one(key: Key, image: Image) -> Image:
        happens, which, much = purposes(key, "happens", "which", "much")
        wanted = styles[jax.random.randint(which, (), 0, len(styles))]
        amount = jax.random.uniform(much) * jax.random.bernoulli(happens, chance)
        return restyle(image, wanted, amount)

    return jax.vmap(one)(each_of(key, jnp.arange(len(image))), image)


@functools.partial(jax.jit, static_argnames=("colour", "blur_chance"))
@typed
def augment(
    key: Key, image: Float[Array, "b h w 3"], *, colour: float, blur_chance: float
) -> Float[Array, "b h w 3"]:
    """A batch of pictures, each seen by chance in another light and worse quality.

    Args:
        key: of the chance; every picture draws its own.
        image: in [0, 1]; sides that 8 divides.
        colour: strength of colour and noise; 0 = none.
        blur_chance: probability that a picture loses its sharpness.

    Returns:
        In [0, 1].
    """

    def one(key: Key, image: Image) -> Image:
        spoils, colours, grains = purposes(key, "spoil", "colour", "grain")
        if blur_chance:
            image = random_spoil(spoils, image, chance=blur_chance)
        if colour:
            image = random_adjust(colours, image, strength=colour)
            image = random_noise(grains, image, strength=colour)
        return jnp.clip(image, 0, 1)

    return jax.vmap(one)(each_of(key, jnp.arange(len(image))), image)


def _turn(hue_turns: Scalar, saturation: Scalar) -> Float[Array, "3 3"]:
    """The map of colours that turns hues and stretches them; greys stay."""
    angle = 2 * np.pi * hue_turns
    cos, sin = saturation * jnp.cos(angle), saturation * jnp.sin(angle)
    zero, one = jnp.zeros_like(cos), jnp.ones_like(cos)
    rows = [[one, zero, zero], [zero, cos, -sin], [zero, sin, cos]]
    inner = jnp.stack([jnp.stack(row) for row in rows])
    return points.product(points.product(np.linalg.inv(_YIQ), inner), _YIQ)


_YIQ = np.array(  # brightness, and two axes of colour: NTSC's
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]],
    np.float32,
)
