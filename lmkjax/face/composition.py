"""The layers of a picture put together, from the background to what is worn."""

import functools

import jax.numpy as jnp
import numpy as np

from lmkjax.face import picture, shading, worn
from lmkjax.face.optics import barrier, camera, light, raster, solids
from lmkjax.face.paint import backdrop, hair, props, scenery, strands
from lmkjax.face.priors import sample
from lmkjax.face.shape import surface as surfaces
from lmkjax.landmarks import points as plane
from lmkjax.types import typed

NECK = (0.0, -12.0, -2.0)
"""Where the shoulders turn against the head, cm in the head's axes."""
NECK_RAD = (1.2, 0.6, 0.35)
"""How far a neck turns, bends and tilts: beyond, the shoulders go along."""


TRIANGLES = 9846
"""Of our own head's surface, on which the room that tiles need was measured."""


def tiles(size: int, triangles: int = TRIANGLES) -> int:
    """Room for a head's tiles in a picture of this side: 1.2 times the most needed.

    Args:
        size: of the picture, pixels.
        triangles: of the head's surface.
    """
    return int(3000 + 0.20 * size * size + 20 * size) + finer(triangles)


def finer(triangles: int) -> int:
    """Room for what a head has more than ours: triangles of one tile, so small."""
    return max(0, triangles - TRIANGLES)


def hair_tiles(size: int) -> int:
    """As `tiles`, of hair."""
    return int(2000 + 0.29 * size * size + 20 * size)


@functools.cache
def casters(surface: surfaces.Surface) -> np.ndarray:
    """The triangles that cast shadows: the head's, then the hair's."""
    own = hair.grid(surface.head).triangles + len(surface.atlas)
    return np.concatenate([surface.triangles, own])


@typed
def compose(
    params: sample.FaceParams,
    shape: picture.Geometry,
    backgrounds: backdrop.Pictures | None = None,
    *,
    size: int,
) -> picture.Layers:
    """Every layer of a face's picture, put together.

    Args:
        params: the face.
        shape: its geometry.
        backgrounds: pictures for behind it; None = the scene's own background.
        size: side of the picture, pixels.
    """
    surface = shape.surface
    net, hat = hair.grid(surface.head), params.props.hat
    locks = hair.grow(net, shape.head, params.hair, hat=hat)
    grown = locks.places - jnp.array(surfaces.PIVOT)[None]
    nodes = plane.product(grown, shape.turn.T)
    keep = jnp.concatenate([jnp.ones(len(surface.triangles)), locks.keep]) > 0
    places = jnp.concatenate([shape.places, nodes])
    room = light.TILES + finer(len(surface.triangles))
    shadow = light.shadows(
        places, casters(surface), params.light, keep=keep, tiles=room
    )
    split = len(surface.atlas)
    wall = barrier.barrier  # between the layers, lest they be fused
    locks, nodes, shadow, rays = wall(
        (locks, nodes, shadow, camera.rays(shape.view, size=size))
    )
    layers = wall(_backdrop(params, backgrounds, size))
    layers = wall(_head(params, shape, layers, shadow[:split], rays))
    layers = wall(_torso(params, shape, layers, rays))
    layers = wall(_hair(params, shape, layers, locks, nodes, shadow[split:], rays))
    return worn.lay(params, shape, layers, rays)


def _backdrop(params, backgrounds, size):
    far = jnp.full((size, size), jnp.inf)
    colour = backdrop.behind(
        backgrounds, params.backdrop, params.scene, params.sensor.exposure, size=size
    )
    return picture.Layers(colour, far, far, far, jnp.zeros((size, size), jnp.int32))


@typed
def see_head(shape: picture.Geometry, *, size: int) -> raster.Fragments:
    """Which triangle of the bare head each pixel shows."""
    return raster.rasterise(
        shape.pixels,
        shape.surface.triangles,
        size=size,
        tiles=tiles(size, len(shape.surface.triangles)),
    )


def _head(params, shape, layers, shadow, rays):
    size = rays.shape[0]
    fragments = see_head(shape, size=size)
    colour, kind = shading.shade(
        params,
        shape.surface,
        shape.normals,
        shadow,
        fragments,
        -light.unit(rays),
        shape.turn,
    )
    here = fragments.covered
    masked = here & (kind == picture.CLASSES.index("occluder"))
    return picture.Layers(
        jnp.where(here[..., None], colour, layers.colour),
        fragments.depth,
        fragments.depth,
        # A mask spans an open mouth: lips lie in front of the teeth drawn, not of it.
        jnp.where(masked, fragments.depth - 2.0, jnp.inf),
        jnp.where(here, kind, 0),
    )


def _torso(params, shape, layers, rays):
    """Shoulders, which follow the head's turn in part."""
    scene, pose = params.scene, params.camera
    share = scene.shoulders.turn
    yaw, pitch, roll = pose.yaw_rad, pose.pitch_rad, pose.roll_rad
    wish = (yaw * (1 - share), pitch, roll * 0.7)  # of the neck
    bent = [jnp.clip(w, -most, most) for w, most in zip(wish, NECK_RAD, strict=True)]
    own = camera.rotation(
        pose.replace(
            yaw_rad=yaw - bent[0], pitch_rad=pitch - bent[1], roll_rad=roll - bent[2]
        )
    )
    neck = jnp.array(NECK)
    centre = plane.product(shape.turn, neck - jnp.array(surfaces.PIVOT))
    eye = jnp.array([0.0, 0.0, 1.0]) * pose.distance_cm
    turned = barrier.barrier(plane.product(rays, own))
    origin = plane.product(own.T, eye - centre) + neck
    wide, high = scene.shoulders.half_width_cm, scene.shoulders.height_cm
    hit = props.torso(origin, turned, wide, high)
    place = rays * hit.depth[..., None]
    cloth = barrier.barrier(scenery.cloth(place[..., :2], scene))
    colour = solids.lit(hit, cloth, own, params.light)
    there = (hit.depth < solids.FAR / 2).astype(jnp.float32)
    return picture.cover(layers, colour, hit.depth, there, "clothes")


def _hair(params, shape, layers, locks, nodes, shadow, rays):
    size = rays.shape[0]
    triangles = locks.net.triangles
    pixels = camera.to_pixels(camera.project(nodes, params.camera), shape.view)
    fragments = raster.rasterise(
        pixels,
        triangles,
        size=size,
        tiles=hair_tiles(size),
        cull=False,
        keep=locks.keep > 0,
    )
    colour, cover = strands.shade(
        locks,
        raster.normals(nodes, triangles),
        plane.product(locks.along, shape.turn.T),
        shadow,
        fragments,
        -light.unit(rays),
        params.hair,
        params.light,
    )
    return picture.cover(layers, colour, fragments.depth, cover, "hair")
