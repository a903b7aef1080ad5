"""What a camera makes of light: exposure, blur, noise, colours, and their loss."""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from lmkjax import points as plane
from lmkjax.face.optics import noise
from lmkjax.types import typed

REACH = 4
"""Pixels on each side that blur looks at."""


@struct.dataclass
class Sensor:
    """How a picture was taken.

    Attributes:
        exposure: factor on the light.
        blur: standard deviation across and down, in 1/128 of the picture's side.
        noise: spread of shot noise and of coloured noise, of full scale.
        contrast: power around mid-grey, 1 = none.
        cast: a colour that all is multiplied with, near 1.
        saturation: 0 = grey, 1 = as it is.
        sepia: 0 to 1.
        black: lift of black, 0 to 0.2.
        offset: where in the noise this picture lies.
    """

    exposure: Float[Array, "*b"]
    blur: Float[Array, "*b 2"]
    noise: Float[Array, "*b 2"]
    contrast: Float[Array, "*b"]
    cast: Float[Array, "*b 3"]
    saturation: Float[Array, "*b"]
    sepia: Float[Array, "*b"]
    black: Float[Array, "*b"]
    offset: Float[Array, "*b 2"]


@typed
def develop(light: Float[Array, "h w 3"], sensor: Sensor) -> Float[Array, "h w 3"]:
    """The picture, 0 to 1, that a sensor makes of linear light."""
    size = light.shape[0]
    light = blur(light * sensor.exposure, sensor.blur * size / 128)
    light = light * jnp.broadcast_to(sensor.cast, light.shape)
    light = jnp.maximum(light, 0.0)
    # Shadows sink and highlights roll off, as film and cameras let them.
    light = light * (1 + light / 6.0) / (1 + light)
    light = light * (light + 0.012) / (light + 0.06)
    value = jnp.clip(light * 1.35, 1e-6, 1.0) ** (1 / 2.2)
    value = 0.45 + (value - 0.45) * sensor.contrast
    grey = (value @ jnp.array([0.3, 0.59, 0.11]))[..., None]
    value = grey + (value - grey) * sensor.saturation
    brown = grey * jnp.array([1.08, 0.95, 0.74])[None, None]
    value = value + (brown - value) * sensor.sepia
    place = plane.centres(size, size) * (2.37 / noise.SIDE)
    grain = noise.texel(place + sensor.offset[None, None])
    shot = grain[..., 3:] * sensor.noise[0]
    value = value + shot + grain[..., :3] * sensor.noise[1]
    return jnp.clip(sensor.black + value * (1 - sensor.black), 0.0, 1.0)


@typed
def blur(
    picture: Float[Array, "h w c"], sigma_px: Float[Array, " 2"]
) -> Float[Array, "h w c"]:
    """A picture out of focus: Gaussian, across and down; edges repeat.

    Args:
        picture: any.
        sigma_px: standard deviations, at most about half of `REACH`.
    """
    steps = jnp.arange(-REACH, REACH + 1)
    for axis in (1, 0):
        sigma = jnp.maximum(sigma_px[1 - axis], 0.05)
        weight = jnp.exp(-0.5 * (steps / sigma) ** 2)
        weight = weight / weight.sum()
        pad = [(0, 0)] * 3
        pad[axis] = (REACH, REACH)
        wide = jnp.pad(picture, pad, mode="edge")
        length = picture.shape[axis]
        parts = (slice(i, i + length) for i in range(2 * REACH + 1))
        rows = [wide[:, p] if axis == 1 else wide[p] for p in parts]
        picture = sum(row * weight[i] for i, row in enumerate(rows))
    return picture
