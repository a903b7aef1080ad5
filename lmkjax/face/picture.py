"""What a picture is put together from: classes of pixels, a head's geometry, layers."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from lmkjax.face.optics import barrier, camera
from lmkjax.face.shape import surface as surfaces

CLASSES = (
    "background",
    "skin",
    "brows",
    "eyes",
    "lips",
    "mouth",
    "hair",
    "clothes",
    "glasses",
    "hat",
    "occluder",
)
"""What a number in a segmentation means."""


@struct.dataclass
class Geometry:
    """A head before the camera.

    Attributes:
        head: the head's vertices in its own axes, cm.
        places: the surface's vertices, cm, in the camera's axes.
        normals: theirs, unit length.
        pixels: x, y in pixels and depth in cm.
        points: landmarks, x, y in pixels and depth in cm.
        box: around the 68 iBug points.
        view: the part of the image plane that is the picture.
        turn: head's axes to camera's axes.
        surface: whose places they are.
    """

    head: Float[Array, "*b u 3"]
    places: Float[Array, "*b v 3"]
    normals: Float[Array, "*b v 3"]
    pixels: Float[Array, "*b v 3"]
    points: Float[Array, "*b k 3"]
    box: Float[Array, "*b 4"]
    view: camera.Frame
    turn: Float[Array, "*b 3 3"]
    surface: surfaces.Surface = struct.field(pytree_node=False)


@struct.dataclass
class Layers:
    """A picture that is being put together.

    Attributes:
        colour: linear RGB.
        depth: of the nearest thing that covers; inf in the background.
        bare: of the bare head; inf beside it.
        thing: of the nearest thing that hides the head; inf where nothing does.
        kind: number into `CLASSES`.
    """

    colour: Float[Array, "h w 3"]
    depth: Float[Array, "h w"]
    bare: Float[Array, "h w"]
    thing: Float[Array, "h w"]
    kind: Int[Array, "h w"]


def cover(
    layers: Layers, colour: jax.Array, depth: jax.Array, share: jax.Array, kind: str
) -> Layers:
    """A layer laid over the others where it is nearer; hides where it is dense.

    Args:
        layers: the others.
        colour: linear RGB.
        depth: cm from the camera's plane.
        share: of each pixel that it covers.
        kind: its class, one of `CLASSES`.
    """
    share = share * (depth < layers.depth)
    dense = share > 0.5
    colour, share, depth = barrier.barrier((colour, share, depth))
    return layers.replace(
        colour=layers.colour + (colour - layers.colour) * share[..., None],
        depth=jnp.where(dense, depth, layers.depth),
        thing=jnp.where(dense, jnp.minimum(depth, layers.thing), layers.thing),
        kind=jnp.where(dense, CLASSES.index(kind), layers.kind),
    )
