"""What is around a head: the background and the shoulders."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from lmkjax.face.optics import barrier, blend, noise
from lmkjax.landmarks import points as plane
from lmkjax.types import typed


@struct.dataclass
class Clouds:
    """Noise in the background.

    Attributes:
        large: strength of the largest.
        middle: strength of those between.
        fine: strength of the finest.
    """

    large: Float[Array, "*b"]
    middle: Float[Array, "*b"]
    fine: Float[Array, "*b"]


@struct.dataclass
class Shapes:
    """Soft boxes and ellipses; s is their number, a picture's side is 1.

    Attributes:
        place: of the middle, x and y.
        half_width: of each.
        half_height: of each.
        turn_rad: in the picture.
        roundness: 0 box, 1 ellipse.
        softness: of the edge.
        cover: 0 to 1.
        colour: linear RGB.
    """

    place: Float[Array, "*b s 2"]
    half_width: Float[Array, "*b s"]
    half_height: Float[Array, "*b s"]
    turn_rad: Float[Array, "*b s"]
    roundness: Float[Array, "*b s"]
    softness: Float[Array, "*b s"]
    cover: Float[Array, "*b s"]
    colour: Float[Array, "*b s 3"]


@struct.dataclass
class Stripes:
    """Stripes in the background.

    Attributes:
        strength: 0 = none.
        count: per picture.
        turn_rad: in the picture.
        softness: of their edges.
    """

    strength: Float[Array, "*b"]
    count: Float[Array, "*b"]
    turn_rad: Float[Array, "*b"]
    softness: Float[Array, "*b"]


@struct.dataclass
class Pattern:
    """Of clothes.

    Attributes:
        stripes: strength, 0 = none.
        rad_per_cm: how close these are.
        folds: strength.
    """

    stripes: Float[Array, "*b"]
    rad_per_cm: Float[Array, "*b"]
    folds: Float[Array, "*b"]


@struct.dataclass
class Shoulders:
    """What a head stands on.

    Attributes:
        half_width_cm: of both.
        height_cm: above the usual.
        neckline_cm: depth of the clothes' opening.
        turn: share of the head's turn that they follow.
    """

    half_width_cm: Float[Array, "*b"]
    height_cm: Float[Array, "*b"]
    neckline_cm: Float[Array, "*b"]
    turn: Float[Array, "*b"]


@struct.dataclass
class Scene:
    """A background and clothes; colours are linear RGB.

    Attributes:
        near_colour: one end of a gradient.
        far_colour: its other end.
        cloud_colour: of the clouds.
        slope: of the gradient, across and down.
        clouds: noise.
        scale: of the noise, tiles per picture.
        shapes: before all that.
        stripes: between the gradient's colours.
        cloth_colour: of the clothes.
        stripe_colour: of the clothes' stripes.
        cloth_pattern: stripes and folds.
        shoulders: in these clothes.
        offset: where in the noise this picture lies.
    """

    near_colour: Float[Array, "*b 3"]
    far_colour: Float[Array, "*b 3"]
    cloud_colour: Float[Array, "*b 3"]
    slope: Float[Array, "*b 2"]
    clouds: Clouds
    scale: Float[Array, "*b"]
    shapes: Shapes
    stripes: Stripes
    cloth_colour: Float[Array, "*b 3"]
    stripe_colour: Float[Array, "*b 3"]
    cloth_pattern: Pattern
    shoulders: Shoulders
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
    clouds, stripes = scene.clouds, scene.stripes
    level += clouds.large * 0.35 * coarse[..., 2] + clouds.middle * 0.2 * coarse[..., 0]
    turn = stripes.turn_rad
    wave = place[..., 0] * jnp.cos(turn) + place[..., 1] * jnp.sin(turn)
    wave = jnp.sin(2 * jnp.pi * stripes.count * wave + 0.4 * coarse[..., 0])
    level += stripes.strength * jnp.tanh(wave / stripes.softness)
    level = jnp.clip(level, 0, 1)
    patch = jnp.clip(0.5 * coarse[..., 1] - 0.3, 0, 1) * clouds.middle
    count = scene.shapes.cover.shape[0]
    shapes = [jax.tree.map(lambda x, i=i: x[i], scene.shapes) for i in range(count)]
    covers = [_shape(place, shape) for shape in shapes]
    grain = clouds.fine * fine[..., 2] + 0.3 * clouds.middle * coarse[..., 0]
    grain = jnp.exp(0.3 * grain)
    # Colours have three channels: without this each would work all that out anew.
    level, patch, covers, grain = barrier.barrier((level, patch, covers, grain))
    picture = jnp.broadcast_to(scene.near_colour, (size, size, 3))
    picture = blend.mix(picture, scene.far_colour, level)
    picture = blend.mix(picture, scene.cloud_colour, patch)
    for cover, shape in zip(covers, shapes, strict=True):
        picture = blend.mix(picture, shape.colour, cover)
    return picture * grain[..., None]


@typed
def cloth(place: Float[Array, "*n 2"], scene: Scene) -> Float[Array, "*n 3"]:
    """Colour of the clothes at places, cm: a plain one, stripes, folds."""
    pattern = scene.cloth_pattern
    fold = noise.sample(place / 60 + jnp.broadcast_to(scene.offset, place.shape))[
        ..., 2
    ]
    wave = jnp.tanh(4 * jnp.sin(pattern.rad_per_cm * place[..., 1] + 0.4 * fold))
    wave, shade = barrier.barrier(
        (0.5 + 0.5 * wave, jnp.exp(0.5 * pattern.folds * fold))
    )
    colour = jnp.broadcast_to(scene.cloth_colour, (*place.shape[:-1], 3))
    colour = blend.mix(colour, scene.stripe_colour, pattern.stripes * wave)
    return colour * shade[..., None]


@typed
def dressed(place: Float[Array, "*n 3"], scene: Scene) -> Float[Array, "*n"]:
    """Where the mean head's neck and chest are under clothes, 0 to 1."""
    front = jnp.exp(-((place[..., 0] / 4.5) ** 2)) * (place[..., 2] > -1)
    line = -11.8 - 0.12 * jnp.abs(place[..., 0]) - scene.shoulders.neckline_cm * front
    return jnp.clip((line - place[..., 1]) / 0.15 + 0.5, 0, 1)


def _shape(place, shape):
    """Cover, 0 to 1, of a box or an ellipse with a soft edge."""
    cos, sin = jnp.cos(shape.turn_rad), jnp.sin(shape.turn_rad)
    dx, dy = place[..., 0] - shape.place[0], place[..., 1] - shape.place[1]
    u = jnp.abs(cos * dx + sin * dy) / shape.half_width
    v = jnp.abs(cos * dy - sin * dx) / shape.half_height
    far = jnp.maximum(u, v)
    far = shape.roundness * jnp.hypot(u, v) + (1 - shape.roundness) * far
    return shape.cover * jnp.clip((1 - far) / shape.softness + 0.5, 0, 1)
