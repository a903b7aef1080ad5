"""What is around a head: the background and the shoulders."""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from lmkjax.face.optics import barrier, noise
from lmkjax.landmarks import points as plane
from lmkjax.types import typed


@struct.dataclass
class Scene:
    """A background and clothes; colours are linear RGB.

    Attributes:
        colours: three that the background is mixed from.
        slope: direction and steepness of a gradient between the first two.
        clouds: strength of large, middle and fine noise.
        scale: of the noise, tiles per picture.
        shapes: x, y (picture = 0 to 1), half width, half height, turn in radians,
            roundness (0 box, 1 ellipse), softness of the edge, cover.
        shape_colours: of the shapes.
        stripes: strength, stripes per picture, turn in radians, softness.
        cloth: two colours of the clothes.
        cloth_pattern: strength of stripes, their number, strength of folds.
        shoulders: half width, height (cm), neckline's depth (cm), turn share.
        offset: where in the noise this picture lies.
    """

    colours: Float[Array, "*b 3 3"]
    slope: Float[Array, "*b 2"]
    clouds: Float[Array, "*b 3"]
    scale: Float[Array, "*b"]
    shapes: Float[Array, "*b s 8"]
    shape_colours: Float[Array, "*b s 3"]
    stripes: Float[Array, "*b 4"]
    cloth: Float[Array, "*b 2 3"]
    cloth_pattern: Float[Array, "*b 3"]
    shoulders: Float[Array, "*b 4"]
    offset: Float[Array, "*b 2"]


@typed
def background(scene: Scene, *, size: int) -> Float[Array, "h w 3"]:
    """A picture without a face: gradient, noise, stripes and soft shapes."""
    place = plane.centres(size, size) / size
    coarse, fine = barrier.barrier(
        (
            noise.sample(place * scene.scale * 0.25 + scene.offset[None, None]),
            noise.sample(place * scene.scale * 1.1 + scene.offset[None, None]),
        )
    )
    level = plane.product(place - 0.5, scene.slope) + 0.5
    level += (
        scene.clouds[0] * 0.35 * coarse[..., 2] + scene.clouds[1] * 0.2 * coarse[..., 0]
    )
    turn = scene.stripes[2]
    wave = place[..., 0] * jnp.cos(turn) + place[..., 1] * jnp.sin(turn)
    wave = jnp.sin(2 * jnp.pi * scene.stripes[1] * wave + 0.4 * coarse[..., 0])
    level += scene.stripes[0] * jnp.tanh(wave / scene.stripes[3])
    level = jnp.clip(level, 0, 1)
    patch = jnp.clip(0.5 * coarse[..., 1] - 0.3, 0, 1) * scene.clouds[1]
    covers = [_shape(place, shape) for shape in scene.shapes]
    grain = scene.clouds[2] * fine[..., 2] + 0.3 * scene.clouds[1] * coarse[..., 0]
    grain = jnp.exp(0.3 * grain)
    # Colours have three channels: without this each would work all that out anew.
    level, patch, covers, grain = barrier.barrier((level, patch, covers, grain))
    picture = jnp.broadcast_to(scene.colours[0], (size, size, 3))
    picture = _mix(picture, scene.colours[1], level)
    picture = _mix(picture, scene.colours[2], patch)
    for cover, colour in zip(covers, scene.shape_colours, strict=True):
        picture = _mix(picture, colour, cover)
    return picture * grain[..., None]


@typed
def cloth(place: Float[Array, "*n 2"], scene: Scene) -> Float[Array, "*n 3"]:
    """Colour of the clothes at places, cm: a plain one, stripes, folds."""
    strength, number, folds = (scene.cloth_pattern[i] for i in range(3))
    fold = noise.sample(place / 60 + jnp.broadcast_to(scene.offset, place.shape))[
        ..., 2
    ]
    wave = jnp.tanh(4 * jnp.sin(number * place[..., 1] + 0.4 * fold))
    wave, shade = barrier.barrier((0.5 + 0.5 * wave, jnp.exp(0.5 * folds * fold)))
    colour = jnp.broadcast_to(scene.cloth[0], (*place.shape[:-1], 3))
    colour = _mix(colour, scene.cloth[1], strength * wave)
    return colour * shade[..., None]


@typed
def dressed(place: Float[Array, "*n 3"], scene: Scene) -> Float[Array, "*n"]:
    """Where the mean head's neck and chest are under clothes, 0 to 1."""
    front = jnp.exp(-((place[..., 0] / 4.5) ** 2)) * (place[..., 2] > -1)
    line = -11.8 - 0.12 * jnp.abs(place[..., 0]) - scene.shoulders[2] * front
    return jnp.clip((line - place[..., 1]) / 0.15 + 0.5, 0, 1)


def _shape(place, shape):
    """Cover, 0 to 1, of a box or an ellipse with a soft edge."""
    cos, sin = jnp.cos(shape[4]), jnp.sin(shape[4])
    dx, dy = place[..., 0] - shape[0], place[..., 1] - shape[1]
    u = jnp.abs(cos * dx + sin * dy) / shape[2]
    v = jnp.abs(cos * dy - sin * dx) / shape[3]
    far = shape[5] * jnp.hypot(u, v) + (1 - shape[5]) * jnp.maximum(u, v)
    return shape[7] * jnp.clip((1 - far) / shape[6] + 0.5, 0, 1)


def _mix(picture, colour, cover):
    return (
        picture + (jnp.broadcast_to(colour, picture.shape) - picture) * cover[..., None]
    )
