"""What a person wears and holds, laid over the picture of the head."""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.face import picture
from lmkjax.face.optics import barrier, light, rare, solids
from lmkjax.face.paint import earwear, headwear, props, skin
from lmkjax.face.priors import sample
from lmkjax.face.shape import surface as surfaces
from lmkjax.landmarks import points as plane
from lmkjax.types import typed


@functools.cache
def skull(surface: surfaces.Surface) -> np.ndarray:
    """Which vertices of a head a hat goes over: no ear is among them."""
    vertices = len(surface.head.neutral)
    x, y, z = surface.atlas[:vertices].T
    ear = (np.abs(x) > 7.4) & (y < 6.5) & (np.abs(z + 0.2) < 3.6)
    return (y > 2.0) & ~ear


@typed
def lay(
    params: sample.FaceParams,
    shape: picture.Geometry,
    layers: picture.Layers,
    rays: Float[Array, "h w 3"],
) -> picture.Layers:
    """Hat, glasses and what is held over a head, each worked out only if it is there.

    Args:
        params: the face.
        shape: its geometry.
        layers: the picture without them.
        rays: one direction per pixel, in the camera's axes.
    """
    own, head = params.props, shape.surface.head
    whole = "head" in head.part_names
    rays = barrier.barrier(plane.product(rays, shape.turn))
    holds = (own.card.there > 0) | (own.limbs.radius_cm > 0).any()
    for there, put in (
        (own.hat.worn * whole > 0, _hat),
        (own.headphones.worn * whole > 0, _headphones),
        (own.earrings.worn * whole > 0, _earrings),
        (own.glasses.worn > 0, _glasses),
        (holds, _held),
    ):
        layers = rare.when(there, put, layers, params, shape, rays)
    return layers


def _origin(params, shape):
    """The camera in the head's axes."""
    eye = jnp.array([0.0, 0.0, 1.0]) * params.camera.distance_cm
    return plane.product(shape.turn.T, eye) + jnp.array(surfaces.PIVOT)


def _lay(layers, params, shape, hit, albedo, kind):
    """A thing laid over the layers."""
    colour = solids.lit(hit, albedo, shape.turn, params.light)
    there = (hit.depth < solids.FAR / 2).astype(jnp.float32)
    return picture.cover(layers, colour, hit.depth, there, kind)


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
    pane = own.glasses.lens_colour[None, None] * sky
    layers = picture.cover(layers, pane, depth, lens * dark, "glasses")
    layers = layers.replace(colour=layers.colour + glint)
    rim = own.glasses.rim_colour[None, None] * (0.4 + sky)
    return picture.cover(layers, rim, depth, frame, "glasses")


def _held(layers, params, shape, rays):
    own = params.props
    hit, is_card = props.held(_origin(params, shape), rays, own)
    own_skin = skin.pigment(params.skin.melanin, params.skin.blood)
    limb = own.limb_colour + (own_skin - own.limb_colour) * own.limb_skin
    card = is_card[..., None]
    albedo = own.card.colour[None, None] * card + limb[None, None] * (1 - card)
    return _lay(layers, params, shape, hit, albedo, "occluder")
