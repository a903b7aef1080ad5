"""Pose, projection and framing: centimetres of the head to pixels of the picture.

The head's frame: x to the picture's right, y up, z towards the camera, origin in
the head. The camera looks along -z from `distance_cm` before the origin.
"""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from lmkjax.landmarks import points as plane
from lmkjax.types import typed

FRAMING = plane.Framing(1.45, 0.13).wider(1.5)
"""How a picture lies around the face's box: the canvas of a training's crops."""
CLOSEST = 0.2
"""The most that a camera zooms in: what the rasteriser has room for."""


@struct.dataclass
class Camera:
    """Where the head turns, how far the camera is, and how the picture is cut.

    Attributes:
        yaw_rad: turn about the vertical; positive looks to the picture's right.
        pitch_rad: positive looks down.
        roll_rad: positive tilts clockwise, as one sees it.
        distance_cm: from the camera to the head's origin.
        shift: of the face from the picture's middle, in units of its side.
        zoom: natural logarithm of the face's size in units of its due size; held to
            `CLOSEST` at most.
    """

    yaw_rad: Float[Array, "*b"]
    pitch_rad: Float[Array, "*b"]
    roll_rad: Float[Array, "*b"]
    distance_cm: Float[Array, "*b"]
    shift: Float[Array, "*b 2"]
    zoom: Float[Array, "*b"]


@struct.dataclass
class Frame:
    """Which part of the image plane fills the picture.

    Attributes:
        scale: pixels per unit of the image plane.
        shift: pixels.
    """

    scale: Float[Array, ""]
    shift: Float[Array, " 2"]


@typed
def rotation(camera: Camera) -> Float[Array, "3 3"]:
    """The matrix that turns the head: yaw first, then pitch, then roll."""
    cy, sy = jnp.cos(camera.yaw_rad), jnp.sin(camera.yaw_rad)
    cp, sp = jnp.cos(camera.pitch_rad), jnp.sin(camera.pitch_rad)
    cr, sr = jnp.cos(camera.roll_rad), jnp.sin(camera.roll_rad)
    zero, one = jnp.zeros_like(cy), jnp.ones_like(cy)
    yaw = jnp.stack([cy, zero, sy, zero, one, zero, -sy, zero, cy]).reshape(3, 3)
    pitch = jnp.stack([one, zero, zero, zero, cp, -sp, zero, sp, cp]).reshape(3, 3)
    roll = jnp.stack([cr, sr, zero, -sr, cr, zero, zero, zero, one]).reshape(3, 3)
    return plane.compose(roll, plane.compose(pitch, yaw))


@typed
def project(points: Float[Array, "*n 3"], camera: Camera) -> Float[Array, "*n 3"]:
    """Turned points on the image plane (x, y down, focal length 1), and their depth.

    Args:
        points: cm, in the head's frame after the turn.
        camera: only its distance is read.

    Returns:
        x, y and the depth in cm, which is held above 1.
    """
    depth = jnp.maximum(camera.distance_cm - points[..., 2], 1.0)
    return jnp.stack([points[..., 0] / depth, -points[..., 1] / depth, depth], -1)


@typed
def frame(face: Float[Array, "k 2"], camera: Camera, *, size: int) -> Frame:
    """The part of the image plane that shows a face at its due size.

    Args:
        face: the 68 points of the visible contour on the image plane.
        camera: its shift and zoom are read.
        size: side of the picture, pixels.

    Returns:
        The frame: about the points' box as `FRAMING` says.
    """
    box = plane.box(face)
    side = jnp.maximum(box[2] - box[0], box[3] - box[1])
    zoom = jnp.exp(jnp.minimum(camera.zoom, CLOSEST))
    scale = size / (FRAMING.margin * side) * zoom
    middle = (box[:2] + box[2:]) / 2
    due = 0.5 + jnp.array([0.0, FRAMING.up])
    return Frame(scale, size * (due + camera.shift) - scale * middle)


@typed
def to_pixels(points: Float[Array, "*n c"], view: Frame) -> Float[Array, "*n c"]:
    """Projected points in pixels; a third coordinate, the depth, stays."""
    flat = points[..., :2] * view.scale
    shift = jnp.broadcast_to(view.shift, flat.shape)
    return jnp.concatenate([flat + shift, points[..., 2:]], -1)


@typed
def rays(view: Frame, *, size: int) -> Float[Array, "h w 3"]:
    """The direction of each pixel's ray from the camera, z = -1."""
    centres = plane.centres(size, size)
    flat = (centres - view.shift[None, None]) / view.scale
    return jnp.stack([flat[..., 0], -flat[..., 1], -jnp.ones((size, size))], -1)
