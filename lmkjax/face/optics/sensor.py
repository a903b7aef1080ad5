"""What a camera makes of light: exposure, blur, noise, colours, and their loss."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float

from lmkjax.face.optics import noise, rare
from lmkjax.images import filters
from lmkjax.landmarks import points as plane
from lmkjax.types import typed

LONGEST = 8.0
"""The longest blur by motion, in 1/128 of the picture's side."""
STEPS = 8
"""Pictures that a blur by motion is the mean of."""
YCC = np.array(  # brightness, and what blue and red have beyond it
    [[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]], np.float32
)


@struct.dataclass
class Sensor:
    """How a picture was taken.

    Attributes:
        exposure: factor on the light.
        blur: standard deviation across and down, in 1/128 of the picture's side.
        motion: how far all moved across and down meanwhile, in the same unit.
        shot_noise: spread of grey grain, of full scale.
        colour_noise: spread of coloured grain, of full scale.
        contrast: power around mid-grey, 1 = none.
        cast: a colour that all is multiplied with, near 1.
        saturation: 0 = grey, 1 = as it is.
        sepia: 0 to 1.
        black: lift of black, 0 to 0.2.
        coarse: pixels of the picture that the camera had one for, at least 1.
        jpeg: between two levels of the finest waves; 0 = not compressed.
        offset: where in the noise this picture lies.
    """

    exposure: Float[Array, "*b"]
    blur: Float[Array, "*b 2"]
    motion: Float[Array, "*b 2"]
    shot_noise: Float[Array, "*b"]
    colour_noise: Float[Array, "*b"]
    contrast: Float[Array, "*b"]
    cast: Float[Array, "*b 3"]
    saturation: Float[Array, "*b"]
    sepia: Float[Array, "*b"]
    black: Float[Array, "*b"]
    coarse: Float[Array, "*b"]
    jpeg: Float[Array, "*b"]
    offset: Float[Array, "*b 2"]


@typed
def develop(light: Float[Array, "h w 3"], sensor: Sensor) -> Float[Array, "h w 3"]:
    """The picture, 0 to 1, that a sensor makes of linear light."""
    size = light.shape[0]
    unit = size / 128
    moved, coarse = (sensor.motion != 0).any(), sensor.coarse > 1
    light = rare.when(moved, motion_blur, light * sensor.exposure, sensor.motion * unit)
    blurs = [
        filters.blurring(jnp.maximum(sigma * unit, 0.05), size=size)
        for sigma in sensor.blur
    ]
    across, down = rare.when(coarse, _shrink, blurs, sensor.coarse)
    value = _expose(filters.mix(light, down, across), sensor)
    value = rare.when(sensor.jpeg > 0, compress, value, sensor.jpeg)
    value = rare.when(coarse, _enlarge, value, sensor.coarse)
    return jnp.clip(value, 0.0, 1.0)


def _shrink(blurs, coarse):
    """Blurs that leave fewer pixels."""
    fewer = filters.shrinking(coarse, size=blurs[0].shape[0])
    exact = jax.lax.Precision.HIGHEST
    return [jnp.matmul(fewer, blur, precision=exact) for blur in blurs]


def _enlarge(picture, coarse):
    more = filters.enlarging(coarse, size=picture.shape[0])
    return filters.mix(picture, more, more)


def _expose(light, sensor):
    """What the sensor's pixels say of the light that each of them got."""
    size = light.shape[0]
    light = light * jnp.broadcast_to(sensor.cast, light.shape)
    value = tone(jnp.maximum(light, 0.0))
    value = 0.45 + (value - 0.45) * sensor.contrast
    grey = plane.product(value, jnp.array([0.3, 0.59, 0.11]))[..., None]
    value = grey + (value - grey) * sensor.saturation
    brown = grey * jnp.array([1.08, 0.95, 0.74])[None, None]
    value = value + (brown - value) * sensor.sepia
    place = plane.centres(size, size) * (2.37 / noise.SIDE)
    grain = noise.texel(place + sensor.offset[None, None])
    shot = grain[..., 3:] * sensor.shot_noise
    value = value + shot + grain[..., :3] * sensor.colour_noise
    return jnp.clip(sensor.black + value * (1 - sensor.black), 0.0, 1.0)


@typed
def tone(light: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """What is seen of light: shadows sink and highlights roll off, as on film."""
    soft = light * (1 + light / 6.0) / (1 + light)
    deep = soft * (soft + 0.012) / (soft + 0.06)
    return jnp.clip(deep * 1.35, 1e-6, 1.0) ** (1 / 2.2)


@typed
def inverse_tone(value: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The light of which `tone` makes these values, 0 to 1."""
    deep = value**2.2 / 1.35
    half = (deep - 0.012) / 2  # soft^2 + 0.012 soft = deep (soft + 0.06)
    soft = half + jnp.sqrt(half**2 + 0.06 * deep)
    half = 3 * (soft - 1)  # light^2 / 6 + light = soft (1 + light)
    return half + jnp.sqrt(half**2 + 6 * soft)


@typed
def motion_blur(
    picture: Float[Array, "h w c"], way_px: Float[Array, " 2"]
) -> Float[Array, "h w c"]:
    """A picture of what moved meanwhile: the mean along the way; edges repeat.

    Args:
        picture: any.
        way_px: how far, across and down; at most `LONGEST` in its unit each.
    """
    height, width, channels = picture.shape
    reach = math.ceil(LONGEST / 2 * max(height, width) / 128) + 1
    rim = ((reach, reach + 1), (reach, reach + 1), (0, 0))
    wide = jnp.pad(picture, rim, mode="edge")

    def add(step, total):
        shift = way_px * ((step + 0.5) / STEPS - 0.5)
        shift = jnp.clip(shift, 1.0 - reach, reach - 1.0) + reach
        low = jnp.floor(shift)
        share, (left, top) = shift - low, low.astype(jnp.int32)
        for dx, wx in ((0, 1 - share[0]), (1, share[0])):
            for dy, wy in ((0, 1 - share[1]), (1, share[1])):
                part = jax.lax.dynamic_slice(
                    wide, (top + dy, left + dx, 0), (height, width, channels)
                )
                total += part * (wx * wy)
        return total

    return jax.lax.fori_loop(0, STEPS, add, jnp.zeros_like(picture)) / STEPS


@typed
def compress(
    picture: Float[Array, "h w 3"], step: Float[Array, ""]
) -> Float[Array, "h w 3"]:
    """A picture that went through JPEG, colours three times as coarse as brightness.

    Args:
        picture: 0 to 1.
        step: between two levels of brightness's finest waves.
    """
    height, width, _ = picture.shape
    more = [(0, -side % filters.BLOCK) for side in (height, width)]
    whole = jnp.pad(picture, (*more, (0, 0)), mode="edge")
    whole = plane.product(whole, YCC.T)
    whole = filters.compress(whole, step * jnp.array([1.0, 3.0, 3.0]))
    return plane.product(whole, np.linalg.inv(YCC).T)[:height, :width]
