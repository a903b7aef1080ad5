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

from lmkjax.types import Key, Scalar, typed

Image = Float[Array, "h w 3"]

# Standard deviations at strength 1: of a sum, of logarithms of factors, of turns.
BRIGHTNESS, CONTRAST, SATURATION, GAMMA, TINT = 0.1, 0.2, 0.2, 0.15, 0.05
HUE_TURNS = 0.02
NOISE = 0.03
GREY = 0.1  # probability at strength 1
BLUR_SIGMA = (0.004, 0.016)  # of the blur, share of the picture's side
LOW_RESOLUTION = (2, 4)  # by which the picture is made smaller and large again
JPEG_STEP = (0.02, 0.12)  # between two levels of a block's finest wave
BLOCK = 8


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
    draws, grey = jax.random.split(key)
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
def soften(image: Image, rows: Float[Array, "h h"]) -> Image:
    """A square picture with its rows, then its columns mixed as `rows` says.

    Args:
        image: any range.
        rows: what each new row is made of: `blurring`, `coarsening` or the identity.
    """
    # Matrix products: shifted sums would be fused, and computed over and over.
    return jnp.einsum("ij,jwc->iwc", rows, jnp.einsum("ij,hjc->hic", rows, image))


@typed
def blurring(sigma_px: Scalar, *, size: int) -> Float[Array, "{size} {size}"]:
    """What `soften` needs for a Gaussian; beyond the rim there is nothing.

    Args:
        sigma_px: standard deviation, above 0.
        size: side of the picture.
    """
    apart = jnp.arange(size)[:, None] - jnp.arange(size)[None]
    weights = jnp.exp(-((apart / sigma_px) ** 2) / 2)
    return weights / weights.sum(-1, keepdims=True)


def coarsening(*, size: int, factor: int) -> np.ndarray:
    """What `soften` needs for a picture made `factor` times smaller, then large again.

    Args:
        size: side of the picture; `factor` divides it.
        factor: by how much.

    Returns:
        float32 [size, size].
    """
    few = size // factor
    shrink = np.kron(np.eye(few), np.full(factor, 1 / factor))
    places = (np.arange(size) + 0.5) / factor - 0.5  # of the many among the few
    apart = np.clip(places, 0, few - 1)[:, None] - np.arange(few)
    return (np.maximum(1 - np.abs(apart), 0) @ shrink).astype(np.float32)


@typed
def compress(image: Image, step: Scalar) -> Image:
    """A picture that bears the marks of JPEG: 8 x 8 blocks, their waves in levels.

    Args:
        image: sides that 8 divides.
        step: between two levels of the finest waves; those of the coarsest are 10
            times denser. Colours are treated as brightness is.

    Source: the idea is ISO/IEC 10918-1's; its tables for 8 bits are replaced by a
        straight line, as only the look matters here.
    """
    waves, size = jnp.asarray(_WAVES), BLOCK
    height, width, channels = image.shape
    blocks = image.reshape(height // size, size, width // size, size, channels)
    turned = jnp.einsum("ui,vj,aibjc->aubvc", waves, waves, blocks)
    levels = step * jnp.asarray(_LEVELS)[None, :, None, :, None]
    rounded = jnp.round(turned / levels) * levels
    back = jnp.einsum("ui,vj,aubvc->aibjc", waves, waves, rounded)
    return back.reshape(image.shape)


@typed
def random_spoil(key: Key, image: Image, *, chance: float) -> Image:
    """The picture, with probability `chance` blurred, made coarse or compressed."""
    happens, which, much = jax.random.split(key, 3)
    size, amount = image.shape[0], jax.random.uniform(much)
    low, high = BLUR_SIGMA
    sigma_px = (low + amount * (high - low)) * size
    coarse = [coarsening(size=size, factor=factor) for factor in LOW_RESOLUTION]
    kinds = [np.eye(size, dtype=np.float32), *coarse, blurring(sigma_px, size=size)]
    chosen = jax.random.randint(which, (), 0, len(kinds))  # 0: compressed, not soft
    happens = jax.random.bernoulli(happens, chance)
    softer = soften(image, jnp.stack(kinds)[chosen * happens])
    finest, coarsest = JPEG_STEP
    marked = compress(softer, finest + amount * (coarsest - finest))
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
    much, grain = jax.random.split(key)
    amount = jnp.abs(NOISE * strength * jax.random.normal(much))
    # One word per pixel is three even draws of 10 bits: normal ones cost ten times it.
    word = jax.random.bits(grain, image.shape[:2], jnp.uint32)
    dice = jnp.stack([(word >> shift) & 1023 for shift in (0, 10, 20)], -1)
    spread = 1024 / np.sqrt(12)  # their standard deviation
    return image + amount * (dice.astype(jnp.float32) - 511.5) / spread


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
        spoils, colours, grains = jax.random.split(key, 3)
        if blur_chance:
            image = random_spoil(spoils, image, chance=blur_chance)
        if colour:
            image = random_adjust(colours, image, strength=colour)
            image = random_noise(grains, image, strength=colour)
        return jnp.clip(image, 0, 1)

    return jax.vmap(one)(jax.random.split(key, len(image)), image)


def _turn(hue_turns: Scalar, saturation: Scalar) -> Float[Array, "3 3"]:
    """The map of colours that turns hues and stretches them; greys stay."""
    angle = 2 * np.pi * hue_turns
    cos, sin = saturation * jnp.cos(angle), saturation * jnp.sin(angle)
    zero, one = jnp.zeros_like(cos), jnp.ones_like(cos)
    rows = [[one, zero, zero], [zero, cos, -sin], [zero, sin, cos]]
    inner = jnp.stack([jnp.stack(row) for row in rows])
    return jnp.asarray(np.linalg.inv(_YIQ)) @ inner @ jnp.asarray(_YIQ)


_YIQ = np.array(  # brightness, and two axes of colour: NTSC's
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]],
    np.float32,
)
_FREQUENCY, _PLACE = np.mgrid[:BLOCK, :BLOCK]
_WAVES = np.cos(np.pi * _FREQUENCY * (_PLACE * 2 + 1) / (2 * BLOCK)) * np.sqrt(
    np.where(_FREQUENCY == 0, 1, 2) / BLOCK
).astype(np.float32)
_WAVES = _WAVES.astype(np.float32)
_LEVELS = (0.1 + 0.9 * (_FREQUENCY + _PLACE) / (2 * BLOCK - 2)).astype(np.float32)
