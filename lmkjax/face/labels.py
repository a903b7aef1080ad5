"""What follows from a face's parameters: where any place of its head is in its picture.

Nothing is drawn anew for it: the head is shaped, turned and framed as it was, and what
hides a place is read from two maps that were kept of the drawing, 5 kB a face of 192
px: how far off the bare head is, and which pixels a thing hides. 99.8 % of dense490's
points (64 faces, and 32 turned ones) are seen or hidden as by the drawing's own depths.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Int8, UInt8

from lmkjax.errors import UserError
from lmkjax.face import compiled
from lmkjax.face.optics import camera
from lmkjax.face.priors import sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.face.shape import surface as surfaces
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import schemes
from lmkjax.types import Batch, Key, Places, Rendered, each_of, purpose, typed

STEP_CM = 0.15
"""What a kept depth is a multiple of; half of it is far below `marks.seen`'s slack."""
NEAREST_CM = -18.0
"""The least depth that is kept, from the head's middle: no nose comes nearer."""
NOTHING = 255
"""Where there is no head."""


@struct.dataclass
class Posed:
    """A head before the camera.

    Attributes:
        shape: its vertices in its own axes, cm.
        turned: the same in the camera's axes.
        turn: head's axes to camera's axes: the pose.
        ibug: the 68 points with the contour as seen; x, y in pixels, depth in cm.
        view: the part of the image plane that is the picture.
    """

    shape: Float[Array, "v 3"]
    turned: Float[Array, "v 3"]
    turn: Float[Array, "3 3"]
    ibug: Float[Array, "68 3"]
    view: camera.Frame


@typed
def pose(
    params: sample.FaceParams, *, size: int, head: heads.HeadLike | None = None
) -> Posed:
    """The head's shape, turned and framed.

    Args:
        params: the face.
        size: side of the picture, pixels.
        head: whose face; None is the project's own head.
    """
    head = head or heads.load()
    surface = surfaces.load(head)
    shape = head.vertices(params.identity, params.expression)
    moved = surfaces.lopsided(surface, params.sides)
    moved = moved + surfaces.youth(surface, params.youth)
    shape = shape + moved[: shape.shape[0]]
    turn = camera.rotation(params.camera)
    turned = plane.product(shape - jnp.array(surfaces.PIVOT)[None], turn.T)
    ibug68 = marks.anchors(schemes.get("ibug68"), head)
    ibug = _on_plane(turned, params.camera, ibug68, head)
    view = camera.frame(ibug[:, :2], params.camera, size=size)
    return Posed(shape, turned, turn, camera.to_pixels(ibug, view), view)


@typed
def find(
    posed: Posed, eye: camera.Camera, at: marks.Anchors, head: heads.HeadLike
) -> Float[Array, "k 3"]:
    """Landmarks of a head before a camera: x, y in pixels and depth in cm."""
    return camera.to_pixels(_on_plane(posed.turned, eye, at, head), posed.view)


def _on_plane(turned, eye, at, head):
    flat = camera.project(turned, eye)[:, :2]
    return camera.project(marks.locate(turned, flat, at, head), eye)


@typed
def label(
    params: sample.FaceParams,
    bare: UInt8[Array, "h h"],
    thing: UInt8[Array, "h w"],
    at: marks.Anchors,
    *,
    head: heads.HeadLike | None = None,
) -> tuple[Float[Array, "k 2"], Int8[Array, " k"]]:
    """Where landmarks of one face are in its picture, and what became of them.

    Args:
        params: the face.
        bare: how far off the bare head is, of each pixel of the picture, see `keep`.
        thing: which pixels a thing hides, likewise.
        at: which landmarks, on the head; may be traced.
        head: whose face; None is the project's own head.

    Returns:
        x, y in pixels of the picture; visibility as in `lmkjax.types.Batch`.
    """
    head = head or heads.load()
    posed = pose(params, size=bare.shape[0], head=head)
    found = find(posed, params.camera, at, head)
    state = marks.seen(found, *_depths(bare, thing, params.camera.distance_cm))
    return found[:, :2] + nan_if_invalid(params), state


@typed
def keep(
    bare: Float[Array, "h h"],
    thing: Float[Array, "h h"],
    distance_cm: Float[Array, ""],
) -> tuple[UInt8[Array, "h h"], UInt8[Array, "h w"]]:
    """What is kept of a drawing's depths.

    Args:
        bare: depth of the bare head in each pixel, cm; inf beside it.
        thing: of the nearest thing that hides it; inf where nothing does.
        distance_cm: the depth of the head's middle.

    Returns:
        How far off the bare head is, in steps of `STEP_CM`; and which pixels a thing
        hides, eight to a byte, the first in its highest bit.
    """
    steps = jnp.round((bare - distance_cm - NEAREST_CM) / STEP_CM)
    steps = jnp.clip(steps, 0, NOTHING - 1).astype(jnp.uint8)
    # A landmark on the outline may lie in a pixel beside the head.
    around = jax.lax.reduce_window(bare, jnp.inf, jax.lax.min, (3, 3), (1, 1), "same")
    nearest = jnp.where(jnp.isinf(bare), around, bare)
    hidden = (thing < nearest) & jnp.isfinite(nearest)
    steps = jnp.where(jnp.isinf(bare), jnp.uint8(NOTHING), steps)
    return steps, jnp.packbits(hidden, axis=1)


def _depths(bare, thing, distance_cm):
    """The depths that `keep` was given, as far as they are needed; undoes it."""
    depth = bare.astype(jnp.float32) * STEP_CM + NEAREST_CM + distance_cm
    hidden = jnp.unpackbits(thing, axis=1, count=bare.shape[0])
    return (
        jnp.where(bare == NOTHING, jnp.inf, depth),
        jnp.where(hidden > 0, -jnp.inf, jnp.inf),
    )


@typed
def nan_if_invalid(params: sample.FaceParams) -> Float[Array, ""]:
    """Not a number if a parameter is none, else 0.

    On its own it might end as a plausible face of wrong labels: a comparison with it is
    false, a clipped one a bound, and one that counts texels is any texel.
    """
    return jnp.where(jnp.isnan(pack(params)).any(), jnp.nan, 0.0)


@functools.cache
def fields(head: heads.HeadLike) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Name and shape of each of a face's parameters, in the order of `pack`."""
    leaves = jax.tree_util.tree_flatten_with_path(_template(head))[0]
    told = functools.partial(jax.tree_util.keystr, simple=True, separator=".")
    return tuple((told(path), leaf.shape) for path, leaf in leaves)


def told(head: heads.HeadLike) -> str:
    """The fields in one line, to be kept beside rows of parameters."""
    return " ".join(f"{name}{list(shape)}" for name, shape in fields(head))


def check(fields: str, *, where: str) -> None:
    """Refuses rows of parameters that have other fields than today's faces.

    Args:
        fields: what `told` said when they were kept.
        where: they are kept, for the message.

    Raises:
        UserError: they differ.
    """
    if fields != told(heads.load()):
        raise UserError(
            f"{where}: these faces have other parameters than lmkjax draws from today;"
            " render them anew: python -m data_builders.build synthetic_faces"
        )


@functools.cache
def _template(head):
    return jax.eval_shape(lambda: sample.sample(purpose(0, "face"), head=head))


@typed
def pack(params: sample.FaceParams) -> Float[Array, " p"]:
    """The parameters of one face in a row."""
    return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(params)])


@typed
def unpack(
    numbers: Float[Array, " p"], head: heads.HeadLike | None = None
) -> sample.FaceParams:
    """The parameters of one face that `pack` laid in a row.

    Raises:
        ValueError: there are not as many as a face of this head has.
    """
    own = heads.load() if head is None else head
    shapes = [shape for _, shape in fields(own)]
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    if numbers.shape[0] != ends[-1]:
        raise ValueError(f"Need {ends[-1]} parameters; got {numbers.shape[0]}.")
    parts = jnp.split(numbers, ends[:-1])
    leaves = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    return jax.tree.unflatten(jax.tree.structure(_template(own)), leaves)


@typed
def mark(faces: Rendered, scheme: schemes.Scheme) -> Batch:
    """Rendered faces with the landmarks of a scheme."""
    found = _every(faces.params, faces.bare, faces.thing, scheme)
    return _batch(faces, *found)


@functools.cache
def marker(
    scheme: schemes.Scheme,
) -> Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """As `mark`, for the host: from parameters and both maps to points, visibility."""
    found = compiled.jit(functools.partial(_every, scheme=scheme))

    def mark(*faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        points, states = jax.device_get(found(*faces))
        return points, states

    return mark


def _every(params, bare, thing, scheme):
    at = marks.anchors(scheme, heads.load())
    return jax.vmap(lambda *face: _label(*face, at))(params, bare, thing)


@typed
def draw_places(key: Key, faces: Rendered, pool: marks.Pool, draw: marks.Draw) -> Batch:
    """Rendered faces with landmarks at places drawn by chance, others in each.

    Args:
        key: of the chance.
        faces: of the project's own head.
        pool: of that head.
        draw: how many places of each kind.
    """

    def one(key, params, bare, thing):
        at, places = marks.sample(key, pool, draw)
        return (*_label(params, bare, thing, at), places)

    keys = each_of(key, jnp.arange(faces.mask.shape[0]))
    points, states, places = jax.vmap(one)(keys, faces.params, faces.bare, faces.thing)
    return _batch(faces, points, states).replace(places=places)


@typed
def ask(draw: marks.Draw, key: Key, faces: int) -> Places:
    """Places of the project's own head for so many faces, each face's own.

    Args:
        draw: how many of each kind.
        key: of the chance.
        faces: how many.
    """
    own = marks.pool(heads.load())
    return jax.vmap(lambda key: marks.sample(key, own, draw)[1])(
        each_of(key, jnp.arange(faces))
    )


def _label(params, bare, thing, at):
    return label(unpack(params), bare, thing, at)


def _batch(faces, points, states):
    points = points * faces.scale[:, None, None] + faces.corner[:, None]
    return Batch(faces.image, points, states, faces.box, faces.mask)
