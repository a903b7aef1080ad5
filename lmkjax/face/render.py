"""Pictures of faces, and what is known of every landmark and pixel in them."""

import functools

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int8

from lmkjax import points as plane
from lmkjax import schemes
from lmkjax.face import camera, marks, picture, raster, sample, sensor, stage
from lmkjax.face import head as heads
from lmkjax.face import surface as surfaces
from lmkjax.types import typed


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
    params: sample.FaceParams, scheme: schemes.Scheme, *, size: int
) -> picture.Geometry:
    """The head's shape, turned, projected and framed; and its landmarks."""
    head, surface = heads.load(), surfaces.load()
    shape = heads.vertices(head, params.identity, params.expression)
    shape = shape + surfaces.lopsided(surface, params.sides)[: shape.shape[0]]
    turn = camera.rotation(params.camera)
    own = (shape - jnp.array(surfaces.PIVOT)[None]) @ turn.T
    flat = camera.project(own, params.camera)
    ibug = marks.locate(own, flat[:, :2], schemes.get("ibug68"))
    ibug = camera.project(ibug, params.camera)
    view = camera.frame(ibug[:, :2], params.camera, size=size)
    points = marks.locate(own, flat[:, :2], scheme)
    points = camera.to_pixels(camera.project(points, params.camera), view)
    places = surfaces.extend(surface, own)
    return picture.Geometry(
        head=shape,
        places=places,
        normals=raster.normals(places, surface.triangles),
        pixels=camera.to_pixels(camera.project(places, params.camera), view),
        points=points,
        box=plane.box(camera.to_pixels(ibug[:, :2], view)),
        view=view,
        turn=turn,
    )


@typed
def render(
    params: sample.FaceParams, scheme: schemes.Scheme, *, size: int
) -> Rendering:
    """The picture of one face.

    Args:
        params: the face.
        scheme: which landmarks.
        size: side of the picture, pixels.

    Returns:
        The picture and all that is known of it.
    """
    # Barriers: or the compiler works a parameter out anew in each pixel.
    params = stage.hold(params)
    shape = stage.hold(geometry(params, scheme, size=size))
    layers = stage.hold(picture.compose(params, shape, size=size))
    return Rendering(
        image=sensor.develop(layers.colour, params.sensor),
        points=shape.points[:, :2],
        visibility=marks.seen(shape.points, layers.bare, layers.thing),
        depth=layers.depth,
        segmentation=layers.kind.astype(jnp.int8),
        box=shape.box,
    )


@functools.partial(jax.jit, static_argnames=("scheme", "size", "priors"))
def faces(
    keys: jax.Array,
    scheme: schemes.Scheme,
    *,
    size: int,
    priors: sample.Priors = sample.PRIORS,
) -> Rendering:
    """Pictures of many faces, compiled; a face depends on its own key alone.

    Args:
        keys: one for each face.
        scheme: which landmarks.
        size: side of the pictures, pixels.
        priors: how faces are spread.

    Returns:
        Renderings with a leading axis for the faces.
    """
    # One after another on a CPU, where that keeps a face in the cache.
    together = 1 if jax.default_backend() == "cpu" else 32

    def draw(key: jax.Array) -> Rendering:
        return render(sample.sample(key, priors), scheme, size=size)

    return jax.lax.map(draw, keys, batch_size=None if together == 1 else together)
