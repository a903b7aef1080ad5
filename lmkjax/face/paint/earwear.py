"""Headphones and earrings: what each pixel's ray hits of them, in the head's axes."""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.face.optics import solids
from lmkjax.face.paint import props
from lmkjax.face.shape import surface as surfaces
from lmkjax.types import typed

EAR, LOBE = (9.1, 1.6, -0.9), (7.9, -1.6, 0.7)
"""On the mean head's left, cm."""


@functools.cache
def places(surface: surfaces.Surface) -> np.ndarray:
    """The vertices of a head nearest to its right and left ear, and to their lobes."""
    vertices = surface.atlas[: len(surface.head.neutral)]
    spots = [np.multiply(spot, (x, 1, 1)) for spot in (EAR, LOBE) for x in (-1, 1)]
    return np.array([np.argmin(((vertices - s) ** 2).sum(1)) for s in spots])


@typed
def headphones(
    origin: Float[Array, " 3"],
    ray: Float[Array, "h w 3"],
    pair: props.Headphones,
    ears: Float[Array, "2 3"],
    centre: Float[Array, " 3"],
    radii: Float[Array, " 3"],
) -> solids.Hit:
    """Two cups and the band between them.

    Args:
        origin: the camera, in the head's axes.
        ray: one direction per pixel.
        pair: which.
        ears: the middle of the right and of the left one.
        centre: of a dome over head and hair.
        radii: of that dome; the band lies on it.
    """
    dome = solids.spheroid(origin, ray, centre, radii)
    place = solids.at(origin, ray, dome.depth) - ears.mean(0)[None, None]
    aside = jnp.abs(place[..., 2] - pair.tilt * place[..., 1])
    on = (aside < pair.band_cm) & (place[..., 1] > 0)
    hit = dome.replace(depth=jnp.where(on, dome.depth, solids.FAR))
    size = pair.cup_cm * jnp.array([0.55, 1.15, 1.0])
    for i in range(2):
        pad = solids.spheroid(origin, ray, ears[i], size)
        hit = solids.nearer(hit, pad.replace(tone=pad.tone * 0.85))
    return hit


@typed
def earrings(
    origin: Float[Array, " 3"],
    ray: Float[Array, "h w 3"],
    pair: props.Earrings,
    lobes: Float[Array, "2 3"],
) -> solids.Hit:
    """Studs, or drops that hang from the lobes.

    Args:
        origin: the camera, in the head's axes.
        ray: one direction per pixel.
        pair: which.
        lobes: the lowest of the right and of the left ear.
    """
    radius, length = pair.radius_cm, pair.length
    size = jnp.stack([radius, radius * length, radius])
    hang = jnp.stack([0 * radius, radius * (1 - length), 0 * radius + 0.3])
    first, second = (
        solids.spheroid(origin, ray, lobes[i] + hang, size) for i in range(2)
    )
    return solids.nearer(first, second)
