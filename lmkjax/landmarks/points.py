"""The coordinate convention, and everything that moves a point.

A point is (x, y) in pixels of the image beside it. (0, 0) is the image's outer
corner and the first pixel's centre is (0.5, 0.5):

    0         1         2
    +---------+---------+
    | (.5,.5) | (1.5,.5)|      resizing is one multiplication,
    +---------+---------+      mirroring is x -> width - x

A transform is a 3 x 3 matrix that acts on (x, y, 1); see `compose`. Products of
coordinates are written out, or name their precision: accelerators round them else.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from lmkjax.types import typed

Array = jax.Array | np.ndarray  # the host calls these too


@dataclasses.dataclass(frozen=True)
class Framing:
    """How a square lies around a face's box.

    Attributes:
        margin: its side in units of the longer side of the box.
        up: how far its centre lies above the box's, share of its own side.
    """

    margin: float
    up: float = 0.0

    def wider(self, times: float) -> "Framing":
        """The square so many times as large about the same centre."""
        return Framing(self.margin * times, self.up / times)


@typed
def centres(height: int, width: int) -> Float[Array, "h w 2"]:
    """Where the pixels of an image have their centres."""
    x, y = jnp.meshgrid(jnp.arange(width) + 0.5, jnp.arange(height) + 0.5)
    return jnp.stack([x, y], axis=-1)


@typed
def rescale(
    points: Float[Array, "*b 2"], *, old_px: int, new_px: int
) -> Float[Array, "*b 2"]:
    """The points in a picture of another size, from input to heatmap and back.

    Args:
        points: pixels of a square picture of side `old_px`.
        old_px: its side.
        new_px: the side of the picture that the result lies in.

    Returns:
        The same places, in pixels of the new picture.
    """
    return points * (new_px / old_px)


@typed
def flip(
    points: Float[Array, "*b k 2"], mirror: Int[Array, " k"], *, width: int
) -> Float[Array, "*b k 2"]:
    """The landmarks of the mirrored picture, in the scheme's own order.

    Args:
        points: pixels.
        mirror: for each landmark, its partner on the other side of the face.
        width: of the picture, pixels.

    Returns:
        Landmark k of the mirrored face; flipping twice is nothing.
    """
    mirrored = jnp.stack([width - points[..., 0], points[..., 1]], -1)
    return mirrored[..., mirror, :]


@typed
def apply(
    matrix: Float[Array, "*b 3 3"], points: Float[Array, "*b k 2"]
) -> Float[Array, "*b k 2"]:
    """The points after an affine transform."""
    columns = matrix[..., None, :2, :]
    return (
        columns[..., 0] * points[..., :1]
        + columns[..., 1] * points[..., 1:]
        + columns[..., 2]
    )


@typed
def compose(
    later: Float[Array, "*b 3 3"], earlier: Float[Array, "*b 3 3"]
) -> Float[Array, "*b 3 3"]:
    """The transform that does `earlier`, then `later`."""
    return (later[..., :, :, None] * earlier[..., None, :, :]).sum(-2)


@typed
def inverse(matrix: Float[Array, "*b 3 3"]) -> Float[Array, "*b 3 3"]:
    """The transform back; written out, as LAPACK's costs a call per batch."""
    a, b, c, d = (matrix[..., i, j] for i in (0, 1) for j in (0, 1))
    turn = jnp.stack([jnp.stack([d, -b], -1), jnp.stack([-c, a], -1)], -2)
    turn = turn / (a * d - b * c)[..., None, None]
    shift = -(turn * matrix[..., None, :2, 2]).sum(-1)
    top = jnp.concatenate([turn, shift[..., None]], -1)
    return jnp.concatenate([top, matrix[..., 2:, :]], -2)


def product(one: Array, other: Array) -> Array:
    """The matrix product of coordinates, in which no factor loses digits.

    A plain `@` of float32 rounds its factors to 8 bits on a TPU and to 10 on a GPU,
    which moves a point of a picture of 384 pixels by half a pixel.

    Args:
        one: any array that `jnp.matmul` takes.
        other: likewise.
    """
    return jnp.matmul(one, other, precision=jax.lax.Precision.HIGHEST)


def einsum(pattern: str, one: Array, other: Array) -> Array:
    """`jnp.einsum` of two arrays in which, as in `product`, no factor loses digits."""
    return jnp.einsum(pattern, one, other, precision=jax.lax.Precision.HIGHEST)


@typed
def similarity(
    centre: Float[Array, "*b 2"],
    target: Float[Array, "*b 2"],
    scale: Float[Array, "*b"],
    angle_rad: Float[Array, "*b"],
) -> Float[Array, "*b 3 3"]:
    """The transform that turns and scales around `centre` and takes it to `target`.

    Args:
        centre: pixels of the old picture.
        target: pixels of the new picture.
        scale: new pixels per old pixel.
        angle_rad: how far the picture turns, clockwise as one sees it (y is down).

    Returns:
        The matrix, old pixels to new.
    """
    cos, sin = scale * jnp.cos(angle_rad), scale * jnp.sin(angle_rad)
    turn = jnp.stack([jnp.stack([cos, -sin], -1), jnp.stack([sin, cos], -1)], -2)
    shift = target - (turn * centre[..., None, :]).sum(-1)
    top = jnp.concatenate([turn, shift[..., None]], -1)
    bottom = jnp.broadcast_to(jnp.array([0.0, 0.0, 1.0]), (*top.shape[:-2], 1, 3))
    return jnp.concatenate([top, bottom], -2)


@typed
def crop(
    box: Float[Array, "*b 4"], *, framing: Framing, size: int
) -> Float[Array, "*b 3 3"]:
    """The transform from a picture to the square crop around a box.

    Args:
        box: left, top, right, bottom, pixels of the picture.
        framing: how the crop lies around it.
        size: side of the crop in its own pixels.

    Returns:
        The matrix, picture pixels to crop pixels.
    """
    longer = jnp.maximum(box[..., 2] - box[..., 0], box[..., 3] - box[..., 1])
    centre = (box[..., :2] + box[..., 2:]) / 2
    target = jnp.array([size / 2, size * (0.5 + framing.up)], centre.dtype)
    target = jnp.broadcast_to(target, centre.shape)
    scale = size / jnp.maximum(longer * framing.margin, 1e-6)
    return similarity(centre, target, scale, jnp.zeros_like(scale))


@typed
def box(points: Float[Array, "*b k 2"]) -> Float[Array, "*b 4"]:
    """The tight box around points, where they are: left, top, right, bottom."""
    where = np if isinstance(points, np.ndarray) else jnp
    return where.concatenate([points.min(-2), points.max(-2)], -1)


@typed
def inside(points: Float[Array, "*b k 2"], *, size: int) -> Bool[Array, "*b k"]:
    """Which points lie in a square picture of side `size`."""
    return ((points >= 0) & (points <= size)).all(-1)


@typed
def from_origin(
    points: Float[Array, "*b k 2"], *, first_pixel_centre: float
) -> Float[Array, "*b k 2"]:
    """Points of another convention in ours.

    Args:
        points: pixels, counted so that the first pixel's centre is
            (`first_pixel_centre`, `first_pixel_centre`).
        first_pixel_centre: 0 (OpenCV), 0.5 (ours) or 1 (300-W, MATLAB).

    Returns:
        The same places where the first pixel's centre is (0.5, 0.5).
    """
    return points + (0.5 - first_pixel_centre)
