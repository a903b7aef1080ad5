"""Where things lie: warp, flip and occlusion of picture and landmarks together.

Pure functions for the device. A deed acts on one face and is told what to do; its
`random_` twin draws that by chance; `augment` and `centre` act on a batch.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt8

from lmkjax.images import lookup
from lmkjax.landmarks import places, points
from lmkjax.types import (
    BEHIND_OBJECT,
    OUTSIDE,
    Batch,
    Key,
    Scalar,
    each_of,
    purposes,
    typed,
)

Picture = Float[Array, "h w 3"] | UInt8[Array, "h w 3"]
Numbers = Int[Array, " k"]

OCCLUDER_SIDES = (0.1, 0.45)  # of an occluding rectangle, share of the picture's side


@typed
def warp(
    image: Picture, matrix: Float[Array, "3 3"], *, size: int
) -> Float[Array, "{size} {size} 3"]:
    """A picture after an affine transform, read between its pixels (bilinear).

    Beyond its rim a picture goes on as its last pixels. Nothing is smoothed first:
    a transform that shrinks by more than about 1.5 leaves jagged edges.

    Args:
        image: uint8, or float32 in [0, 1].
        matrix: pixels of `image` to pixels of the result.
        size: side of the result.

    Returns:
        float32 in [0, 1].
    """
    whole = 255.0 if image.dtype == jnp.uint8 else 1.0
    grid = points.centres(size, size).reshape(-1, 2)
    places = points.apply(points.inverse(matrix), grid).reshape(size, size, 2)
    # A pixel's number is what its centre is counted from: half a pixel less.
    found = lookup.between(image, places[..., 0] - 0.5, places[..., 1] - 0.5)
    return found / whole


@typed
def place(face: Batch, matrix: Float[Array, "3 3"], *, size: int) -> Batch:
    """One face after a similarity transform: picture, landmarks and box.

    The box keeps its upright shape and follows in place and size; landmarks that
    come to lie outside the picture are told to.

    Args:
        face: without leading axes.
        matrix: pixels of `face.image` to pixels of the result.
        size: side of the result.
    """
    corners = face.box.reshape(2, 2)
    middle = points.apply(matrix, corners.mean(0, keepdims=True))[0]
    half = (corners[1] - corners[0]) / 2 * jnp.sqrt(jnp.abs(_determinant(matrix)))
    moved = points.apply(matrix, face.points)
    return face.replace(
        image=warp(face.image, matrix, size=size),
        points=moved,
        visibility=jnp.where(
            points.inside(moved, size=size), face.visibility, jnp.int8(OUTSIDE)
        ),
        box=jnp.concatenate([middle - half, middle + half]),
        frame=None if face.frame is None else points.compose(matrix, face.frame),
    )


@typed
def random_similarity(
    key: Key,
    box: Float[Array, " 4"],
    *,
    framing: points.Framing,
    size: int,
    rotation_deg: float,
    scale: float,
    shift: float,
) -> Float[Array, "3 3"]:
    """A transform to a crop around a box that is turned, sized and placed by chance.

    Args:
        key: of the chance.
        box: of the face, in pixels of the old picture.
        framing: how the crop lies around the box.
        size: side of the crop in its own pixels.
        rotation_deg: standard deviation of the turn.
        scale: standard deviation of log(scale).
        shift: standard deviation along each axis, share of the crop's side.

    Returns:
        The matrix, old pixels to new.
    """
    turned, sized, placed = purposes(key, "turn", "size", "place")
    to_crop = points.crop(box, framing=framing, size=size)
    centre = jnp.full(2, size / 2)
    chance = points.similarity(
        centre,
        centre + shift * size * jax.random.normal(placed, (2,)),
        jnp.exp(scale * jax.random.normal(sized)),
        math.radians(rotation_deg) * jax.random.normal(turned),
    )
    return points.compose(chance, to_crop)


@typed
def flip(face: Batch, mirror: Numbers | None) -> Batch:
    """The mirrored face, its landmarks in the scheme's own order.

    Args:
        face: without leading axes.
        mirror: for each landmark, its partner on the other side of the face; None =
            the points stay in order, and what they are (`face.places`) is mirrored.
    """
    if mirror is None:
        face = face.replace(places=places.mirrored(face.places))
        mirror = jnp.arange(len(face.points))
    width = face.image.shape[-2]
    left, top, right, bottom = face.box
    across = jnp.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return face.replace(
        image=face.image[:, ::-1],
        points=points.flip(face.points, mirror, width=width),
        visibility=face.visibility[mirror],
        box=jnp.stack([width - right, top, width - left, bottom]),
        frame=None if face.frame is None else points.compose(across, face.frame),
    )


@typed
def random_flip(
    key: Key, face: Batch, mirror: Numbers | None, *, chance: float
) -> Batch:
    """The face, mirrored with probability `chance`."""
    heads = jax.random.bernoulli(key, chance)
    return jax.tree.map(
        lambda flipped, own: jnp.where(heads, flipped, own), flip(face, mirror), face
    )


@typed
def occlude(face: Batch, rectangle: Float[Array, " 4"], filling: Picture) -> Batch:
    """The face behind a rectangle; the landmarks behind it are hidden by a thing.

    Args:
        face: without leading axes, picture float32.
        rectangle: left, top, right, bottom, pixels; of no size = nothing is hidden.
        filling: what the rectangle shows, as large as the picture.
    """
    left, top, right, bottom = rectangle

    def behind(places):
        x, y = places[..., 0], places[..., 1]
        return (x > left) & (x < right) & (y > top) & (y < bottom)

    hidden = behind(points.centres(*face.image.shape[:2]))[..., None]
    return face.replace(
        image=jnp.where(hidden, filling, face.image),
        visibility=jnp.where(
            behind(face.points) & (face.visibility != OUTSIDE),
            jnp.int8(BEHIND_OBJECT),
            face.visibility,
        ),
    )


@typed
def random_occlude(key: Key, face: Batch, *, chance: float) -> Batch:
    """The face, with probability `chance` behind a rectangle of one colour."""
    happens, where, sides, colour = purposes(key, "happens", "where", "sides", "colour")
    size = face.image.shape[0]
    low, high = OCCLUDER_SIDES
    half = jax.random.uniform(sides, (2,), minval=low / 2, maxval=high / 2) * size
    half = half * jax.random.bernoulli(happens, chance)
    middle = jax.random.uniform(where, (2,)) * size
    rectangle = jnp.concatenate([middle - half, middle + half])
    filling = jnp.broadcast_to(jax.random.uniform(colour, (3,)), face.image.shape)
    return occlude(face, rectangle, filling)


@functools.partial(
    jax.jit,
    static_argnames=(
        "size",
        "framing",
        "rotation_deg",
        "scale",
        "shift",
        "flip_chance",
        "occlude_chance",
    ),
)
@typed
def augment(
    key: Key,
    batch: Batch,
    mirror: Numbers | None,
    *,
    size: int,
    framing: points.Framing,
    rotation_deg: float,
    scale: float,
    shift: float,
    flip_chance: float,
    occlude_chance: float,
) -> Batch:
    """A batch of canvases as crops at input size, each face changed by chance.

    Args:
        key: of the chance; every face draws its own.
        batch: canvases: the crop's surroundings are there too.
        mirror: see `flip`.
        size: side of the network's input, pixels.
        framing: how a crop lies around the box.
        rotation_deg: standard deviation of the turn.
        scale: standard deviation of log(scale).
        shift: standard deviation, share of the crop's side.
        flip_chance: probability of being mirrored.
        occlude_chance: probability of a rectangle before the face.

    Returns:
        The batch with float32 pictures in [0, 1].
    """

    def one(key: Key, face: Batch) -> Batch:
        flips, moves, hides = purposes(key, "flip", "move", "hide")
        face = random_flip(flips, face, mirror, chance=flip_chance)
        matrix = random_similarity(
            moves,
            face.box,
            framing=framing,
            size=size,
            rotation_deg=rotation_deg,
            scale=scale,
            shift=shift,
        )
        face = place(face, matrix, size=size)
        return random_occlude(hides, face, chance=occlude_chance)

    return jax.vmap(one)(each_of(key, jnp.arange(len(batch.mask))), batch)


@functools.partial(jax.jit, static_argnames=("size", "framing"))
@typed
def centre(batch: Batch, *, size: int, framing: points.Framing) -> Batch:
    """A batch of canvases as plain crops at input size: nothing is left to chance."""

    def one(face: Batch) -> Batch:
        matrix = points.crop(face.box, framing=framing, size=size)
        return place(face, matrix, size=size)

    return jax.vmap(one)(batch)


def _determinant(matrix: Float[Array, "3 3"]) -> Scalar:
    """By how much the transform enlarges areas."""
    return matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]
