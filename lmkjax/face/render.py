"""Pictures of faces, and what is known of every landmark and pixel in them."""

import functools

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int8

from lmkjax import points as plane
from lmkjax import schemes
from lmkjax.face import camera, light, marks, raster, sample, scenery, sensor, skin
from lmkjax.face import head as heads
from lmkjax.face import surface as surfaces
from lmkjax.types import typed

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
"""What a number in `Rendering.segmentation` means."""


@struct.dataclass
class Rendering:
    """A picture of a face.

    Attributes:
        image: RGB, 0 to 1.
        points: landmarks (x, y), pixels; (0, 0) is the picture's outer corner.
        visibility: 0 visible, 1 hidden by the head itself, 2 hidden by an object (hair
            is one), 3 outside the picture.
        depth: cm from the camera's plane; inf in the background.
        segmentation: numbers into `CLASSES`.
        box: left, top, right, bottom of the tight box around the 68 iBug points.
    """

    image: Float[Array, "*b h w 3"]
    points: Float[Array, "*b k 2"]
    visibility: Int8[Array, "*b k"]
    depth: Float[Array, "*b h w"]
    segmentation: Int8[Array, "*b h w"]
    box: Float[Array, "*b 4"]


@struct.dataclass
class Geometry:
    """A head before the camera.

    Attributes:
        places: the surface's vertices, cm, in the camera's axes.
        normals: theirs, unit length.
        pixels: x, y in pixels and depth in cm.
        points: landmarks, x, y in pixels and depth in cm.
        box: around the 68 iBug points.
        view: the part of the image plane that is the picture.
        turn: head's axes to camera's axes.
    """

    places: Float[Array, "*b v 3"]
    normals: Float[Array, "*b v 3"]
    pixels: Float[Array, "*b v 3"]
    points: Float[Array, "*b k 3"]
    box: Float[Array, "*b 4"]
    view: camera.Frame
    turn: Float[Array, "*b 3 3"]


@typed
def geometry(
    params: sample.FaceParams, scheme: schemes.Scheme, *, size: int
) -> Geometry:
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
    return Geometry(
        places=places,
        normals=raster.normals(places, surface.triangles),
        pixels=camera.to_pixels(camera.project(places, params.camera), view),
        points=points,
        box=plane.box(camera.to_pixels(ibug[:, :2], view)),
        view=view,
        turn=turn,
    )


def tiles(size: int) -> int:
    """Room for the tiles of a head in a picture of this side."""
    return int(5000 + 0.16 * size * size + 20 * size)


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
    surface = surfaces.load()
    shape = geometry(params, scheme, size=size)
    fragments = raster.rasterise(
        shape.pixels, surface.triangles, size=size, tiles=tiles(size)
    )
    shadow = light.shadows(
        shape.places,
        surface.triangles,
        params.light.directions[0],
        params.light.softness,
    )
    colour, kind = _shade_head(params, shape, fragments, shadow)
    backdrop = scenery.background(params.scene, size=size)
    picture = jnp.where(fragments.covered[..., None], colour, backdrop)
    hidden = jnp.full((size, size), jnp.inf)
    return Rendering(
        image=sensor.develop(picture, params.sensor),
        points=shape.points[:, :2],
        visibility=marks.seen(shape.points, fragments.depth, hidden),
        depth=fragments.depth,
        segmentation=jnp.where(fragments.covered, kind, 0).astype(jnp.int8),
        box=shape.box,
    )


def _shade_head(params, shape, fragments, shadow):
    """Linear colour and class of each pixel of the bare head."""
    surface, names = surfaces.load(), heads.load().part_names
    size = fragments.depth.shape[0]
    carried = jnp.concatenate(
        [
            shape.normals,
            jnp.asarray(surface.neutral),
            jnp.asarray(surface.round)[:, None],
            jnp.stack([jnp.asarray(surface.open_sky), shadow], -1),
        ],
        -1,
    )
    at = raster.interpolate(carried, surface.triangles, fragments)
    at = jax.lax.optimization_barrier(at)
    normal, place = _unit(at[..., :3]), at[..., 3:6]
    sky, lit = at[..., 7], at[..., 8]
    part = jnp.asarray(surface.part)[fragments.triangle]
    is_eye = part == names.index("eyes")
    is_teeth = part == names.index("teeth")
    is_mouth = (
        is_teeth | (part == names.index("gums")) | (part == names.index("socket"))
    )
    is_skin = ~is_eye & ~is_mouth
    views = -_unit(camera.rays(shape.view, size=size))

    paint = skin.paint(at[..., 3:7], params.skin)
    eye, _ = skin.eyes(place, params.skin)
    inner = jnp.where(
        is_teeth[..., None],
        skin.inside_mouth(place, teeth=True),
        skin.inside_mouth(place, teeth=False),
    )
    albedo = jnp.where(is_eye[..., None], eye, inner)
    albedo = jnp.where(is_skin[..., None], paint.albedo, albedo)
    sky = jnp.where(is_eye, 0.75, jnp.where(is_mouth, 0.4, sky))
    furrow = jnp.where(is_skin, jnp.exp(-paint.bump), 1.0)
    lamps = params.light
    colour = albedo * light.diffuse(normal, lit, sky, lamps, wrap=skin.WRAP)
    colour = colour * furrow[..., None]
    oil = jnp.where(is_skin, paint.oil * furrow, 0.0)
    wet = jnp.where(is_skin, paint.wet * 0.08, jnp.where(is_eye, 0.12, 0.04))
    facing = jnp.clip((normal * views).sum(-1), 0, 1)
    rim = 0.03 * (1 - facing) ** 4 * jnp.where(is_skin, sky, 0.0)
    colour = colour + oil[..., None] * light.gloss(
        normal, views, lit, lamps, power=14.0
    )
    colour = colour + wet[..., None] * light.gloss(
        normal, views, lit, lamps, power=70.0
    )
    colour = colour + rim[..., None] * light.irradiance(normal, lamps.environment)
    kind = jnp.where(is_eye, 3, jnp.where(is_mouth, 5, 1))
    kind = jnp.where(is_skin & (paint.brow > 0.5), 2, kind)
    kind = jnp.where(is_skin & (paint.lips > 0.5), 4, kind)
    kind = jnp.where(is_skin & (paint.mask > 0.5), 10, kind)
    return colour, kind


def _unit(vector):
    return vector * jax.lax.rsqrt((vector**2).sum(-1, keepdims=True) + 1e-9)


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
