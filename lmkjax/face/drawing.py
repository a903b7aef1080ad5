"""Pictures of faces, and what is known of every landmark and pixel in them."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Int8

from lmkjax.face import compiled, composition, labels, picture
from lmkjax.face.optics import barrier, camera, raster, sensor
from lmkjax.face.paint import backdrop
from lmkjax.face.priors import options, sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.face.shape import surface as surfaces
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import schemes
from lmkjax.types import Rendered, typed


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A set of faces that is drawn inside the step: no disk, no face twice.

    Attributes:
        size: side of their pictures, pixels.
        priors: how they are.
        backgrounds: pictures behind them [n s s 3]; None = invented ones.
        seed: of the set.
    """

    size: int
    priors: options.Priors
    backgrounds: np.ndarray | None
    seed: int


@struct.dataclass
class Rendering:
    """A picture of a face.

    Attributes:
        image: RGB, 0 to 1.
        points: landmarks (x, y), pixels; (0, 0) is the picture's outer corner.
        visibility: 0 visible, 1 hidden by the head itself, 2 hidden by an object (hair
            is one), 3 outside the picture.
        depth: cm from the camera's plane; inf in the background.
        segmentation: numbers into `picture.CLASSES`.
        box: left, top, right, bottom of the tight box around the 68 iBug points.
    """

    image: Float[Array, "*b h w 3"]
    points: Float[Array, "*b k 2"]
    visibility: Int8[Array, "*b k"]
    depth: Float[Array, "*b h w"]
    segmentation: Int8[Array, "*b h w"]
    box: Float[Array, "*b 4"]


@typed
def geometry(
    params: sample.FaceParams,
    scheme: schemes.Scheme,
    *,
    size: int,
    head: heads.HeadLike | None = None,
) -> picture.Geometry:
    """The head's shape, turned, projected and framed; and its landmarks.

    Args:
        params: the face.
        scheme: which landmarks.
        size: side of the picture, pixels.
        head: whose face; None is the project's own head.
    """
    shape = _shape(params, size=size, head=head or heads.load())
    return shape.replace(points=landmarks(shape, params.camera, scheme))


def _shape(
    params: sample.FaceParams, *, size: int, head: heads.HeadLike
) -> picture.Geometry:
    """The head before the camera, with the 68 iBug points that frame it."""
    surface = surfaces.load(head)
    posed = labels.pose(params, size=size, head=head)
    places = surfaces.extend(surface, posed.turned)
    return picture.Geometry(
        head=posed.shape,
        places=places,
        normals=raster.normals(places, surface.triangles),
        pixels=camera.to_pixels(camera.project(places, params.camera), posed.view),
        points=posed.ibug,
        box=plane.box(posed.ibug[:, :2]),
        view=posed.view,
        turn=posed.turn,
        surface=surface,
    )


@typed
def landmarks(
    shape: picture.Geometry, eye: camera.Camera, scheme: schemes.Scheme
) -> Float[Array, "k 3"]:
    """Landmarks of a head before a camera: x, y in pixels and depth in cm."""
    head, own = shape.surface.head, shape.places[: shape.head.shape[0]]
    posed = labels.Posed(shape.head, own, shape.turn, shape.points, shape.view)
    return labels.find(posed, eye, marks.anchors(scheme, head), head)


@typed
def render(
    params: sample.FaceParams,
    scheme: schemes.Scheme,
    *,
    size: int,
    head: heads.HeadLike | None = None,
    backgrounds: backdrop.Pictures | None = None,
) -> Rendering:
    """The picture of one face.

    Args:
        params: the face.
        scheme: which landmarks.
        size: side of the picture, pixels.
        head: whose face; None is the project's own head.
        backgrounds: the user's own pictures, see `backdrop.load`; None = no such.

    Returns:
        The picture and all that is known of it.
    """
    # Barriers: or the compiler works a parameter out anew in each pixel.
    params = barrier.barrier(params)
    shape = barrier.barrier(geometry(params, scheme, size=size, head=head))
    layers = barrier.barrier(composition.compose(params, shape, backgrounds, size=size))
    return Rendering(
        image=sensor.develop(layers.colour, params.sensor)
        + labels.nan_if_invalid(params),
        points=shape.points[:, :2] + labels.nan_if_invalid(params),
        visibility=marks.seen(shape.points, layers.bare, layers.thing),
        depth=layers.depth,
        segmentation=layers.kind.astype(jnp.int8),
        box=shape.box,
    )


def faces(
    keys: jax.Array,
    scheme: schemes.Scheme,
    *,
    size: int,
    priors: options.Priors = options.PRIORS,
    head: heads.HeadLike | None = None,
    backgrounds: backdrop.Pictures | None = None,
    together: int | None = None,
) -> Rendering:
    """Pictures of many faces, compiled; a face depends on its own key alone.

    Args:
        keys: one for each face.
        scheme: which landmarks.
        size: side of the pictures, pixels.
        priors: how faces are spread.
        head: whose faces; None is the project's own head.
        backgrounds: the user's own pictures, see `backdrop.load`; None = no such.
        together: faces drawn at the same time; None = as suits the default device.

    Returns:
        Renderings with a leading axis for the faces.
    """
    head = head or heads.load()
    drawn = sample.many(keys, priors, head=head)
    return draw(
        drawn,
        scheme,
        size=size,
        head=head,
        backgrounds=backgrounds,
        together=together,
    )


def records(
    keys: jax.Array,
    *,
    size: int,
    priors: options.Priors = options.PRIORS,
    backgrounds: backdrop.Pictures | None = None,
    together: int | None = None,
) -> Rendered:
    """As `faces`, in the form that is kept: in no scheme, see `lmkjax.face.labels`."""
    head = heads.load()
    params = sample.many(keys, priors, head=head)
    count = together or at_once(jax.default_backend())
    shape, layers, image = _draw(
        params, backgrounds, size=size, head=head, together=count
    )
    return _record(params, shape.box, layers, image)


@compiled.jit
def _record(params, box, layers, image):
    bare, thing = jax.vmap(labels.keep)(
        layers.bare, layers.thing, params.camera.distance_cm
    )
    count = image.shape[0]
    return Rendered(
        image=image,
        params=jax.vmap(labels.pack)(params),
        bare=bare,
        thing=thing,
        corner=jnp.zeros((count, 2)),
        scale=jnp.ones(count),
        box=box,
        mask=jnp.ones(count, bool),
    )


def at_once(platform: str) -> int:
    """How many faces to draw at the same time on a kind of device."""
    # One after another on a CPU, where that keeps a face in the cache. An H200 draws
    # 2,967 faces of 192 px a second so, and 1,810 by 32.
    return {"cpu": 1, "gpu": 128}.get(platform, 32)


def draw(
    params: sample.FaceParams,
    scheme: schemes.Scheme,
    *,
    size: int,
    head: heads.HeadLike | None = None,
    backgrounds: backdrop.Pictures | None = None,
    together: int | None = None,
) -> Rendering:
    """As `render`, of many faces at once, compiled.

    What takes long to compile, the picture, knows neither priors nor scheme: it is
    compiled once for a size.

    Args:
        params: the faces, along a leading axis.
        scheme: which landmarks.
        size: side of the pictures, pixels.
        head: whose faces; None is the project's own head.
        backgrounds: the user's own pictures, see `backdrop.load`; None = no such.
        together: faces drawn at the same time; None = as suits the default device.

    Returns:
        Renderings with a leading axis for the faces.
    """
    head = head or heads.load()
    # What a person fills in by `jnp.full` is of a weak type: compiled once more.
    params = jax.tree.map(lambda x: jnp.asarray(x, x.dtype), params)
    count = together or at_once(jax.default_backend())
    shape, layers, image = _draw(
        params, backgrounds, size=size, head=head, together=count
    )
    points, visibility = _mark(params, shape, layers, scheme=scheme)
    return Rendering(
        image=image,
        points=points,
        visibility=visibility,
        depth=layers.depth,
        segmentation=layers.kind.astype(jnp.int8),
        box=shape.box,
    )


@functools.partial(compiled.jit, static=["size", "head", "together"])
def _draw(
    params: sample.FaceParams,
    backgrounds: backdrop.Pictures | None,
    *,
    size: int,
    head: heads.HeadLike,
    together: int,
) -> tuple[picture.Geometry, picture.Layers, Float[Array, "b h w 3"]]:
    """What `render` draws, of many faces."""

    def draw(one: sample.FaceParams):
        one = barrier.barrier(one)
        shape = barrier.barrier(_shape(one, size=size, head=head))
        layers = barrier.barrier(
            composition.compose(one, shape, backgrounds, size=size)
        )
        return (
            shape,
            layers,
            sensor.develop(layers.colour, one.sensor) + labels.nan_if_invalid(one),
        )

    return _map(draw, params, together)


def _map(one: Callable, faces: Any, together: int) -> Any:
    """A function of one face mapped over many, so many at the same time."""
    if together == 1:
        return jax.lax.map(one, faces)
    # Rounds of one length, filled up with first faces: a rest would be compiled apart.
    count = jax.tree.leaves(faces)[0].shape[0]
    rounds = -(-count // together)
    each = -(-count // rounds)
    number = jnp.arange(rounds * each).reshape(rounds, each) % count
    found = jax.lax.map(
        lambda n: jax.vmap(one)(jax.tree.map(lambda x: x[n], faces)), number
    )
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:count], found)


@functools.partial(compiled.jit, static=["scheme"])
def _mark(faces, shapes, layers, *, scheme):
    """Landmarks of many faces, and what became of each."""

    def mark(face, shape, bare, thing):
        points = landmarks(shape, face.camera, scheme)
        return points[:, :2] + labels.nan_if_invalid(face), marks.seen(
            points, bare, thing
        )

    return jax.vmap(mark)(faces, shapes, layers.bare, layers.thing)
