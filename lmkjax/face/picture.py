"""The layers of a picture, from the background to what stands before the face."""

import functools

import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Int

from lmkjax.face import shading
from lmkjax.face.optics import barrier, camera, light, rare, raster
from lmkjax.face.paint import (
    backdrop,
    earwear,
    hair,
    headwear,
    props,
    scenery,
    skin,
    strands,
)
from lmkjax.face.priors import sample
from lmkjax.face.shape import surface as surfaces
from lmkjax.landmarks import points as plane
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
"""What a number in a segmentation means."""
NECK = (0.0, -12.0, -2.0)
"""Where the shoulders turn against the head, cm in the head's axes."""
NECK_RAD = (1.2, 0.6, 0.35)
"""How far a neck turns, bends and tilts: beyond, the shoulders go along."""


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


def tiles(size: int) -> int:
    """Room for a head's tiles in a picture of this side: 1.2 times the most needed."""
    return int(3000 + 0.20 * size * size + 20 * size)


def hair_tiles(size: int) -> int:
    """As `tiles`, of hair."""
    return int(2000 + 0.29 * size * size + 20 * size)


@functools.cache
def casters(surface: surfaces.Surface) -> np.ndarray:
    """The triangles that cast shadows: the head's, then the hair's."""
    own = hair.grid(surface.head).triangles + len(surface.atlas)
    return np.concatenate([surface.triangles, own])


@functools.cache
def skull(surface: surfaces.Surface) -> np.ndarray:
    """Which vertices of a head a hat goes over: no ear is among them."""
    vertices = len(surface.head.neutral)
    x, y, z = surface.atlas[:vertices].T
    ear = (np.abs(x) > 7.4) & (y < 6.5) & (np.abs(z + 0.2) < 3.6)
    return (y > 2.0) & ~ear


@typed
def compose(
    params: sample.FaceParams,
    shape: Geometry,
    backgrounds: backdrop.Pictures | None = None,
    *,
    size: int,
) -> Layers:
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
    shadow = light.shadows(places, casters(surface), params.light, keep=keep)
    split = len(surface.atlas)
    wall = barrier.barrier  # between the layers, lest they be fused
    locks, nodes, shadow, rays = wall(
        (locks, nodes, shadow, camera.rays(shape.view, size=size))
    )
    layers = wall(_backdrop(params, backgrounds, size))
    layers = wall(_head(params, shape, layers, shadow[:split], rays))
    layers = wall(_torso(params, shape, layers, rays))
    layers = wall(_hair(params, shape, layers, locks, nodes, shadow[split:], rays))
    return _props(params, shape, layers, rays)


def _backdrop(params, backgrounds, size):
    far = jnp.full((size, size), jnp.inf)
    colour = backdrop.behind(
        backgrounds, params.backdrop, params.scene, params.sensor.exposure, size=size
    )
    return Layers(colour, far, far, far, jnp.zeros((size, size), jnp.int32))


def _cover(layers, colour, depth, cover, kind):
    """A layer laid over the others where it is nearer; hides where it is dense."""
    cover = cover * (depth < layers.depth)
    dense = cover > 0.5
    colour, cover, depth = barrier.barrier((colour, cover, depth))
    return layers.replace(
        colour=layers.colour + (colour - layers.colour) * cover[..., None],
        depth=jnp.where(dense, depth, layers.depth),
        thing=jnp.where(dense, jnp.minimum(depth, layers.thing), layers.thing),
        kind=jnp.where(dense, kind, layers.kind),
    )


@typed
def see_head(shape: Geometry, *, size: int) -> raster.Fragments:
    """Which triangle of the bare head each pixel shows."""
    return raster.rasterise(
        shape.pixels, shape.surface.triangles, size=size, tiles=tiles(size)
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
    masked = here & (kind == CLASSES.index("occluder"))
    return Layers(
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
    colour = props.lit(hit, cloth, own, params.light)
    there = (hit.depth < props.FAR / 2).astype(jnp.float32)
    return _cover(layers, colour, hit.depth, there, CLASSES.index("clothes"))


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
    return _cover(layers, colour, fragments.depth, cover, CLASSES.index("hair"))


def _props(params, shape, layers, rays):
    """Hat, glasses and what is held, each worked out only if it is there."""
    own, head = params.props, shape.surface.head
    whole = "head" in head.part_names
    rays = barrier.barrier(plane.product(rays, shape.turn))
    holds = (own.card.there > 0) | (own.limbs.radius_cm > 0).any()
    for there, lay in (
        (own.hat.worn * whole > 0, _hat),
        (own.headphones.worn * whole > 0, _headphones),
        (own.earrings.worn * whole > 0, _earrings),
        (own.glasses.worn > 0, _glasses),
        (holds, _held),
    ):
        layers = rare.when(there, lay, layers, params, shape, rays)
    return layers


def _origin(params, shape):
    """The camera in the head's axes."""
    eye = jnp.array([0.0, 0.0, 1.0]) * params.camera.distance_cm
    return plane.product(shape.turn.T, eye) + jnp.array(surfaces.PIVOT)


def _lay(layers, params, shape, hit, albedo, kind):
    """A thing laid over the layers."""
    colour = props.lit(hit, albedo, shape.turn, params.light)
    there = (hit.depth < props.FAR / 2).astype(jnp.float32)
    return _cover(layers, colour, hit.depth, there, CLASSES.index(kind))


def _hat(layers, params, shape, rays):
    own, high = params.props, jnp.asarray(skull(shape.surface))
    edge = {name: getattr(own.hat, name) for name in ("edge_cm", "rise", "slack_cm")}
    dome = headwear.fit(shape.head, high, **edge)
    hit = headwear.hat(_origin(params, shape), rays, own.hat, *dome)
    return _lay(layers, params, shape, hit, own.hat.colour, "hat")


def _headphones(layers, params, shape, rays):
    own, locks = params.props, params.hair
    high = jnp.asarray(skull(shape.surface))
    centre, radii = headwear.fit(  # down to the ears
        shape.head, high, edge_cm=2.0, rise=0.0, slack_cm=0.0
    )
    thick = locks.volume.top_cm * (locks.cover > 0.5)
    hanging = 1.2 * (locks.curtain.length_cm > 0)  # the cups press it, the band not
    aside = (thick + hanging) * jnp.array([[-0.8, 0.0, 0.0], [0.8, 0.0, 0.0]])
    spots = shape.head[earwear.places(shape.surface)[:2]] + aside
    origin = _origin(params, shape)
    hit = earwear.headphones(origin, rays, own.headphones, spots, centre, radii + thick)
    return _lay(layers, params, shape, hit, own.headphones.colour, "hat")


def _earrings(layers, params, shape, rays):
    own, lobes = params.props, shape.head[earwear.places(shape.surface)[2:]]
    hit = earwear.earrings(_origin(params, shape), rays, own.earrings, lobes)
    return _lay(layers, params, shape, hit, own.earrings.colour, "occluder")


def _glasses(layers, params, shape, rays):
    own = params.props
    bridge = shape.head[shape.surface.head.ibug68[27]]
    bridge = bridge + jnp.array([0.0, -0.25, 0.7])
    depth, frame, lens, mirror = headwear.glasses(
        _origin(params, shape), rays, own.glasses, bridge
    )
    up = jnp.broadcast_to(shape.turn[:, 1] * 0.5, rays.shape)
    sky = light.irradiance(up, params.light.environment)
    dark = own.glasses.dark
    glint = headwear.shine(
        mirror, lens * (depth < layers.depth), dark, shape.turn, params.light
    )
    number = CLASSES.index("glasses")
    pane = own.glasses.lens_colour[None, None] * sky
    layers = _cover(layers, pane, depth, lens * dark, number)
    layers = layers.replace(colour=layers.colour + glint)
    rim = own.glasses.rim_colour[None, None] * (0.4 + sky)
    return _cover(layers, rim, depth, frame, number)


def _held(layers, params, shape, rays):
    own = params.props
    hit, is_card = props.held(_origin(params, shape), rays, own)
    flesh = skin.pigment(params.skin.melanin, params.skin.blood)
    limb = own.limb_colour + (flesh - own.limb_colour) * own.limb_skin
    card = is_card[..., None]
    albedo = own.card.colour[None, None] * card + limb[None, None] * (1 - card)
    return _lay(layers, params, shape, hit, albedo, "occluder")
